package subscriber_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// An empty stream is a complete view as soon as a tick has come; then acts are
// enforced as they are published, on either path.
func TestOpenOnAnEmptyStream(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	deny := srv.open(subscriber.Config{})
	if err := deny.Check(tokenOf("a")); err != nil {
		t.Errorf("Check = %v, want nil", err)
	}
	act, fast := session("a"), session("b")
	srv.publish(act)
	if err := srv.nc.Publish(srv.names.Fast(), revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{fast}}.Encode()); err != nil {
		t.Fatal(err)
	}
	srv.enforced(deny, act, fast)
	wantError(t, deny.Check(tokenOf("a")), revocation.ErrRevoked)
	if st := deny.Status(); st.State != subscriber.Live || st.Counters.Holes != 0 || st.Provisional != 1 || len(st.Ignored) != 0 {
		t.Errorf("status %+v, want live without holes", st)
	}
}

// Open returns with every act that was acknowledged before, over more than two
// batches.
func TestOpenReplaysEverything(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	acts := make([]revocation.Act, 1200)
	for i := range acts {
		acts[i] = session(fmt.Sprint(i))
	}
	srv.publishAll(acts)
	deny := srv.open(subscriber.Config{})
	for _, a := range acts {
		if !deny.Enforces(a) {
			t.Fatalf("act %s is not enforced when Open returns; status %+v", a.Target.ID, deny.Status())
		}
	}
	if st := deny.Status(); st.State != subscriber.Live || st.Acts != len(acts) || st.LastSequence < 1200 {
		t.Errorf("status %+v, want live with %d acts", st, len(acts))
	}
}

// Holes that expired messages have left in the store are no loss.
func TestOpenReplaysOverHoles(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	var kept, expired []revocation.Act
	for i := range 90 {
		a := session(fmt.Sprint(i))
		if i%3 != 1 {
			kept = append(kept, a)
			srv.publish(a)
			continue
		}
		expired = append(expired, a)
		if _, err := srv.js.Publish(t.Context(), srv.names.Event(), revocation.Message{Acts: []revocation.Act{a}}.Encode(),
			jetstream.WithMsgTTL(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	srv.eventually("expiry", func() bool {
		s, err := srv.js.Stream(t.Context(), srv.names.Events())
		return err == nil && s.CachedInfo().State.NumDeleted >= len(expired)
	})
	deny := srv.open(subscriber.Config{})
	for _, a := range kept {
		if !deny.Enforces(a) {
			t.Errorf("act %s is not enforced after a replay over holes", a.Target.ID)
		}
	}
	for _, a := range expired {
		if deny.Enforces(a) {
			t.Errorf("act %s was stored for longer than its TTL: the test is void", a.Target.ID)
		}
	}
	if st := deny.Status(); st.State != subscriber.Live || st.Counters.Holes != 0 {
		t.Errorf("status %+v, want live, no holes on the live path", st)
	}
}

// NATS may be down when a node starts: Open waits for it.
func TestOpenWaitsForNATS(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	act := session("a")
	srv.publish(act)
	px, url := runProxy(t, srv.URL())
	px.Set(faultlink.Mode{Refuse: true})
	type result struct {
		deny *subscriber.Subscriber
		err  error
	}
	opened := make(chan result, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		deny, err := subscriber.Open(ctx, subscriber.Config{Servers: url, Service: "orders"})
		opened <- result{deny, err}
	}()
	select {
	case r := <-opened:
		t.Fatalf("Open returned %v without a server", r.err)
	case <-time.After(time.Second): // long enough for several attempts
	}
	px.Set(faultlink.Mode{})
	r := <-opened
	if r.err != nil {
		t.Fatal(r.err)
	}
	defer r.deny.Close()
	if !r.deny.Enforces(act) {
		t.Error("Open returned before the act was enforced")
	}
}

// If NATS stays down, the stream is missing or nothing ticks, Open ends with
// ctx, and its error names the step that waited. Nothing is left running.
func TestOpenNamesTheStepThatWaited(t *testing.T) {
	short := func(t *testing.T) context.Context {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		_, err := subscriber.Open(short(t), subscriber.Config{Servers: "nats://" + unusedAddress(t), Service: "orders"})
		wantError(t, err, context.DeadlineExceeded, "connecting to NATS", "refused")
	})
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err := subscriber.Open(ctx, subscriber.Config{Servers: "nats://" + unusedAddress(t), Service: "orders"})
		wantError(t, err, context.Canceled, "connecting to NATS")
	})
	t.Run("no stream", func(t *testing.T) {
		srv := runServer(t)
		_, err := subscriber.Open(short(t), subscriber.Config{Servers: srv.URL(), Service: "orders"})
		wantError(t, err, context.DeadlineExceeded, "replaying the stream after sequence 0", "no server answers for stream REVOKED_EVENTS")
	})
	t.Run("stream under another prefix", func(t *testing.T) {
		srv := runServer(t)
		srv.provision()
		_, err := subscriber.Open(short(t), subscriber.Config{Servers: srv.URL(), Service: "orders", Prefix: "staging"})
		wantError(t, err, context.DeadlineExceeded, "STAGING_EVENTS")
	})
	t.Run("no ticks", func(t *testing.T) {
		srv := runServer(t)
		srv.createStream()
		srv.publish(session("a"))
		_, err := subscriber.Open(short(t), subscriber.Config{Servers: srv.URL(), Service: "orders"})
		wantError(t, err, context.DeadlineExceeded, "waiting for a tick after sequence 1", "tick schedule")
	})
	t.Run("no ticks, and NATS came late", func(t *testing.T) {
		srv := runServer(t)
		srv.createStream()
		px, url := runProxy(t, srv.URL())
		px.Set(faultlink.Mode{Refuse: true})
		time.AfterFunc(300*time.Millisecond, func() { px.Set(faultlink.Mode{}) })
		_, err := subscriber.Open(short(t), subscriber.Config{Servers: url, Service: "orders"})
		wantError(t, err, context.DeadlineExceeded, "waiting for a tick after sequence 0")
	})
	t.Run("incomplete", func(t *testing.T) {
		srv := runServer(t)
		srv.provision()
		if _, err := srv.js.Publish(short(t), srv.names.Event(), []byte("\xff")); err != nil {
			t.Fatal(err)
		}
		_, err := subscriber.Open(short(t), subscriber.Config{Servers: srv.URL(), Service: "orders"})
		wantError(t, err, context.DeadlineExceeded, "the view is stale (incomplete: ")
	})
}

// createStream makes the stream as Provision does, but without ticks.
func (s *server) createStream() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	if _, err := s.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: s.names.Events(), Subjects: []string{s.names.Stored()}, AllowDirect: true,
		RePublish: &jetstream.RePublish{Source: s.names.Stored(), Destination: strings.Replace(s.names.Live(), "*", "{{wildcard(1)}}", 1)},
	}); err != nil {
		s.t.Fatal(err)
	}
}

// unusedAddress returns a loopback address where nobody listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

// A context that has ended is not waited for, and a running server does not
// help.
func TestOpenWithAnEndedContext(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := subscriber.Open(ctx, subscriber.Config{Servers: srv.URL(), Service: "orders"})
	wantError(t, err, context.Canceled)
}

// Environments under different prefixes share a server and do not meet.
func TestPrefixesAreSeparate(t *testing.T) {
	t.Parallel()
	base := natsdev.Run(t)
	live, staging := connectTo(t, base), connectTo(t, base)
	live.provision()
	staging.names = mustNames(t, "staging")
	staging.provision()
	deny := live.open(subscriber.Config{})
	other := staging.open(subscriber.Config{Prefix: "staging"})
	a, b := session("a"), session("b")
	live.publish(a)
	staging.publish(b)
	live.enforced(deny, a)
	staging.enforced(other, b)
	if deny.Enforces(b) || other.Enforces(a) {
		t.Error("an act of one environment is enforced in the other")
	}
}
