package nats_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// gate connects a node to the server in such a way that its requests for stored
// messages can be kept away: the node then waits for answers, on inboxes that
// the test gets to know.
type gate struct {
	srv *server.Server

	mu      sync.Mutex // guards the fields below
	closed  bool
	inboxes []string
}

// InProcessConn implements nats.InProcessConnProvider.
func (g *gate) InProcessConn() (net.Conn, error) {
	conn, err := g.srv.InProcessConn()
	return &gatedConn{Conn: conn, gate: g}, err
}

type gatedConn struct {
	net.Conn
	gate *gate
}

// Write drops requests while the gate is closed. The client library writes
// whole requests.
func (c *gatedConn) Write(p []byte) (int, error) {
	g := c.gate
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	request := []byte("PUB " + direct + " ")
	kept := p
	for closed {
		at := bytes.Index(kept, request)
		if at < 0 {
			break
		}
		line, rest, _ := bytes.Cut(kept[at:], []byte("\r\n"))
		_, rest, _ = bytes.Cut(rest, []byte("\r\n")) // the request's body is JSON
		g.mu.Lock()
		g.inboxes = append(g.inboxes, string(bytes.Fields(line)[2]))
		g.mu.Unlock()
		kept = append(bytes.Clone(kept[:at]), rest...)
	}
	if _, err := c.Conn.Write(kept); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.inboxes = closed, nil
}

// newest returns the inbox on which the node waits now.
func (g *gate) newest() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.inboxes) == 0 {
		return ""
	}
	return g.inboxes[len(g.inboxes)-1]
}

// While a node catches up, another one that even knows the inbox can't answer
// in the stream's stead. Whoever could, would be heard.
func TestForgedAnswerWhileCatchingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "nkey")
	w.startWitness() // for its beat and acts
	g := &gate{srv: w.server}
	nc, err := nats.Connect("", nats.InProcessServer(g), w.auth("payments"), nats.CustomInboxPrefix("_INBOX_payments"),
		nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.ReconnectWait(10*time.Millisecond),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	node, err := subscriber.Open(ctx, subscriber.Config{Conn: nc, Service: "payments", Node: "n2"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	g.set(true)
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	w.await("the node catches up", func() bool { return g.newest() != "" })
	before := node.Status()

	// A forged end of batch that says: you have everything.
	atk := &attacker{nc: w.connect(w.url, "orders"), victim: g.newest()}
	for range 20 {
		atk.victim, atk.err = g.newest(), nil
		if endOfBatch(atk); !isPermission(atk.err) {
			t.Fatalf("publishing into the inbox: %v, want a permissions violation", atk.err)
		}
	}
	if st := node.Status(); st.LastSequence != before.LastSequence || st.State == subscriber.Live {
		t.Errorf("after the forgery: %+v, want as before: %+v", st, before)
	}

	control := &attacker{nc: w.connect(w.url, "controller")}
	w.await("what a controller answers is heard", func() bool {
		control.victim = g.newest()
		endOfBatch(control)
		st := node.Status()
		return st.Stalled != nil && bytes.Contains([]byte(st.Stalled.Error()), []byte("204")) || st.LastSequence > before.LastSequence
	})
	g.set(false)
	w.revoke()
	for _, a := range w.acts {
		if err := node.AwaitEnforced(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) await(what string, cond func() bool) {
	w.t.Helper()
	for end := time.Now().Add(limit); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s: not within %v", what, limit)
		}
	}
}
