package subscriber

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	pool         = "eu-west-1_A"
	maxStaleness = time.Minute
)

// world is a subscriber in a synctest bubble, and the stream that it follows.
// The server's clock is the bubble's plus skew.
type world struct {
	*testing.T
	src  *fakeSource
	s    *Subscriber
	skew time.Duration
}

// newWorld starts a subscriber that follows an empty stream.
func newWorld(t *testing.T) *world {
	t.Helper()
	return startWorld(t, newFakeSource(), zerolog.Nop())
}

// startWorld starts a subscriber that needs no beats.
func startWorld(t *testing.T, src *fakeSource, log zerolog.Logger) *world {
	t.Helper()
	return startView(t, src, viewWithoutBeats(log))
}

func viewWithoutBeats(log zerolog.Logger) *view {
	v := newView(maxStaleness, log)
	v.ignoreBeats = true
	return v
}

func startView(t *testing.T, src *fakeSource, v *view) *world {
	t.Helper()
	w := &world{T: t, src: src, s: start(src, v, begin{deny: denylist.New(), maxActs: defaultMaxActs})}
	t.Cleanup(func() { w.s.Close() })
	synctest.Wait()
	return w
}

// store appends a message to the stream. Nobody hears of it yet.
func (w *world) store(m revocation.Message) event {
	return w.src.store(m.Encode(), m.Tick, time.Now().Add(w.skew))
}

func (w *world) storeTick() event {
	return w.store(revocation.Message{Tick: true, Epoch: w.src.epoch})
}
func (w *world) storeAct(a revocation.Act) event {
	return w.store(revocation.Message{Acts: []revocation.Act{a}})
}

// send delivers events on the live path and waits until all is quiet.
func (w *world) send(events ...event) {
	for _, ev := range events {
		w.src.live <- ev
	}
	synctest.Wait()
}

// tick stores and delivers a tick.
func (w *world) tick() { w.send(w.storeTick()) }

// pass lets time go by with a tick each second.
func (w *world) pass(d time.Duration) {
	for ; d >= time.Second; d -= time.Second {
		time.Sleep(time.Second)
		w.tick()
	}
	w.sleep(d)
}

// sleep lets time go by in silence.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantRevoked and its siblings check the answer for a token of a session.
func (w *world) wantRevoked(session string) {
	w.Helper()
	if err := w.s.Check(tokenOf(session)); !isRevoked(err) {
		w.Errorf("Check(%s) = %v, want ErrRevoked", session, err)
	}
}

func (w *world) wantAccepted(session string) {
	w.Helper()
	if err := w.s.Check(tokenOf(session)); err != nil {
		w.Errorf("Check(%s) = %v, want nil", session, err)
	}
}

func (w *world) wantStale(session string) {
	w.Helper()
	if err := w.s.Check(tokenOf(session)); !isStale(err) {
		w.Errorf("Check(%s) = %v, want ErrStale", session, err)
	}
}

func (w *world) wantState(want State) Status {
	w.Helper()
	st := w.s.Status()
	if st.State != want {
		w.Errorf("state %s (%s), want %s", st.State, st.Reason, want)
	}
	return st
}

func (w *world) wantLast(want uint64) {
	w.Helper()
	if got := w.s.Status().LastSequence; got != want {
		w.Errorf("applied up to sequence %d, want %d", got, want)
	}
}

// session returns an open act on a session that expires in an hour.
func session(id string) revocation.Act {
	return revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Add(time.Hour).Unix(),
		Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: id},
	}
}

func tokenOf(session string) revocation.Token {
	return revocation.Token{Pool: pool, JTI: "j", OriginJTI: session, Subject: "s", ClientID: "c", IssuedAt: 1, AuthTime: 1}
}

// fakeSource is a stream, the server that holds it and the network between:
// what the test puts into live and quic arrives, the rest is lost.
type fakeSource struct {
	live chan event
	quic chan *nats.Msg

	mu     sync.Mutex // guards the fields below
	epoch  string
	stored []event
	head   uint64
	script []answer // used up one by one; then answers are honest
	asked  []uint64
	reads  []uint64
	unread error // what read answers; nil: the truth
	closed bool
}

// answer makes what the follower gets of what an honest server would send.
type answer func(ctx context.Context, honest batch) (batch, error)

func newFakeSource() *fakeSource {
	return &fakeSource{live: make(chan event, 1024), quic: make(chan *nats.Msg, 16), epoch: epoch}
}

func (f *fakeSource) events() <-chan event   { return f.live }
func (f *fakeSource) fast() <-chan *nats.Msg { return f.quic }

func (f *fakeSource) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

func (f *fakeSource) batch(ctx context.Context, from uint64, n int) (batch, error) {
	f.mu.Lock()
	f.asked = append(f.asked, from)
	honest := f.honest(from, n)
	var next answer
	if len(f.script) > 0 {
		next, f.script = f.script[0], f.script[1:]
	}
	f.mu.Unlock()
	if next != nil {
		return next(ctx, honest)
	}
	return honest, ctx.Err()
}

func (f *fakeSource) read(ctx context.Context, sequence uint64) (event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads = append(f.reads, sequence)
	if f.unread != nil {
		return event{}, f.unread
	}
	for _, ev := range f.stored {
		if ev.sequence == sequence {
			ev.tick = false // the answer does not come on the live path
			return ev, ctx.Err()
		}
	}
	return event{}, errNotStored
}

// honest is what a server with the whole stream answers. The caller holds mu.
func (f *fakeSource) honest(from uint64, n int) batch {
	var b batch
	for _, ev := range f.stored {
		if ev.sequence < from {
			continue
		}
		b.pending++
		if len(b.payloads) < n {
			b.payloads, b.last = append(b.payloads, ev.payload), ev.sequence
		}
	}
	return b
}

func (f *fakeSource) store(payload []byte, tick bool, at time.Time) event {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head++
	ev := event{sequence: f.head, at: at.UTC().Round(0), tick: tick, payload: payload}
	f.stored = append(f.stored, ev)
	return ev
}

// expire removes stored messages, as their TTL does.
func (f *fakeSource) expire(sequences ...uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored = slices.DeleteFunc(f.stored, func(ev event) bool { return slices.Contains(sequences, ev.sequence) })
}

// next scripts the coming answers.
func (f *fakeSource) next(answers ...answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, answers...)
}

// requests returns from where batches were asked for since the last call.
func (f *fakeSource) requests() []uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// Some answers that are not honest.

// lost is a request that nobody answers.
func lost(context.Context, batch) (batch, error) { return batch{}, fmt.Errorf("no answer") }

// short has lost n messages on the way.
func short(n int) answer {
	return func(_ context.Context, b batch) (batch, error) {
		b.payloads = b.payloads[n:]
		return b, nil
	}
}

// lagging comes from a replica that lacks the newest n messages.
func lagging(n int) answer {
	return func(_ context.Context, b batch) (batch, error) {
		keep := len(b.payloads) - n
		return batch{payloads: b.payloads[:keep], last: b.last - uint64(n), pending: b.pending - uint64(n)}, nil
	}
}

// nothing is the status 404: no message at or after the sequence asked for.
func nothing(context.Context, batch) (batch, error) { return batch{}, nil }

// never is a server that keeps the follower waiting.
func never(ctx context.Context, _ batch) (batch, error) {
	<-ctx.Done()
	return batch{}, ctx.Err()
}
