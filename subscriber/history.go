package subscriber

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// recheckPause is the shortest time between two reads that live messages at an
// earlier place cause: whoever can repeat messages could else make us ask
// without end.
const recheckPause = time.Second

// maxDoubts bounds the doubts. Of more, the oldest and the newest are kept.
const maxDoubts = 16

// history is what the follower knows of the identity of the stream: that it is
// still the one whose messages it has applied. A store may be restored from an
// older copy, or made anew, under our feet.
type history struct {
	// mark is the message at last, or the newest one before it that its payload
	// tells from others if only ticks were read behind it; zero before the first.
	mark   mark
	newest time.Time // the server time of the newest message that was applied
	known  time.Time // the same when the history was sound last

	// doubts are messages that were applied, and must be read again before a
	// tick counts: the newest one each time that doubt arose. They do not move
	// when later messages are applied, which may belong to another history.
	doubts  []mark
	missing time.Time // since when the server has not had the first of them; zero: it has
	checked time.Time // when one was asked for last

	// anchor is a message that must be read once more when a replay that is under
	// way has ended; zero for none.
	anchor mark

	// floor is a sequence that the stream had once, when there is no message
	// any more to tell it by; 0 for none. short is since when it ends below.
	floor uint64
	short time.Time

	lost      *lostHistory          // what another history has taken the place of; nil for none
	epoch     string                // of the history that is followed; empty before the first tick
	tickEpoch string                // as the newest tick names it
	accepted  revocation.Acceptance // the newest in any beat
}

// mark is how a message is recognized.
type mark struct {
	sequence uint64
	sum      [sha256.Size]byte // of the payload
	// read says that at and expires are known: a replay does not tell them.
	read    bool
	at      time.Time // the server's time stamp
	expires time.Time // when its time to live runs out; zero: never
}

// lostHistory is a history that we have followed and that the stream no longer has.
type lostHistory struct {
	reason string
	mark   mark
	at     time.Time // server time of the newest message that is known to be of it
	// final says that another message stands in the place of mark. Else mark
	// was missing for long: a replica that lags without end says the same, and
	// if mark is found after all nothing was lost.
	final bool
}

// position is what a later process needs to go on where this one was.
type position struct {
	mark     mark
	known    time.Time
	epoch    string
	lost     *lostHistory
	accepted revocation.Acceptance
}

func markOf(ev event) mark {
	return mark{sequence: ev.sequence, sum: sumOf(ev.payload), read: true, at: ev.at, expires: ev.expires}
}

func sumOf(payload []byte) [sha256.Size]byte { return sha256.Sum256(payload) }

// is reports whether ev is the message that was marked.
func (m mark) is(ev event) bool {
	return m.sum == sumOf(ev.payload) && (!m.read || m.at.Equal(ev.at))
}

// outlived reports whether the server may have removed the message in due
// course.
func (m mark) outlived(now time.Time) bool {
	return !m.expires.IsZero() && !now.Add(maxClockOffset).Before(m.expires)
}

func (f *follower) position() position {
	return position{mark: f.mark, known: f.known, epoch: f.epoch, lost: f.lost, accepted: f.accepted}
}

func (f *follower) resume(from position) {
	f.last, f.mark, f.newest, f.known = from.mark.sequence, from.mark, from.known, from.known
	f.epoch, f.tickEpoch, f.accepted = from.epoch, from.epoch, from.accepted
	if f.lost = from.lost; f.lost != nil {
		f.view.historyLost(f.lost.reason)
	}
	f.view.setEpoch(f.tickEpoch, f.accepted)
	f.view.applied(f.last)
}

// sound reports whether ticks count: nothing casts doubt on the history.
func (f *follower) sound() bool {
	return len(f.doubts) == 0 && !f.anchor.read && f.mark.read && f.last >= f.floor && f.last > 0
}

// suspect makes the message at last one that must be read again. One that was
// never read by itself is left to learnMark.
func (f *follower) suspect() {
	n := len(f.doubts)
	if !f.mark.read || n > 0 && f.doubts[n-1].sequence == f.mark.sequence {
		return
	}
	if n == maxDoubts {
		f.doubts = slices.Delete(f.doubts, 1, 2)
	}
	f.doubts = append(f.doubts, f.mark)
}

// recheck reads the newest message again, at once or soon, without reading on.
func (f *follower) recheck(ctx context.Context) {
	f.suspect()
	if f.behind || len(f.doubts) == 0 {
		return // catching up begins with that anyway
	}
	if wait := recheckPause - time.Since(f.checked); wait > 0 {
		f.behind, f.retryAt = true, time.After(wait)
		return
	}
	err := f.confirm(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		f.behind = true
		f.view.catchUpFailed(err)
		f.retryLater()
	case err == nil && f.last > f.mark.sequence:
		// The ticks behind the mark were read before, maybe of another history.
		f.behind, f.retryAt = true, time.After(0)
	}
}

// confirm reads the doubtful messages again. It returns nil if there is no
// doubt any more, or if the history is known to be another one, which is then
// to be read from its start.
func (f *follower) confirm(ctx context.Context) error {
	for len(f.doubts) > 0 {
		if err := f.confirmFirst(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) confirmFirst(ctx context.Context) error {
	m := f.doubts[0]
	f.checked = time.Now()
	f.view.count(&f.view.counters.Rereads)
	got, err := f.src.read(ctx, m.sequence)
	switch {
	case errors.Is(err, errNotStored) && m.outlived(f.checked):
		f.readAll(m.sequence)
	case errors.Is(err, errNotStored):
		if !f.missingForLong(f.checked) {
			return fmt.Errorf("message %d, which was applied, is not there", m.sequence)
		}
		f.changeHistory(m, false, fmt.Sprintf("message %d is gone before its time", m.sequence))
	case err != nil:
		return fmt.Errorf("reading the last message again: %w", err)
	case !m.is(got):
		f.changeHistory(m, true, fmt.Sprintf("message %d is another one than before", m.sequence))
	default:
		f.doubts, f.missing = f.doubts[1:], time.Time{}
		if f.mark.sequence == m.sequence {
			f.mark, f.newest = markOf(got), got.at
		}
	}
	return nil
}

// missingForLong reports whether a message has been missing for so long that a
// lagging replica can't be the reason.
func (f *follower) missingForLong(now time.Time) bool {
	if f.missing.IsZero() {
		f.missing = now
	}
	return now.Sub(f.missing) >= f.view.maxStaleness
}

// readAll makes the stream be read from its start, and lets no tick count
// before it reaches the sequence that was seen: there is no message left to
// tell its history by.
func (f *follower) readAll(seen uint64) {
	f.floor = max(f.floor, seen)
	f.last, f.mark, f.doubts, f.missing = 0, mark{}, nil, time.Time{}
}

// learnMark reads the newest message of a replay, which did not tell its time.
func (f *follower) learnMark(ctx context.Context) error {
	if f.mark.read || f.mark.sequence == 0 {
		return nil
	}
	got, err := f.src.read(ctx, f.mark.sequence)
	if err != nil {
		// It may have ended meanwhile: then the next attempt finds a newer one.
		if errors.Is(err, errNotStored) && f.missingForLong(time.Now()) {
			f.readAll(f.mark.sequence)
		}
		return fmt.Errorf("reading when the newest message was stored: %w", err)
	}
	f.missing = time.Time{}
	if !f.mark.is(got) {
		f.changeHistory(f.mark, true, fmt.Sprintf("message %d is another one than before", f.mark.sequence))
		return fmt.Errorf("the stream has changed while it was read")
	}
	f.mark, f.newest = markOf(got), got.at
	return nil
}

// reachFloor returns an error as long as the stream ends before a sequence
// that it had once; if it does so for long, its history is another one.
func (f *follower) reachFloor() error {
	if f.last >= f.floor {
		f.floor, f.short = 0, time.Time{}
		return nil
	}
	now := time.Now()
	if f.short.IsZero() {
		f.short = now
	}
	reason := fmt.Sprintf("the stream ends at %d, but had %d", f.last, f.floor)
	if now.Sub(f.short) >= f.view.maxStaleness {
		f.changeHistory(mark{sequence: f.floor}, true, reason)
	}
	return errors.New(reason)
}

// compareEpochs starts anew if the newest tick names another epoch than the
// one that is followed, and reports whether it did.
func (f *follower) compareEpochs() bool {
	if f.tickEpoch == f.epoch {
		return false
	}
	old := f.epoch
	f.epoch = f.tickEpoch
	f.view.setEpoch(f.epoch, f.accepted)
	if old == "" {
		return false
	}
	f.changeHistory(f.mark, true, fmt.Sprintf("the epoch was %s and is %s", old, f.epoch))
	return true
}

// changeHistory records that the stream has another history than the one whose
// newest applied message is m. What is known stays, and the stream is read
// from its start: the view becomes the union of both. It is stale until an
// operator accepts the new history.
func (f *follower) changeHistory(m mark, final bool, reason string) {
	l := &lostHistory{reason: reason, mark: m, at: f.known, final: final}
	if f.lost != nil { // once more: what was lost before stays so
		l.at, l.final = later(l.at, f.lost.at), final || f.lost.final
	}
	f.lost = l
	f.last, f.target, f.floor, f.ticks = 0, 0, 0, nil
	f.since = time.Time{}
	f.view.head.Store(0)
	f.mark, f.newest, f.anchor = mark{}, time.Time{}, mark{}
	f.doubts, f.missing, f.short = nil, time.Time{}, time.Time{}
	f.view.historyLost(reason)
}

// revisit looks whether a message is there after all whose absence was taken
// for a lost history, or another one stands in its place.
func (f *follower) revisit(ctx context.Context) {
	if f.lost == nil || f.lost.final {
		return
	}
	got, err := f.src.read(ctx, f.lost.mark.sequence)
	switch {
	case err != nil: // not yet
	case f.lost.mark.is(got):
		f.found()
	default:
		f.lost.final = true
		f.lost.reason = fmt.Sprintf("message %d is another one than before", got.sequence)
		f.view.historyLost(f.lost.reason)
	}
}

// forgive ends the staleness of a changed history if an operator has accepted
// the new one since.
func (f *follower) forgive() {
	f.view.setEpoch(f.epoch, f.accepted)
	if f.lost != nil && f.accepted.Epoch == f.epoch && f.accepted.At.After(f.lost.at) {
		f.found()
	}
}

func (f *follower) found() {
	f.lost = nil
	f.view.historyFound()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func laterAcceptance(a, b revocation.Acceptance) revocation.Acceptance {
	if b.At.After(a.At) {
		return b
	}
	return a
}
