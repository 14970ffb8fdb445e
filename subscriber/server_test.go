package subscriber_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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

// proxy is a TCP proxy whose network can break in different ways.
type proxy struct {
	t      *testing.T
	lis    net.Listener
	target atomic.Value // string
	done   sync.WaitGroup

	refuse atomic.Bool // new connections are closed at once

	mu    sync.Mutex // guards pairs
	pairs []*pair
}

// pair is one connection through the proxy.
type pair struct {
	client, server net.Conn
	swallow        atomic.Bool // bytes are read and dropped, in both directions
}

func runProxy(t *testing.T, url string) *proxy {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, lis: lis}
	p.target.Store(strings.TrimPrefix(url, "nats://"))
	p.done.Go(p.serve)
	t.Cleanup(func() {
		p.refuse.Store(true)
		lis.Close()
		p.drop()
		p.done.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.lis.Addr().String() }

func (p *proxy) serve() {
	for {
		client, err := p.lis.Accept()
		if err != nil {
			return
		}
		if p.refuse.Load() {
			client.Close()
			continue
		}
		srv, err := net.Dial("tcp", p.target.Load().(string))
		if err != nil {
			client.Close()
			continue
		}
		c := &pair{client: client, server: srv}
		p.mu.Lock()
		p.pairs = append(p.pairs, c)
		p.mu.Unlock()
		if p.refuse.Load() { // the cut came in between
			p.drop()
		}
		p.done.Go(func() { c.copy(client, srv) })
		p.done.Go(func() { c.copy(srv, client) })
	}
}

func (c *pair) copy(dst, src net.Conn) {
	defer dst.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 && !c.swallow.Load() {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// aim sends new connections to another address, and returns the one before.
func (p *proxy) aim(address string) string { return p.target.Swap(address).(string) }

// drop closes every connection.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.pairs {
		c.client.Close()
		c.server.Close()
	}
	p.pairs = nil
}

// cut closes every connection and refuses new ones until heal.
func (p *proxy) cut() {
	p.refuse.Store(true)
	p.drop()
}

// freeze keeps every connection open and lets nothing through any more.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.pairs {
		c.swallow.Store(true)
	}
}

func (p *proxy) heal() { p.refuse.Store(false) }
