package denylist

// generation is a filter and an index over the records. Neither can forget:
// what was removed leaves its bits in the filter, and a slot in the index.
type generation struct {
	filter   filter
	index    index
	capacity int // targets that it was sized for
	added    int // targets that it has taken, those removed since included
}

// newGeneration returns one for capacity targets whose references are at most refs.
func newGeneration(capacity int, refs uint32) *generation {
	return &generation{filter: newFilter(capacity), index: newIndex(capacity, refs), capacity: capacity}
}

// link makes ref the first act of the target that has a slot. before is what
// the slot led to, 0 if the generation does not have the target yet. The index
// comes first: whom the filter sends there must find it.
func (g *generation) link(slot int, hash uint64, before, ref uint32) {
	g.index.set(slot, hash, ref)
	if before == 0 {
		g.filter.add(hash)
		g.added++
	}
}

const (
	// stepOfInsert is how many records go into the next generation with each
	// insert: so many that it is complete long before the present one is
	// crowded.
	stepOfInsert = 16
	// stepOfPrune bounds a call of Prune to a few milliseconds of building.
	stepOfPrune = 1 << 14
)

// grow begins the next generation when the present one is at its capacity, and
// does some of the work if one is begun. The caller holds mu.
func (d *Denylist) grow() {
	if d.next == nil && d.now.added >= d.now.capacity {
		d.begin(d.Len() + d.Len()/2)
	}
	d.build(stepOfInsert)
}

// cramped reports whether an index cannot take one more target with its record
// at ref. The caller holds mu.
func (d *Denylist) cramped(ref uint32) bool {
	return !d.now.index.hasRoom(ref) || d.next != nil && !d.next.index.hasRoom(ref)
}

// begin begins a generation for capacity targets. The caller holds mu.
func (d *Denylist) begin(capacity int) {
	last := uint32(len(d.store.records)) << d.store.shift
	d.next = newGeneration(max(d.smallest, capacity), last)
	d.cursor = 0
}

// build adds up to steps records to the next generation, and makes it the
// present one when all are in it. It reports whether it did. The caller holds
// mu.
//
// Next has every target whose first record is before the cursor, and every one
// whose first record has changed since it began. Chains are of the records, so
// both generations lead to the same ones.
func (d *Denylist) build(steps int) bool {
	if d.next == nil {
		return false
	}
	for ; steps > 0; steps-- {
		page, at := int(d.cursor>>d.store.shift), int(d.cursor&(1<<d.store.shift-1))
		if page == len(d.store.records) {
			d.now, d.next = d.next, nil
			d.rebuilds++
			d.publish()
			return true
		}
		if at >= d.store.info[page].used {
			d.cursor = uint32(page+1) << d.store.shift
			continue
		}
		d.carry(d.cursor)
		d.cursor++
	}
	return false
}

// carry adds the target of a record to the next generation, unless it is
// there. The caller holds mu.
func (d *Denylist) carry(ref uint32) {
	r := d.store.record(ref)
	if r.status.Load()&recLive == 0 {
		return
	}
	k, hash := d.keyAt(ref, r)
	slot, there := d.next.index.find(&d.store.pages, hash, &k)
	if there != 0 {
		return
	}
	_, first := d.now.index.find(&d.store.pages, hash, &k)
	d.next.link(slot, hash, 0, first)
}

// rebuild makes the next generation the present one at once. The caller holds mu.
func (d *Denylist) rebuild() {
	if d.next == nil || !d.next.index.hasRoom(d.store.nextRef()) {
		d.begin(d.Len() + d.Len()/2)
	}
	for !d.build(stepOfPrune) {
	}
}

// keyAt returns the key of a record's target and its hash. The caller holds mu.
func (d *Denylist) keyAt(ref uint32, r *record) (key, uint64) {
	k := d.store.key(ref, r)
	if k.id == "" && k.packed {
		id := formatUUID(k.high, k.low)
		return k, d.hasher.targetBytes(k.kind, d.hasher.scope(k.pool), id[:])
	}
	return k, d.hasher.target(k.kind, d.hasher.scope(k.pool), k.id)
}

// Reserve makes room for n acts, so that a long replay does not rebuild on its
// way: a hint, taken once and before many acts are held.
func (d *Denylist) Reserve(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n > d.now.capacity && d.next == nil {
		d.begin(n)
		d.rebuild()
	}
}
