package subscriber

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// batchSize is how many messages one request asks for. Larger batches
	// hold a lock of the server for long and stall publishers.
	batchSize = 500
	// retryMin and retryMax bound the wait before a failed or fruitless
	// catch-up is tried again; half of it is jitter.
	retryMin = 50 * time.Millisecond
	retryMax = 2 * time.Second
	// maxPendingTicks bounds the ticks that wait for a hole to be filled. The
	// oldest are dropped: they could only make the view look older.
	maxPendingTicks = 128
	// watchPeriod is how often the state is looked at although nothing
	// happens, to log that the view has become too old.
	watchPeriod = time.Second
	// provisionalLife is how long an act counts that only the fast path has
	// brought, from the time it was sent; each repeat renews it.
	provisionalLife = 120 * time.Second
)

// follower applies the stream to the denylist, in order and without holes, and
// collects the proofs of freshness. It is owned by the goroutine that calls
// run, but for the parts of view and denylist, which guard themselves.
type follower struct {
	src  source
	deny *denylist.Denylist
	view *view

	last    uint64 // sequence of the newest message applied with everything before it
	target  uint64 // highest sequence known to exist
	behind  bool   // catching up has not reached target, or must begin
	retries int
	retryAt <-chan time.Time // fires when catching up is to be tried again; nil if not waiting
	ticks   []tick           // ticks seen on the live path that are not applied yet
}

// tick is a proof in waiting: everything up to sequence existed at time at.
type tick struct {
	sequence uint64
	at       time.Time
}

// run follows the source until ctx is done.
func (f *follower) run(ctx context.Context) {
	f.catchUp(ctx)
	watch := time.NewTicker(watchPeriod)
	defer watch.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case ev := <-f.src.events():
			f.handle(ctx, ev)
		case <-f.retryAt:
			f.catchUp(ctx)
		case <-watch.C:
			f.view.observe(time.Now())
		}
	}
}

// handle takes one event. A live message that follows the last one is applied;
// one beyond it shows a hole, which is filled from the stream; one at or below
// the last changes nothing.
func (f *follower) handle(ctx context.Context, ev event) {
	if ev.reconnected {
		// Messages may have passed while nobody listened.
		f.view.count(&f.view.counters.Reconnects)
		f.catchUp(ctx)
		return
	}
	if ev.sequence <= f.last {
		f.view.count(&f.view.counters.Repeated)
		return
	}
	if ev.tick {
		f.view.arrived(ev.at, time.Now())
		f.remember(tick{ev.sequence, ev.at})
	}
	f.target = max(f.target, ev.sequence)
	if ev.sequence == f.last+1 {
		f.apply(ev.payload)
		f.last = ev.sequence
		f.settle()
		return
	}
	if !f.behind { // else the retry is arranged already
		f.view.count(&f.view.counters.Holes)
		f.catchUp(ctx)
	}
}

func (f *follower) remember(t tick) {
	if len(f.ticks) == maxPendingTicks {
		f.ticks = slices.Delete(f.ticks, 0, 1)
	}
	f.ticks = append(f.ticks, t)
}

// catchUp reads what the stream holds after the last applied message, until
// its end. If that fails, or does not reach a sequence that is known to exist
// (a replica may lag), it arranges to be called again.
func (f *follower) catchUp(ctx context.Context) {
	f.behind, f.retryAt = true, nil
	f.view.catchingUp()
	for {
		b, err := f.src.batch(ctx, f.last+1, batchSize)
		if err == nil {
			err = f.accept(b)
		}
		if err != nil {
			if ctx.Err() == nil {
				f.view.catchUpFailed(err)
				f.retryLater()
			}
			return
		}
		for _, payload := range b.payloads {
			f.apply(payload)
		}
		f.last = max(f.last, b.last)
		f.view.applied(f.last)
		if len(b.payloads) < batchSize {
			break
		}
	}
	if f.last < f.target {
		f.view.catchUpFailed(fmt.Errorf("stream answered up to %d, but %d is known to exist", f.last, f.target))
		f.retryLater()
		return
	}
	f.behind, f.retries = false, 0
	f.view.caughtUp()
	f.settle()
}

// accept refuses an answer that is not whole: messages may be lost on the way.
func (f *follower) accept(b batch) error {
	if want := min(batchSize, b.pending); uint64(len(b.payloads)) != want {
		return fmt.Errorf("batch from %d has %d messages, the server sent %d", f.last+1, len(b.payloads), want)
	}
	if len(b.payloads) > 0 && b.last < f.last+uint64(len(b.payloads)) {
		return fmt.Errorf("batch from %d of %d messages ends at %d", f.last+1, len(b.payloads), b.last)
	}
	return nil
}

func (f *follower) retryLater() {
	wait := min(retryMax, retryMin<<min(f.retries, 10))
	f.retries++
	f.retryAt = time.After(wait/2 + rand.N(wait/2))
}

// settle turns the newest tick that is applied together with everything before
// it into the as-of time of the view, and drops what has ended by then.
func (f *follower) settle() {
	var newest tick
	f.ticks = slices.DeleteFunc(f.ticks, func(t tick) bool {
		if t.sequence > f.last {
			return false
		}
		if t.sequence > newest.sequence {
			newest = t
		}
		return true
	})
	f.view.applied(f.last)
	if newest.sequence == 0 {
		return
	}
	now := time.Now()
	f.view.proven(newest.at, now)
	f.deny.Prune(surelyPast(newest.at, now))
}

// apply takes the payload of one stored message.
func (f *follower) apply(payload []byte) {
	m, err := revocation.Decode(payload)
	if err != nil {
		f.view.unreadable(revocation.Unread{Err: err}, f.last)
		return
	}
	for _, a := range m.Acts {
		f.deny.Apply(a)
	}
	for _, u := range m.Unread {
		f.view.unreadable(u, f.last)
	}
	if m.Beat != nil {
		f.view.beat(*m.Beat)
	}
	if len(m.Acts) > 0 {
		f.view.changed(len(m.Acts))
	}
}

// followFast applies acts of the fast path as provisional until ctx is done.
// What it cannot use it ignores: the stream brings the same acts.
func followFast(ctx context.Context, src source, deny *denylist.Denylist, v *view) {
	for {
		select {
		case <-ctx.Done():
			return
		case payload := <-src.fast():
			m, err := revocation.Decode(payload)
			if err != nil {
				v.ignore("fast_unreadable")
				continue
			}
			now := time.Now()
			// A copy from the future cannot count for longer than a fresh one.
			sent := m.SentAt
			if sent.After(now) {
				sent = now
			}
			until := sent.Add(provisionalLife)
			if !until.After(now) {
				v.ignore("fast_late")
				continue
			}
			added := 0
			for _, a := range m.Acts {
				if deny.ApplyProvisional(a, until.Unix()) {
					added++
				}
			}
			if added > 0 {
				v.changed(added)
			}
		}
	}
}
