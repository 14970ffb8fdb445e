// Package denylist is the set of acts that a node holds, and the question it
// answers on every request: does any of them refuse this token?
//
//	d := denylist.New()
//	d.Apply(act)                           // the writer, for each copy of an act
//	id, kind, found := d.Find(&tok, now)   // any goroutine, on every request
//	d.Prune(asOf)                          // the writer, once a second
//
// # What it promises
//
// A check that begins after Apply returned sees the act. A live act is never
// evicted. A Bloom filter answers "no" for almost every
// target that is not in the set; "revoked" comes from the exact entries behind
// it, which are compared byte for byte. Time is an argument of every method
// that needs one: an ended entry is inert at once, by the time that the reader
// gives; it is removed by [Denylist.Prune].
//
// # How
//
// Records without pointers lie in pages, an index of 4 bytes a slot leads from
// a target's hash to its newest act, and acts on one target form a chain.
// Filter and index are a generation; both only ever gain, so now and then the
// next one is built, a few records with each insert and each Prune, while
// inserts reach both. Readers load one pointer, take no lock and allocate
// nothing; see [Denylist.Find] for why what they see is whole.
//
// A Denylist is safe for concurrent use; methods that change it wait for each
// other. It starts no goroutine and does no I/O.
package denylist

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Denylist is a set of acts. The zero value is not usable; see [New].
type Denylist struct {
	hasher hasher // immutable

	// What every check reads, and writers seldom write.
	snap    atomic.Pointer[snapshot]
	present atomic.Uint32 // bit k is set if an act of kind k is held
	_       [64]byte      // the writers' cache lines are no concern of readers

	acts        atomic.Int64  // set last: whoever has read it finds as many
	falseMaybes atomic.Uint64 // of checks

	mu          sync.Mutex // guards the fields below
	store       store
	now         *generation // what readers use
	next        *generation // being built; nil if none is
	cursor      uint32      // reference from which on records are not in next
	rebuilds    uint64
	perKind     [int(revocation.KindPool) + 1]int // acts of each kind
	provisional int
	outlived    map[revocation.ActID]revocation.Act // what Outlived returns
	smallest    int                                 // capacity of the smallest generation
}

// snapshot is what a check works on. It never changes, but for the words of
// filter and index and the mutable words of records.
type snapshot struct {
	pages
	filter []uint64
	index  index
}

// New returns an empty set. It has no bound: whoever feeds it knows what to do
// when [Denylist.Len] becomes too large. To forget a live act is no choice.
func New() *Denylist { return newDenylist(pageShift, 1<<10) }

func newDenylist(shift uint8, smallest int) *Denylist {
	d := &Denylist{
		hasher: newHasher(), smallest: smallest,
		outlived: make(map[revocation.ActID]revocation.Act),
	}
	d.store = newStore(&d.hasher, shift)
	d.now = newGeneration(smallest, 0)
	d.publish()
	return d
}

// publish lets checks that begin from now on see pages and generation.
func (d *Denylist) publish() {
	d.snap.Store(&snapshot{pages: d.store.pages, filter: d.now.filter.words, index: d.now.index})
}

// Effect is what a copy of an act did to the set.
type Effect uint8

// The effects.
const (
	Unchanged Effect = iota // the set held as much already
	Merged                  // an act that the set held has changed, or a lift came before its act
	Enforced                // the set refuses by an act that it did not hold before
)

// effectOf is the effect of an act that the set did not hold.
func effectOf(a *revocation.Act) Effect {
	if a.State == revocation.StateLifted {
		return Merged
	}
	return Enforced
}

// Apply merges a copy of an act that the stream has brought. The order and
// number of copies do not matter. The act must be valid; see
// [revocation.Act.Validate].
func (d *Denylist) Apply(a revocation.Act) Effect {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.target(&a.Target)
	ref, r := d.entry(&t, a.ID)
	if r == nil {
		d.insert(&t, &a, span{state: a.State, expires: a.ExpiresAt, keep: a.ExpiresAt})
		return effectOf(&a)
	}
	before := r.span()
	after := before
	after.merge(&a)
	after.until = 0
	if !d.update(ref, r, before, after) {
		return Unchanged
	}
	if after.state == revocation.StateLifted && after.keep > after.expires {
		lift := d.store.act(ref, r)
		lift.ExpiresAt = after.keep
		d.outlived[a.ID] = lift
	} else {
		delete(d.outlived, a.ID)
	}
	return Merged
}

// Outlived returns the lifted acts of which some copy ends later than their
// lift, each as the lift that is missing: with the latest expiry of any copy.
// The set itself keeps them lifted. But in a stream that drops each message at
// the end of its act, such a lift is gone before the copy that it cancels, and
// a node that starts in between would hold the act again.
func (d *Denylist) Outlived() []revocation.Act {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.outlived))
}

// ApplyProvisional merges a copy that only the fast path has brought: it
// counts until the given time (Unix seconds, exclusive) unless [Denylist.Apply]
// brings the act before. It never lifts, and changes nothing about an act that
// the stream has brought.
func (d *Denylist) ApplyProvisional(a revocation.Act, until int64) Effect {
	if a.State == revocation.StateLifted || until <= 0 {
		return Unchanged
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.target(&a.Target)
	ref, r := d.entry(&t, a.ID)
	if r == nil {
		d.insert(&t, &a, span{state: a.State, expires: a.ExpiresAt, keep: a.ExpiresAt, until: until})
		return Enforced
	}
	before := r.span()
	if before.until == 0 {
		return Unchanged
	}
	after := before
	after.merge(&a)
	after.until = max(after.until, until)
	if !d.update(ref, r, before, after) {
		return Unchanged
	}
	return Merged
}

// target is a key with its hash, and where the generations have it.
type target struct {
	key  key
	hash uint64
	slot int    // in the index of now
	head uint32 // first record of the chain; 0 if there is none
}

// target looks t up. The caller holds mu.
func (d *Denylist) target(t *revocation.Target) target {
	found := target{key: keyOf(t.Kind, t.Pool, t.ID)}
	found.hash = d.hasher.target(t.Kind, d.hasher.scope(t.Pool), t.ID)
	found.slot, found.head = d.now.index.find(&d.store.pages, found.hash, &found.key)
	return found
}

// entry returns the record of an act on t, nil if there is none. Every copy of
// an act has the same target. The caller holds mu.
func (d *Denylist) entry(t *target, id revocation.ActID) (uint32, *record) {
	for ref := t.head; ref != 0; {
		r := d.store.record(ref)
		if r.id == id {
			return ref, r
		}
		ref = r.next()
	}
	return 0, nil
}

// update gives a record a new span, and reports whether it differs from the
// old one. The caller holds mu.
func (d *Denylist) update(ref uint32, r *record, before, after span) bool {
	if after == before {
		return false
	}
	r.update(after)
	info := &d.store.info[ref>>d.store.shift]
	info.firstEnd = min(info.firstEnd, after.end())
	if before.until != 0 && after.until == 0 {
		d.provisional--
	}
	return true
}

// insert adds an act that the set does not hold. The caller holds mu.
//
// The order matters to readers: the record, the index, the filter, and only
// then what tells them that there is something to look for.
func (d *Denylist) insert(t *target, a *revocation.Act, sp span) {
	found := d.now
	d.grow()
	if d.prepare(a.Target.Pool) {
		d.publish()
	}
	if d.now != found { // the next generation took over
		t.slot, t.head = d.now.index.find(&d.store.pages, t.hash, &t.key)
	}
	ref := d.store.put(a, sp, t.head)
	d.now.link(t.slot, t.hash, t.head, ref)
	if d.next != nil {
		slot, there := d.next.index.find(&d.store.pages, t.hash, &t.key)
		d.next.link(slot, t.hash, there, ref)
	}
	kind := a.Target.Kind
	if d.perKind[kind]++; d.perKind[kind] == 1 {
		d.present.Store(d.present.Load() | 1<<kind)
	}
	if sp.until != 0 {
		d.provisional++
	}
	d.acts.Add(1)
}

// prepare makes room for a record in pages and indexes, and reports whether
// pages have changed. The caller holds mu.
func (d *Denylist) prepare(pool string) bool {
	changed := d.store.learnPool(&d.hasher, pool)
	if d.store.full() {
		d.store.newPage()
		changed = true
	}
	for d.cramped(d.store.nextRef()) { // growing in time keeps this from happening
		d.rebuild()
	}
	return changed
}

// Held returns the merge of all copies of an act that the set holds, which it
// finds by the target of any of them.
func (d *Denylist) Held(copied *revocation.Act) (revocation.Act, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.target(&copied.Target)
	ref, r := d.entry(&t, copied.ID)
	if r == nil {
		return revocation.Act{}, false
	}
	return d.store.act(ref, r), true
}

// Act returns the merge of all copies of an act that the set holds. It looks
// at every act, one to ten milliseconds per million, while Apply waits: it is
// for explanations and tests. Checks are not held up.
func (d *Denylist) Act(id revocation.ActID) (revocation.Act, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ref, r := range d.store.live() {
		if r.id == id {
			return d.store.act(ref, r), true
		}
	}
	return revocation.Act{}, false
}

// Count returns the number of acts on a target, whatever session they except.
func (d *Denylist) Count(t revocation.Target) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for ref := d.target(&t).head; ref != 0; ref = d.store.record(ref).next() {
		n++
	}
	return n
}

// All returns the acts that the stream has brought, each with the latest expiry
// of any of its copies: applying an open copy with that expiry and then the act
// makes the same entry. Provisional acts are left out. What is applied during
// the iteration waits for it, checks do not: yield must not block, and must
// call no other method of d.
func (d *Denylist) All() iter.Seq2[revocation.Act, int64] {
	return func(yield func(revocation.Act, int64) bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		for ref, r := range d.store.live() {
			if s := r.span(); s.until == 0 && !yield(d.store.act(ref, r), s.keep) {
				return
			}
		}
	}
}

// Len returns the number of acts held. Every check that begins after it finds
// as many.
func (d *Denylist) Len() int { return int(d.acts.Load()) }
