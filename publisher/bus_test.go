package publisher_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// patience bounds every wait on a real server.
const patience = 20 * time.Second

// connect returns a connection that comes back whenever the server does,, until the end of the test.
func connect(t testing.TB, srv *natsdev.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(srv.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// provision creates the stream and returns it.
func provision(t testing.TB, nc *nats.Conn, names stream.Names) (jetstream.Stream, stream.Info) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Provision(t.Context(), js, stream.Settings{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), names.Events())
	if err != nil {
		t.Fatal(err)
	}
	return s, info
}

func newBus(t testing.TB, nc *nats.Conn, prefix string) (*publisher.NATSBus, stream.Names) {
	t.Helper()
	bus, err := publisher.NewNATSBus(nc, prefix)
	if err != nil {
		t.Fatal(err)
	}
	names, err := stream.NewNames(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return bus, names
}

func payload() []byte {
	return revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{{
		ID:        revocation.NewActID(),
		State:     revocation.StateConfirmed,
		Target:    revocation.Target{Kind: revocation.KindToken, Pool: poolID, ID: "jti-1"},
		ExpiresAt: time.Now().Add(hour).Unix(),
	}}}.Encode()
}

func TestWhatIsAcknowledgedIsThere(t *testing.T) {
	nc := connect(t, natsdev.Run(t))
	bus, names := newBus(t, nc, "staging")
	events, _ := provision(t, nc, names)
	for _, test := range []struct {
		subject string
		append  func(payload []byte, ttl time.Duration) (uint64, error)
	}{
		{names.Event(), func(payload []byte, ttl time.Duration) (uint64, error) {
			return bus.AppendAct(t.Context(), payload, ttl)
		}},
		{names.Beat(), func(payload []byte, ttl time.Duration) (uint64, error) {
			err := bus.AppendBeat(t.Context(), payload, ttl)
			if err != nil {
				return 0, err
			}
			last, err := events.GetLastMsgForSubject(t.Context(), names.Beat())
			if err != nil {
				return 0, err
			}
			return last.Sequence, nil
		}},
	} {
		want := payload()
		seq, err := test.append(want, 90*time.Minute)
		if err != nil {
			t.Fatalf("append to %s: %v", test.subject, err)
		}
		msg, err := events.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatalf("message %d: %v", seq, err)
		}
		if msg.Subject != test.subject || !bytes.Equal(msg.Data, want) {
			t.Errorf("message %d on %s is %q, want %q on %s", seq, msg.Subject, msg.Data, want, test.subject)
		}
		if ttl := msg.Header.Get(jetstream.MsgTTLHeader); ttl != "1h30m0s" {
			t.Errorf("message on %s has TTL %q, want 1h30m0s", test.subject, ttl)
		}
		// A retry with the id of a message that was lost on its way to the
		// nodes would be taken for a duplicate.
		if id := msg.Header.Get(jetstream.MsgIDHeader); id != "" {
			t.Errorf("message on %s has the id %q, want none", test.subject, id)
		}
	}
}

func TestRepeatedAppendIsStoredAgain(t *testing.T) {
	nc := connect(t, natsdev.Run(t))
	bus, names := newBus(t, nc, "")
	provision(t, nc, names)
	same := payload()
	first, err := bus.AppendAct(t.Context(), same, hour)
	if err != nil {
		t.Fatal(err)
	}
	second, err := bus.AppendAct(t.Context(), same, hour)
	if err != nil || second <= first {
		t.Errorf("the same copy again: sequence %d, %v; want a later one than %d", second, err, first)
	}
}

func TestAppendLastsThroughARestart(t *testing.T) {
	srv := natsdev.Run(t)
	nc := connect(t, srv)
	bus, names := newBus(t, nc, "")
	provision(t, nc, names)
	srv.Stop()
	type result struct {
		seq uint64
		err error
	}
	stored := make(chan result, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		seq, err := bus.AppendAct(ctx, payload(), hour)
		stored <- result{seq, err}
	}()
	// It keeps trying for as long as the server is away.
	select {
	case r := <-stored:
		t.Fatalf("AppendAct without a server = %d, %v; want it to wait", r.seq, r.err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := srv.Restart(); err != nil {
		t.Fatal(err)
	}
	r := <-stored
	if r.err != nil {
		t.Fatalf("AppendAct through a restart: %v", r.err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	events, err := js.Stream(t.Context(), names.Events())
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := events.GetMsg(t.Context(), r.seq); err != nil || msg.Subject != names.Event() {
		t.Errorf("message %d = %+v, %v; want it on %s", r.seq, msg, err, names.Event())
	}
}

func TestRefusedAppend(t *testing.T) {
	nc := connect(t, natsdev.Run(t))
	bus, names := newBus(t, nc, "")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	// No stream: there may be one in a moment, so it tries until ctx ends.
	if seq, err := bus.AppendAct(ctx, payload(), hour); err == nil || ctx.Err() == nil {
		t.Errorf("AppendAct without a stream = %d, %v; want an error when ctx ends", seq, err)
	}
	provision(t, nc, names)
	start := time.Now()
	seq, err := bus.AppendAct(t.Context(), payload(), time.Millisecond)
	if refused, ok := errors.AsType[*jetstream.APIError](err); !ok || refused.Code >= 500 {
		t.Errorf("AppendAct with a TTL of 1 ms = %d, %v; want the server's refusal", seq, err)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("a refusal was returned after %v only", took)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bus.AppendBeat(done, payload(), hour); !errors.Is(err, context.Canceled) {
		t.Errorf("AppendBeat with a ctx that has ended = %v, want context.Canceled", err)
	}
}

func TestFastPathReachesCoreSubscribers(t *testing.T) {
	srv := natsdev.Run(t) // without any stream
	bus, names := newBus(t, connect(t, srv), "")
	node := connect(t, srv)
	sub, err := node.SubscribeSync(names.Fast())
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Flush(); err != nil {
		t.Fatal(err)
	}
	want := payload()
	if err := bus.Fast(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	msg, err := sub.NextMsg(patience)
	if err != nil || !bytes.Equal(msg.Data, want) || len(msg.Header) > 0 {
		t.Errorf("the node received %+v, %v; want %q", msg, err, want)
	}
}

// A copy that waits for a connection has not left: no caller may be told that
// nodes deny.
func TestFastWithoutAConnection(t *testing.T) {
	srv := natsdev.Run(t)
	nc := connect(t, srv)
	bus, _ := newBus(t, nc, "")
	gone := nc.StatusChanged(nats.RECONNECTING)
	srv.Stop()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the connection does not notice that the server is gone")
	}
	if err := bus.Fast(t.Context(), payload()); !errors.Is(err, nats.ErrDisconnected) {
		t.Errorf("Fast without a server = %v, want ErrDisconnected", err)
	}
	nc.Close()
	if err := bus.Fast(t.Context(), payload()); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Fast on a closed connection = %v, want ErrConnectionClosed", err)
	}
}

func TestWrongPrefix(t *testing.T) {
	if bus, err := publisher.NewNATSBus(nil, "a.b"); err == nil {
		t.Errorf("NewNATSBus with prefix a.b = %v, want an error", bus)
	}
}
