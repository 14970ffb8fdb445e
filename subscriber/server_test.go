package subscriber_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

const pool = "eu-west-1_A"

// limit bounds every wait on a real server. Nothing takes nearly as long.
const limit = 30 * time.Second

// nats-server and its stream, seen by an administrator and publisher.
type server struct {
	*natsdev.Server
	t     *testing.T
	nc    *nats.Conn
	js    jetstream.JetStream
	names stream.Names
	epoch string
}

// runServer starts a server and lets the test run beside others: it waits in
// real time.
func runServer(t *testing.T) *server {
	t.Helper()
	t.Parallel()
	return connectTo(t, natsdev.Run(t))
}

func connectTo(t *testing.T, srv *natsdev.Server) *server {
	t.Helper()
	nc, err := nats.Connect(srv.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1000))
	if err != nil {
		t.Fatal(err)
	}
	names, err := stream.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	return &server{Server: srv, t: t, nc: nc, js: js, names: names}
}

func (s *server) provision() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	info, err := stream.Provision(ctx, s.js, stream.Settings{Names: s.names})
	if err != nil {
		s.t.Fatal(err)
	}
	s.epoch = info.Epoch
	s.beat(revocation.Acceptance{})
}

// beat stores a sign of life of the revoke service.
func (s *server) beat(accepted revocation.Acceptance) {
	s.t.Helper()
	m := revocation.Message{SentAt: time.Now(), Beat: &revocation.Beat{
		ServiceID: "service", Epoch: s.epoch, Version: revocation.WireVersion, Accepted: accepted,
	}}
	if _, err := s.js.Publish(s.t.Context(), s.names.Beat(), m.Encode(), jetstream.WithMsgTTL(48*time.Hour)); err != nil {
		s.t.Fatal(err)
	}
}

// publish stores acts, a message each, and returns once they are acknowledged.
func (s *server) publish(acts ...revocation.Act) {
	s.t.Helper()
	for _, a := range acts {
		s.eventually("publishing an act", func() bool {
			ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
			defer cancel()
			_, err := s.js.Publish(ctx, s.names.Event(), revocation.Message{Acts: []revocation.Act{a}}.Encode())
			return err == nil
		})
	}
}

// publishAll stores acts, a message each, and waits for the acknowledgments
// together.
func (s *server) publishAll(acts []revocation.Act) {
	s.t.Helper()
	for _, a := range acts {
		if _, err := s.js.PublishAsync(s.names.Event(), revocation.Message{Acts: []revocation.Act{a}}.Encode(),
			jetstream.WithStallWait(limit)); err != nil {
			s.t.Fatal(err)
		}
	}
	select {
	case <-s.js.PublishAsyncComplete():
	case <-time.After(limit):
		s.t.Fatalf("%d acts not acknowledged within %v", len(acts), limit)
	}
}

// open opens a subscriber and closes it at the end of the test.
func (s *server) open(cfg subscriber.Config) *subscriber.Subscriber {
	s.t.Helper()
	if cfg.Servers == "" && cfg.Conn == nil {
		cfg.Servers = s.URL()
	}
	cfg.Service = "orders"
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	deny, err := subscriber.Open(ctx, cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { deny.Close() })
	return deny
}

// eventually waits until cond holds.
func (s *server) eventually(what string, cond func() bool) {
	s.t.Helper()
	deadline := time.After(limit)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !cond() {
		select {
		case <-poll.C:
		case <-deadline:
			s.t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// enforced waits until deny enforces the acts.
func (s *server) enforced(deny *subscriber.Subscriber, acts ...revocation.Act) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	for _, a := range acts {
		if err := deny.AwaitEnforced(ctx, a); err != nil {
			s.t.Fatalf("%s: %v; status %+v", a.Target.ID, err, deny.Status())
		}
	}
}

func session(id string) revocation.Act {
	return revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Unix() + 3600,
		Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: id},
	}
}

func tokenOf(session string) revocation.Token {
	return revocation.Token{Pool: pool, JTI: "j", OriginJTI: session, Subject: "s", IssuedAt: 1}
}

func isLive(deny *subscriber.Subscriber) func() bool {
	return func() bool { return deny.Status().State == subscriber.Live && deny.Check(tokenOf("other")) == nil }
}

func isStale(deny *subscriber.Subscriber) func() bool {
	return func() bool { return errors.Is(deny.Check(tokenOf("other")), revocation.ErrStale) }
}

// wantError checks that err wraps target and contains every part.
func wantError(t *testing.T, err, target error, parts ...string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v, want one that wraps %v", err, target)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q, want it to contain %q", err, p)
		}
	}
}

// runProxy starts a network between a node and the server, which can break. It
// returns the URL to connect to.
func runProxy(t *testing.T, server string) (px *faultlink.Proxy, url string) {
	t.Helper()
	px, err := faultlink.Run(strings.TrimPrefix(server, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(px.Close)
	return px, "nats://" + px.Address()
}
