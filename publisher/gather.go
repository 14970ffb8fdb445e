package publisher

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// messageActs and messageBytes bound one message of acts: a server has a
	// limit of what may be pending for an answer of 500 messages.
	messageActs  = 500
	messageBytes = 60 << 10
	// settleTimeout bounds the wait for a server that does not take what was
	// sent to it. What comes meanwhile would not arrive earlier.
	settleTimeout = 100 * time.Millisecond
	// maxRest bounds the pause after a message, and so by how much an act can be
	// late for the sake of others.
	maxRest = 100 * time.Millisecond
)

// gatherer publishes acts. An act that comes while no message is under way
// leaves at once and alone. Those that come meanwhile leave together, in the next
// message: each message costs a delivery to every node, so that with a message
// for each act a batch would keep the server, and all nodes, busy for minutes.
type gatherer struct {
	// rest is for how many times as long as a message was under way none leaves
	// behind it, if acts came meanwhile. With few nodes that is next to nothing.
	// With a thousand it leaves the server the time for anything else, and who
	// revokes one after the other does not wait.
	rest int
	// send publishes a message. It is under way until that has returned, and
	// settle after it, if there is one.
	send   func(ctx context.Context, payload []byte, ttl time.Duration) (uint64, error)
	settle func(ctx context.Context) error

	free time.Time // when the next message may leave; run's

	mu    sync.Mutex    // guards the fields below
	ended chan struct{} // closed when run ends; nil if it does not run
	queue []*parcel     // the first leaves first, the last may take more acts
}

// parcel is a message of acts of one trace, or of none.
type parcel struct {
	ctx     context.Context //nolint:containedctx // of its first act, for the trace; ends when nobody waits
	cancel  context.CancelFunc
	trace   trace.TraceID
	waiting int
	acts    []revocation.Act
	size    int
	since   time.Time
	ttl     time.Duration
	done    chan struct{} // closed when the fields below are set

	sequence uint64
	err      error
}

// publish returns when the message with the act has been sent, or ctx ends. The
// act may leave all the same then.
func (g *gatherer) publish(ctx context.Context, act revocation.Act, ttl time.Duration) (uint64, error) {
	p := g.add(ctx, act, ttl)
	select {
	case <-p.done:
		return p.sequence, p.err
	case <-ctx.Done():
	}
	if g.leave(p) {
		<-p.done // sending ends now, and its error says more
		return p.sequence, p.err
	}
	return 0, fmt.Errorf("publisher: publishing act %s: %w", act.ID, context.Cause(ctx))
}

// add puts an act into the message that leaves next, or a new one.
func (g *gatherer) add(ctx context.Context, act revocation.Act, ttl time.Duration) *parcel {
	size := len(encode(act, time.Time{}))
	of := spans.TraceID(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	var p *parcel
	if n := len(g.queue); n > 0 && g.queue[n-1].takes(of, size) {
		p = g.queue[n-1]
	} else {
		p = &parcel{trace: of, since: time.Now(), done: make(chan struct{})}
		p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
		g.queue = append(g.queue, p)
	}
	p.acts = append(p.acts, act)
	p.size += size
	p.ttl = max(p.ttl, ttl)
	p.waiting++
	if g.ended == nil {
		g.ended = make(chan struct{})
		go g.run() // ends when all is sent; close waits for it
	}
	return p
}

// takes reports whether a message has room for one more act.
func (p *parcel) takes(of trace.TraceID, size int) bool {
	return p.trace == of && len(p.acts) < messageActs && p.size+size <= messageBytes
}

// leave gives a message up for one caller. It reports whether it is being sent
// and nobody else waits for it, so that sending ends. One that has not left, and
// that nobody waits for, is dropped.
func (g *gatherer) leave(p *parcel) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	p.waiting--
	if p.waiting > 0 {
		return false
	}
	p.cancel()
	if i := slices.Index(g.queue, p); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
		return false
	}
	return true
}

// run sends one message after the other until none is left.
func (g *gatherer) run() {
	for {
		g.mu.Lock()
		switch wait := time.Until(g.free); {
		case len(g.queue) == 0:
			close(g.ended)
			g.ended = nil
			g.mu.Unlock()
			return
		case wait > 0:
			g.mu.Unlock()
			time.Sleep(wait)
			continue
		}
		p := g.queue[0]
		g.queue = g.queue[1:]
		g.mu.Unlock()

		began := time.Now()
		m := revocation.Message{SentAt: p.since, Acts: p.acts}
		p.sequence, p.err = g.send(p.ctx, m.Encode(), p.ttl)
		p.cancel()
		close(p.done)
		if g.settle != nil && p.err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
			_ = g.settle(ctx) // it only says when
			cancel()
		}
		if now := time.Now(); g.waited() {
			g.free = now.Add(min(time.Duration(g.rest)*now.Sub(began), maxRest))
		}
	}
}

// waited reports whether acts wait.
func (g *gatherer) waited() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.queue) > 0
}

// close waits until nothing is under way. There must be nobody left who
// publishes.
func (g *gatherer) close() {
	g.mu.Lock()
	ended := g.ended
	g.mu.Unlock()
	if ended != nil {
		<-ended
	}
}
