package subscriber

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// maxClockOffset is how far the node's clock may be from the server's. A node
// that is fresh is at most MaxStaleness + maxClockOffset behind.
const maxClockOffset = 2 * time.Second

// offsetSamples is over how many ticks the smallest apparent offset is taken:
// half a minute. The smallest one has the least delay in it.
const offsetSamples = 30

// proof is what the newest applied tick proves. It is immutable.
type proof struct {
	asOf time.Time // server time
	// expires is until when, by the node's clock, the view counts as fresh.
	// It is never later than MaxStaleness after the tick was applied, by the
	// monotonic clock, so that no jump of the wall clock can prolong it.
	expires time.Time
}

// view is what a node knows about its own knowledge. Its methods are safe for
// concurrent use.
type view struct {
	maxStaleness time.Duration // immutable
	ignoreBeats  bool          // immutable
	log          zerolog.Logger
	tellApplied  func(Applied) // immutable; nil for none

	fresh atomic.Pointer[proof]     // nil before the first proof
	blind atomic.Pointer[blindness] // nil unless stale for a reason other than age
	ready atomic.Bool               // latched by the first proof

	counters Counters // by count and under mu
	watchers watchers
	delays   propagation
	head     atomic.Uint64 // highest sequence known to exist

	mu       sync.Mutex // guards the fields below
	state    State      // CatchingUp or Live; what staleness adds is computed
	last     uint64
	epoch    string // as the newest tick names it
	accepted revocation.Acceptance
	beatOf   string    // the epoch in the newest beat
	beatAt   time.Time // when the newest beat was stored; zero before the first
	lost     string    // why the history is not the one that was followed; empty if it is
	full     bool      // acts were left out because there was no room
	filling  bool      // the denylist is nearly full
	stalled  error     // why catching up makes no progress; nil while it does
	refused  error     // why the last attempt to connect failed; nil while connected, and before the first
	unread   []revocation.Unread
	offsets  []time.Duration // apparent clock offsets of the newest ticks
	clockOff time.Duration   // too large an offset, until a tick proves something again; 0 for none
	ignored  map[string]uint64
	knownOf  time.Time // as-of time of what a local file has brought; zero without
	file     FileStatus
	change   chan struct{} // closed and replaced when the denylist or the state changes
	reported State         // last state logged
	why      Reason        // last reason logged
}

func newView(maxStaleness time.Duration, log zerolog.Logger) *view {
	return &view{
		maxStaleness: maxStaleness,
		log:          log,
		state:        CatchingUp,
		reported:     CatchingUp,
		ignored:      make(map[string]uint64),
		change:       make(chan struct{}),
	}
}

// check returns nil if the view is fresh at now, else an error that wraps
// [revocation.ErrStale].
func (v *view) check(now time.Time) error {
	if b := v.blind.Load(); b != nil {
		return b.err
	}
	p := v.fresh.Load()
	if p == nil {
		return errCatchingUp
	}
	if p.over(now) {
		return errTooOld
	}
	return nil
}

// over reports whether the proof has run out at now, by either clock: the
// monotonic one stands still while a machine sleeps, the wall clock may jump
// back.
func (p *proof) over(now time.Time) bool {
	return now.After(p.expires) || now.Round(0).After(p.expires.Round(0))
}

var (
	errCatchingUp = fmt.Errorf("%w: catching up for the first time", revocation.ErrStale)
	errTooOld     = fmt.Errorf("%w: no tick within MaxStaleness", revocation.ErrStale)
)

// tooOld reports whether the view was fresh once and its newest tick is too
// old at now.
func (v *view) tooOld(now time.Time) bool {
	p := v.fresh.Load()
	return p != nil && p.over(now)
}

// proven records that everything up to a tick of server time asOf is applied.
// It is called with ticks in the order of the stream, and the newest one counts
// even if its time is before that of the last: a server's clock that was ahead
// and is set right must not make the view stale until it gets there again.
func (v *view) proven(asOf, now time.Time) {
	left := v.maxStaleness - now.Sub(asOf)
	p := &proof{asOf: asOf, expires: now.Add(min(left, v.maxStaleness))}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fresh.Store(p)
	v.clockOff = 0
	if v.beatAt.After(asOf) {
		v.beatAt = asOf // by a service whose clock is ahead
	}
	v.forget(surelyPast(asOf, now))
	v.state, v.stalled = Live, nil
	v.report(now)
	if v.blind.Load() == nil && left > 0 {
		v.ready.Store(true)
	}
	v.broadcast()
}

// surelyPast is the Unix second that both clocks have reached. What ends is
// removed by it, so that neither the node's clock nor the server's can lose an
// act for good by being ahead for a while.
func surelyPast(asOf, now time.Time) int64 { return min(asOf.Unix(), now.Unix()) }

// forget drops unread acts that have ended at past. The caller holds mu.
func (v *view) forget(past int64) {
	v.unread = slices.DeleteFunc(v.unread, func(u revocation.Unread) bool {
		return u.ExpiresAt != 0 && revocation.Act{ExpiresAt: u.ExpiresAt}.Expired(past)
	})
	v.judge()
}

// arrived records the apparent clock offset of a tick: delay plus the node's
// clock minus the server's. The smallest of several is close to the latter; off
// says that it is too large, which makes the view stale until a later tick
// proves something. Only a timely tick can: of one that comes late nobody can
// say whether it bears the right time, as the server's clock may have been ahead
// when it was stored.
func (v *view) arrived(at, now time.Time) (timely, off bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.offsets) == offsetSamples {
		v.offsets = slices.Delete(v.offsets, 0, 1)
	}
	offset := now.Round(0).Sub(at)
	v.offsets = append(v.offsets, offset)
	smallest := slices.Min(v.offsets)
	v.delays.behind.Store(int64(max(0, -smallest)))
	if off = smallest.Abs() > maxClockOffset; off {
		v.clockOff = smallest
	}
	v.judge()
	return !off && offset.Abs() <= maxClockOffset, off
}

// unreadable records an act, found after the given sequence, that this version
// cannot read.
func (v *view) unreadable(u revocation.Unread, after uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counters.Unreadable++
	same := slices.IndexFunc(v.unread, func(known revocation.Unread) bool {
		return known.ID == u.ID && known.Kind == u.Kind && known.Version == u.Version
	})
	switch {
	case same < 0:
		v.unread = append(v.unread, u)
	case v.unread[same].ExpiresAt != 0: // else it has no known end already
		v.unread[same].ExpiresAt = laterEnd(v.unread[same].ExpiresAt, u.ExpiresAt)
	}
	v.judge()
	v.log.Error().Str("component", "subscriber").Uint64("after_seq", after).Stringer("act_id", u.ID).
		Stringer("kind", u.Kind).Uint32("version", u.Version).Int64("expires_at", u.ExpiresAt).
		Err(u.Err).Msg("act cannot be read, view is incomplete")
}

// laterEnd is the later of two ends of an act, of which 0 is "unknown".
func laterEnd(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// beat records a sign of life of the revoke service, stored at the given time.
func (v *view) beat(b revocation.Beat, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if b.Epoch != "" { // else it only carries an operator's acceptance
		v.beatOf, v.beatAt = b.Epoch, at
		v.judge()
	}
}

// setEpoch records what the stream says of its identity.
func (v *view) setEpoch(epoch string, accepted revocation.Acceptance) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.epoch, v.accepted = epoch, accepted
	v.judge()
}

// historyLost makes the view stale until historyFound.
func (v *view) historyLost(reason string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counters.Histories++
	v.lost = reason
	v.fresh.Store(nil) // what was proven was proven of another stream
	v.judge()
	v.log.Error().Str("component", "subscriber").Str("epoch", v.epoch).Str("reason", reason).
		Msg("the stream's history has changed")
	v.report(time.Now())
	v.broadcast()
}

func (v *view) historyFound() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lost = ""
	v.judge()
	v.log.Warn().Str("component", "subscriber").Str("epoch", v.epoch).Msg("the stream's history is accepted")
	v.broadcast()
}

// fileLoaded records what a local file has brought.
func (v *view) fileLoaded(head fileHead, acts int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.knownOf, v.file.AsOf = head.AsOf, head.AsOf
	v.beatOf, v.beatAt = head.BeatOf, head.BeatAt
	v.log.Info().Str("component", "subscriber").Int("acts", acts).Time("as_of", head.AsOf).Msg("local file loaded")
}

// fileUnusable records that a local file is there and of no use.
func (v *view) fileUnusable(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.file.Err = err
	v.log.Error().Str("component", "subscriber").Err(err).Msg("local file is not usable, starting without")
}

// fileSaved records an attempt to write the local file.
func (v *view) fileSaved(err error, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		if v.file.Failed++; v.file.Err == nil {
			v.log.Error().Str("component", "subscriber").Err(err).Msg("local file not written, retrying")
		}
		v.file.Err = err
		return
	}
	v.file.Err, v.file.SavedAt = nil, at
}

// isKnown reports whether a local file has brought a view.
func (v *view) isKnown() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.knownOf.IsZero()
}

// refusedAct records an act that there was no room for.
func (v *view) refusedAct() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.counters.Refused++; !v.full {
		v.log.Error().Str("component", "subscriber").Uint64("seq", v.last).Msg("denylist is full, acts are left out")
	}
	v.full = true
	v.judge()
}

// fills warns once that the denylist is nearly full.
func (v *view) fills(acts, bound int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	nearly := acts >= bound/10*7
	if nearly && !v.filling {
		v.log.Warn().Str("component", "subscriber").Int("acts", acts).Int("bound", bound).Msg("denylist is filling up")
	}
	v.filling = nearly
}

func (v *view) catchingUp() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state = CatchingUp
	v.report(time.Now())
}

// caughtUp records that the stream was read to its end; full says that acts
// are missing all the same. The state changes with the next tick only.
func (v *view) caughtUp(full bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counters.CatchUps++
	v.stalled = nil
	v.full = full
	v.judge()
}

// catchUpFailed keeps the cause for Status and the error of Open.
func (v *view) catchUpFailed(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stalled == nil {
		v.log.Warn().Str("component", "subscriber").Uint64("seq", v.last).Err(err).Msg("catching up makes no progress, retrying")
	}
	v.stalled = err
}

// connectFailed keeps the cause for the error of Open, and logs the first.
func (v *view) connectFailed(err error) {
	if err == nil {
		return // we have closed the connection
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refused == nil {
		v.log.Warn().Str("component", "subscriber").Err(err).Msg("nats is out of reach, retrying")
	}
	v.refused = err
}

// connected is told an address and no URL, which may have a token in it.
func (v *view) connected(server string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refused = nil
	v.log.Info().Str("component", "subscriber").Str("server", server).Msg("nats connected")
}

// connectError returns the cause of the last attempt to connect that failed.
func (v *view) connectError() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused
}

func (v *view) applied(last uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last != last {
		v.last = last
		v.broadcast() // a probe may wait for this sequence
	}
}

// reached returns the sequence applied with everything before it, and the
// epoch of the stream.
func (v *view) reached() (last uint64, epoch string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last, v.epoch
}

// changed tells those who wait that the denylist took n acts.
func (v *view) changed(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counters.Acts += uint64(n)
	v.broadcast()
}

// broadcast wakes everyone who waits on changes. The caller holds mu.
func (v *view) broadcast() {
	close(v.change)
	v.change = make(chan struct{})
}

// changes returns a channel that is closed at the next change.
func (v *view) changes() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.change
}

func (v *view) ignore(reason string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ignored[reason]++
}

func (v *view) count(counter *uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	*counter++
}
