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
	// maxPendingTicks bounds the ticks that wait for a hole to be filled. The
	// oldest are dropped: they could only make the view look older.
	maxPendingTicks = 128
	// watchPeriod is how often the state is looked at although nothing
	// happens, to log that the view has become too old.
	watchPeriod = time.Second
)

// follower applies the stream to the denylist, in order and without holes, and
// collects the proofs of freshness. It is owned by the goroutine that calls
// run, but for the parts of view and denylist, which guard themselves.
type follower struct {
	src     source
	deny    *denylist.Denylist
	view    *view
	rand    *rand.Rand // for jitter
	maxActs int        // acts that the denylist may hold
	keep    func(position)

	last    uint64 // sequence of the newest message applied with everything before it
	target  uint64 // highest sequence known to exist
	size    int    // how many messages the next request asks for
	behind  bool   // catching up has not reached target, or must begin
	retries int
	retryAt <-chan time.Time // fires when catching up is to be tried again; nil if not waiting
	ticks   []tick           // ticks seen on the live path that are not applied yet
	full    bool             // acts were left out, because the denylist is at its bound
	// since is the as-of time of the first tick that proved this history: acts
	// that were sent later are news. Zero before that.
	since time.Time

	history
}

// tick is a proof in waiting: everything up to sequence existed at time at.
type tick struct {
	sequence uint64
	at       time.Time
}

// newFollower returns a follower that begins at the given position; the zero
// value is the start of the stream. keep is called with each position to which
// the view is proven to be complete.
func newFollower(src source, deny *denylist.Denylist, v *view, from position) *follower {
	f := &follower{
		src: src, deny: deny, view: v, size: batchSize, maxActs: defaultMaxActs,
		rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
		keep: func(position) {},
	}
	f.resume(from)
	return f
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
// the last is never applied.
func (f *follower) handle(ctx context.Context, ev event) {
	switch {
	case ev.reconnected:
		// Messages may have passed while nobody listened.
		f.view.count(&f.view.counters.Reconnects)
		f.catchUp(ctx)
		return
	case ev.dropped:
		f.view.count(&f.view.counters.Dropped)
		f.catchUp(ctx)
		return
	case ev.sequence <= f.last:
		f.view.count(&f.view.counters.Repeated)
		// Later than what we have, and yet at an earlier place, and not one of
		// the ticks that a replay has read behind the mark. Without a fresh view
		// the times are not to be trusted: what we have may bear one of a clock
		// that was ahead.
		later := ev.at.After(f.newest) || f.view.check(time.Now()) != nil
		if later && (!ev.tick || ev.sequence <= f.mark.sequence) {
			f.recheck(ctx)
			f.proceed(ctx)
		}
		return
	}
	if ev.rollsUp {
		// Whoever may store acts can have the server remove the ones before, and
		// a node that starts later would know nothing of them. The mark shows it
		// only if it is among them.
		f.changeHistory(f.mark, true, fmt.Sprintf("message %d has removed others", ev.sequence))
		f.catchUp(ctx)
		return
	}
	timely := ev.tick && f.arrived(ev)
	f.exists(ev.sequence)
	if timely && f.view.tooOld(time.Now()) && time.Since(f.checked) >= recheckPause {
		// While it was quiet the stream may have become another one.
		f.recheck(ctx)
	}
	if ev.sequence > f.last+1 {
		if !f.behind { // else the retry is arranged already
			f.view.count(&f.view.counters.Holes)
			f.catchUp(ctx)
		}
		return
	}
	// What follows an unread mark may follow it in another history: the next
	// attempt to catch up finds out, and reads this message, too.
	if ev.sequence == f.last+1 && (f.mark.read || f.last == 0) {
		f.take(ev)
		f.compareEpochs()
	}
	f.proceed(ctx)
	if ev.tick {
		f.revisit(ctx)
	}
}

// arrived takes a live tick and reports whether it can prove anything. One that
// shows a wrong clock casts doubt on those that still wait, too: a delay may
// have hidden it.
func (f *follower) arrived(ev event) (timely bool) {
	timely, off := f.view.arrived(ev.at, time.Now())
	if off {
		f.ticks = nil
	}
	if timely {
		f.remember(tick{ev.sequence, ev.at})
	}
	return timely
}

// proceed lets ticks count, or catches up if it must.
func (f *follower) proceed(ctx context.Context) {
	switch {
	case f.sound():
		f.settle()
	case !f.behind:
		f.catchUp(ctx)
	}
}

// take applies a live message that follows the last one.
func (f *follower) take(ev event) {
	f.apply(ev)
	f.last = ev.sequence
	f.mark, f.newest = markOf(ev), ev.at
}

func (f *follower) remember(t tick) {
	if len(f.ticks) == maxPendingTicks {
		f.ticks = slices.Delete(f.ticks, 0, 1)
	}
	f.ticks = append(f.ticks, t)
}

// settle turns the newest tick that is applied together with everything before
// it into the as-of time of the view, and drops what has ended by then. It must
// be called only while the history is sound.
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
	f.forgive()
	f.known = f.newest
	f.view.applied(f.last)
	if newest.sequence == 0 {
		return
	}
	now := time.Now()
	f.view.proven(newest.at, now)
	if f.since.IsZero() {
		f.since = newest.at
	}
	f.deny.Prune(surelyPast(newest.at, now))
	f.view.fills(f.deny.Len(), f.maxActs)
	f.keep(f.position())
	if f.full && f.deny.Len() < f.maxActs/10*9 {
		f.restart() // with room for what was left out
	}
}

// exists records that a message with that sequence was stored.
func (f *follower) exists(sequence uint64) {
	f.target = max(f.target, sequence)
	f.view.head.Store(f.target)
}

// apply takes one stored message, of which nothing but the payload is known if
// it was caught up with. It reports whether the message can be told from
// others by its payload: ticks are all alike.
func (f *follower) apply(ev event) (distinct bool) {
	began, at := time.Now(), ev.at
	m, err := revocation.Decode(ev.payload)
	if err != nil {
		f.view.unreadable(revocation.Unread{Err: err}, f.last)
		return true
	}
	enforced := 0
	for _, a := range m.Acts {
		if f.deny.Len() >= f.maxActs {
			if _, held := f.deny.Held(&a); !held {
				f.full = true
				f.view.refusedAct()
				continue
			}
		}
		if f.deny.Apply(a) == denylist.Enforced {
			enforced++
		}
		f.view.watchers.tell(a)
	}
	for _, u := range m.Unread {
		f.view.unreadable(u, f.last)
	}
	if m.Beat != nil {
		if at.IsZero() {
			at = m.SentAt
		}
		f.accepted = laterAcceptance(f.accepted, m.Beat.Accepted)
		f.view.beat(*m.Beat, at)
	}
	if m.Tick {
		f.tickEpoch = m.Epoch
	}
	if len(m.Acts) > 0 {
		f.view.changed(len(m.Acts))
		f.measure(enforced, m.SentAt, at)
		if tell := f.view.tellApplied; tell != nil && !ev.at.IsZero() {
			tell(Applied{Path: PathLive, Sequence: ev.sequence, Acts: m.Acts, Began: began, Traceparent: ev.trace})
		}
	}
	return !m.Tick
}

// measure records how long acts took that have just come into force. stored is
// when the server stored their message, if it came on the live path; a sender
// whose clock says that it was sent later is ahead.
func (f *follower) measure(acts int, sent, stored time.Time) {
	path := PathLive
	switch {
	case f.since.IsZero() || sent.Before(f.since):
		return
	case stored.IsZero():
		path = PathCatchUp
	case sent.After(stored):
		sent = stored
	}
	f.view.delays.inForce(path, acts, sent, time.Now())
}
