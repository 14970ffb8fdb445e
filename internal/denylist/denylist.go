// Package denylist is the set of acts that a node holds, and the question it
// answers on every request: does any of them refuse this token?
//
// A Bloom filter answers "no" for almost every target that is not in the set;
// "revoked" comes from the exact entries behind it, never from the filter. Time
// is an argument of every method that needs one. An expired entry is inert at
// once, by the time that the reader gives; it is removed by [Denylist.Prune].
// A live entry is never evicted.
//
// A Denylist is safe for concurrent use. It starts no goroutine and does no
// I/O.
package denylist

import (
	"hash/maphash"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bits-and-blooms/bloom/v3"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// minFilterCapacity keeps small sets from rebuilding the filter often.
	minFilterCapacity = 1 << 10
	// falsePositives is the filter's rate at capacity. One in a thousand
	// costs an exact look-up, never a verdict.
	falsePositives = 0.001
)

// key is a target as one comparable value; no two targets share one.
type key struct {
	kind     revocation.Kind
	pool, id string
}

// entry is the merge of all copies of one act.
type entry struct {
	act revocation.Act
	// keep is the latest expiry of any copy. A tombstone stays as long: it
	// outlives every copy that it cancels.
	keep int64
	// until ends a provisional entry (Unix seconds, exclusive): one that only
	// the fast path has brought. 0 once the stream has brought the act.
	until int64
}

// end is when the entry may be removed, in Unix seconds.
func (e *entry) end() int64 {
	switch {
	case e.until != 0:
		return e.until
	case e.act.State == revocation.StateLifted:
		return e.keep + leewaySeconds
	}
	return e.act.ExpiresAt + leewaySeconds
}

// merge adds a copy of the entry's act.
func (e *entry) merge(a revocation.Act) {
	e.act, e.keep = e.act.Merge(a), max(e.keep, a.ExpiresAt)
}

// live reports whether the entry counts at now.
func (e *entry) live(now int64) bool {
	return now < e.end() && !e.act.Expired(now)
}

// Denylist is a set of acts. The zero value is not usable; see [New].
type Denylist struct {
	seed maphash.Seed // immutable

	checks, maybes, falseMaybes atomic.Uint64

	mu       sync.RWMutex // guards the fields below
	acts     map[revocation.ActID]*entry
	byTarget map[key][]*entry
	perKind  [int(revocation.KindPool) + 1]int // targets of each kind in byTarget
	// filter holds every key of byTarget, and those removed since it was
	// built; capacity is how many it was sized for, added how many it took.
	filter          *bloom.BloomFilter
	capacity, added uint
	ends            endHeap
	outlived        map[revocation.ActID]struct{} // see Outlived
}

// New returns an empty set.
func New() *Denylist {
	d := &Denylist{
		seed:     maphash.MakeSeed(),
		acts:     make(map[revocation.ActID]*entry),
		byTarget: make(map[key][]*entry),
		outlived: make(map[revocation.ActID]struct{}),
	}
	d.rebuildFilter()
	return d
}

// Apply merges a copy of an act that the stream has brought, and reports
// whether that changed the set. The order and number of copies do not matter.
func (d *Denylist) Apply(a revocation.Act) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.acts[a.ID]
	if e == nil {
		d.insert(&entry{act: a, keep: a.ExpiresAt})
		return true
	}
	before := *e
	e.merge(a)
	e.until = 0
	if *e == before {
		return false
	}
	d.ends.push(e.end(), a.ID)
	if e.act.State == revocation.StateLifted && e.keep > e.act.ExpiresAt {
		d.outlived[a.ID] = struct{}{}
	} else {
		delete(d.outlived, a.ID)
	}
	return true
}

// Outlived returns the lifted acts of which some copy ends later than their
// lift, each as the lift that is missing: with the latest expiry of any copy.
// The set itself keeps them lifted. But in a stream that drops each message at
// the end of its act, such a lift is gone before the copy that it cancels, and
// a node that starts in between would hold the act again.
func (d *Denylist) Outlived() []revocation.Act {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var lifts []revocation.Act
	for id := range d.outlived {
		e := d.acts[id]
		lift := e.act
		lift.ExpiresAt = e.keep
		lifts = append(lifts, lift)
	}
	return lifts
}

// ApplyProvisional merges a copy that only the fast path has brought: it
// counts until the given time (Unix seconds, exclusive) unless [Denylist.Apply]
// brings the act before. It never lifts, and changes nothing about an act that
// the stream has brought. It reports whether it changed the set.
func (d *Denylist) ApplyProvisional(a revocation.Act, until int64) bool {
	if a.State == revocation.StateLifted || until <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.acts[a.ID]
	if e == nil {
		d.insert(&entry{act: a, keep: a.ExpiresAt, until: until})
		return true
	}
	if e.until == 0 {
		return false
	}
	before := *e
	e.merge(a)
	e.until = max(e.until, until)
	if *e == before {
		return false
	}
	d.ends.push(e.end(), a.ID)
	return true
}

// insert adds an entry for an act that the set does not hold. The caller holds mu.
func (d *Denylist) insert(e *entry) {
	k := targetKey(e.act.Target)
	if len(d.byTarget[k]) == 0 {
		d.perKind[k.kind]++
		if d.added >= d.capacity {
			d.rebuildFilter()
		}
		d.filter.Add(d.digest(k).bytes())
		d.added++
	}
	d.acts[e.act.ID] = e
	d.byTarget[k] = append(d.byTarget[k], e)
	d.ends.push(e.end(), e.act.ID)
}

// Find returns an act that refuses tok at now (Unix seconds), and its kind. A
// claim that is empty is never looked up.
func (d *Denylist) Find(tok *revocation.Token, now int64) (revocation.ActID, revocation.Kind, bool) {
	var id revocation.ActID
	var kind revocation.Kind
	d.visit(tok, now, func(a *revocation.Act) bool {
		id, kind = a.ID, a.Target.Kind
		return false
	})
	return id, kind, !id.IsZero()
}

// FindAll returns every act that refuses tok at now (Unix seconds), each once,
// in no particular order.
func (d *Denylist) FindAll(tok *revocation.Token, now int64) []revocation.Act {
	var all []revocation.Act
	d.visit(tok, now, func(a *revocation.Act) bool {
		if !slices.Contains(all, *a) { // a group may stand twice in a token
			all = append(all, *a)
		}
		return true
	})
	return all
}

// visit calls f for each live act that refuses tok until f returns false.
func (d *Denylist) visit(tok *revocation.Token, now int64, f func(*revocation.Act) bool) {
	d.checks.Add(1)
	d.mu.RLock()
	defer d.mu.RUnlock()
	more := true
	look := func(kind revocation.Kind, id string) {
		if !more || d.perKind[kind] == 0 || id == "" && kind != revocation.KindPool {
			return
		}
		k := key{kind, tok.Pool, id}
		if !d.filter.Test(d.digest(k).bytes()) {
			return
		}
		d.maybes.Add(1)
		entries := d.byTarget[k]
		if len(entries) == 0 {
			d.falseMaybes.Add(1)
		}
		for _, e := range entries {
			if more && e.live(now) && e.act.Refuses(*tok) {
				more = f(&e.act)
			}
		}
	}
	look(revocation.KindToken, tok.JTI)
	look(revocation.KindSession, tok.OriginJTI)
	look(revocation.KindUser, tok.Subject)
	look(revocation.KindClient, tok.ClientID)
	for _, g := range tok.Groups {
		look(revocation.KindGroup, g)
	}
	look(revocation.KindDevice, tok.DeviceKey)
	look(revocation.KindPool, "")
}

// Prune removes what has ended at asOf (Unix seconds) and returns how many
// entries that were. Give it the as-of time of the view and not a node's clock:
// a clock that jumps ahead must not lose an act for good.
func (d *Denylist) Prune(asOf int64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	removed := 0
	for {
		id, ok := d.ends.popBy(asOf)
		if !ok {
			break
		}
		// The act may have been extended since it was pushed: then a later
		// end of it is in the heap, too.
		if e := d.acts[id]; e != nil && e.end() <= asOf {
			d.remove(e)
			removed++
		}
	}
	// The filter still holds what was removed; rebuild it once that is most of it.
	if live := uint(len(d.byTarget)); d.added > minFilterCapacity && live < d.added/2 {
		d.rebuildFilter()
	}
	return removed
}

// remove takes e out of the maps. The caller holds mu.
func (d *Denylist) remove(e *entry) {
	delete(d.acts, e.act.ID)
	delete(d.outlived, e.act.ID)
	k := targetKey(e.act.Target)
	var rest []*entry
	for _, other := range d.byTarget[k] {
		if other != e {
			rest = append(rest, other)
		}
	}
	if len(rest) > 0 {
		d.byTarget[k] = rest
		return
	}
	delete(d.byTarget, k)
	d.perKind[k.kind]--
}

// Act returns the merge of all copies of an act that the set holds.
func (d *Denylist) Act(id revocation.ActID) (revocation.Act, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	e := d.acts[id]
	if e == nil {
		return revocation.Act{}, false
	}
	return e.act, true
}

// All returns the acts that the stream has brought, each with the latest expiry
// of any of its copies: applying an open copy with that expiry and then the act
// makes the same entry. Provisional acts are left out. What is applied during
// the iteration may be missing, and waits for it: yield must not block, and
// must call no other method of d.
func (d *Denylist) All() iter.Seq2[revocation.Act, int64] {
	return func(yield func(revocation.Act, int64) bool) {
		d.mu.RLock()
		defer d.mu.RUnlock()
		for _, e := range d.acts {
			if e.until == 0 && !yield(e.act, e.keep) {
				return
			}
		}
	}
}

// Stats describes the set for metrics.
type Stats struct {
	// Acts counts the acts held, the ended ones that Prune has not seen
	// included; Provisional those of them that the stream has not brought.
	Acts, Provisional int
	// Checks counts tokens looked up, Maybes the filter's answers "maybe",
	// FalseMaybes those with nothing behind them.
	Checks, Maybes, FalseMaybes uint64
	// FilterCapacity is the number of targets that the filter is sized for,
	// FilterAdded the number it holds.
	FilterCapacity, FilterAdded uint
}

// Stats returns the current figures. It looks at every act.
func (d *Denylist) Stats() Stats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := Stats{
		Acts:   len(d.acts),
		Checks: d.checks.Load(), Maybes: d.maybes.Load(), FalseMaybes: d.falseMaybes.Load(),
		FilterCapacity: d.capacity, FilterAdded: d.added,
	}
	for _, e := range d.acts {
		if e.until != 0 {
			s.Provisional++
		}
	}
	return s
}

// Len returns the number of acts held.
func (d *Denylist) Len() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.acts)
}
