package denylist

import (
	"sync/atomic"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const leewaySeconds = int64(revocation.MaxLeeway / time.Second)

// maxSeconds is the last second that a record can hold; package revocation
// refuses acts with later times.
const maxSeconds = 1<<33 - 1

// span is what the copies of one act have come to, the part of an entry that
// changes.
type span struct {
	state   revocation.State
	expires int64
	// keep is the latest expiry of any copy. A tombstone stays as long: it
	// outlives every copy that it cancels.
	keep int64
	// until ends a provisional entry (Unix seconds, exclusive): one that only
	// the fast path has brought. 0 once the stream has brought the act.
	until int64
}

// end is when the entry may be removed, in Unix seconds.
func (s *span) end() int64 {
	switch {
	case s.until != 0:
		return s.until
	case s.state == revocation.StateLifted:
		return s.keep + leewaySeconds
	}
	return s.expires + leewaySeconds
}

// merge adds a copy of the entry's act.
func (s *span) merge(a *revocation.Act) {
	m := revocation.Act{State: s.state, ExpiresAt: s.expires}.Merge(*a)
	s.state, s.expires, s.keep = m.State, m.ExpiresAt, max(s.keep, a.ExpiresAt)
}

// refuses reports whether the entry counts at now.
func (s *span) refuses(now int64) bool {
	return s.state != revocation.StateLifted && now < s.expires+leewaySeconds && (s.until == 0 || now < s.until)
}

// record is an entry as it is stored: 56 bytes without a pointer. What identifies the act
// is written before the record is published, and never again; the
// rest is atomic, because the writer changes it under the readers' eyes.
type record struct {
	id revocation.ActID
	// target is the id of the target, as a packed UUID or as a place in the
	// page's text; see the flag recText.
	target [2]uint64
	// status is expires (low 32 bits) and flags.
	status atomic.Uint64
	// link is until (low 32 bits), and above it the reference of the next act
	// on the same target, 0 at the end.
	link atomic.Uint64
	// times is cutoff (low 32 bits) and keep.
	times atomic.Uint64
}

// Layout of status above the 32 bits of the expiry. Times have 33 bits; the
// highest of each is a flag.
const (
	recLive        = 1 << 32 // linked; a record without it is not there
	recText        = 1 << 33 // the target is in the page's text
	recExpiresHigh = 1 << 34
	recKeepHigh    = 1 << 35
	recCutoffHigh  = 1 << 36
	recStateShift  = 37 // 2 bits
	recBasisShift  = 39 // 2 bits
	recKindShift   = 41 // 3 bits
	recPoolShift   = 48 // 16 bits: index of the pool, 0 if it is in the text
)

// flag returns mask if the 33rd bit of sec is set.
func flag(sec int64, mask uint64) uint64 {
	if sec>>32&1 == 1 {
		return mask
	}
	return 0
}

// seconds is the reverse: 32 bits, and a flag in status.
func seconds(low uint32, status, mask uint64) int64 {
	if status&mask != 0 {
		return int64(low) | 1<<32
	}
	return int64(low)
}

func clamp(sec int64) int64 { return min(max(sec, 0), maxSeconds) }

// fill writes a new record that nobody knows yet. The target is set already;
// flags are recText and the pool.
func (r *record) fill(a *revocation.Act, s span, flags uint64, next uint32) {
	r.id = a.ID
	cutoff := clamp(a.Cutoff)
	r.times.Store(uint64(uint32(cutoff)) | uint64(uint32(clamp(s.keep)))<<32)
	r.link.Store(uint64(next)<<32 | uint64(untilBits(s.until)))
	r.status.Store(flags | recLive | flag(cutoff, recCutoffHigh) |
		uint64(a.Basis)<<recBasisShift | uint64(a.Target.Kind)<<recKindShift | s.bits())
}

// bits returns what status holds of a span.
func (s *span) bits() uint64 {
	expires := clamp(s.expires)
	return uint64(uint32(expires)) | flag(expires, recExpiresHigh) | flag(clamp(s.keep), recKeepHigh) |
		uint64(s.state)<<recStateShift
}

const spanBits = 1<<32 - 1 | recExpiresHigh | recKeepHigh | 3<<recStateShift

// untilBits clamps to 32 bits: a provisional entry ends within minutes.
func untilBits(until int64) uint32 { return uint32(min(until, 1<<32-1)) }

// span returns the part that changes. A reader that meets an update sees each
// of status and link before or after it; any such mixture refuses what both refuse.
func (r *record) span() span {
	status, times := r.status.Load(), r.times.Load()
	return span{
		state:   revocation.State(status >> recStateShift & 3),
		expires: seconds(uint32(status), status, recExpiresHigh),
		keep:    seconds(uint32(times>>32), status, recKeepHigh),
		until:   int64(uint32(r.link.Load())),
	}
}

// update is called by the writer.
func (r *record) update(s span) {
	r.times.Store(r.times.Load()&(1<<32-1) | uint64(uint32(clamp(s.keep)))<<32)
	r.status.Store(r.status.Load()&^spanBits | s.bits())
	r.link.Store(r.link.Load()&^(1<<32-1) | uint64(untilBits(s.until)))
}

func (r *record) next() uint32 { return uint32(r.link.Load() >> 32) }

// setNext is called by the writer.
func (r *record) setNext(ref uint32) {
	r.link.Store(r.link.Load()&(1<<32-1) | uint64(ref)<<32)
}

func kindOf(status uint64) revocation.Kind { return revocation.Kind(status >> recKindShift & 7) }

func (r *record) basis() revocation.Basis {
	return revocation.Basis(r.status.Load() >> recBasisShift & 3)
}

func (r *record) cutoff() int64 {
	return seconds(uint32(r.times.Load()), r.status.Load(), recCutoffHigh)
}
