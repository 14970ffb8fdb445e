package denylist

import "github.com/seed-4e8dee1b/revoked/revocation"

// NewTiny returns a set whose pages hold four records and whose smallest
// generation four targets, so that a few acts move and rebuild everything.
func NewTiny() *Denylist { return newDenylist(2, 4) }

// CheckWhole returns what is wrong with the set's own bookkeeping.
func (d *Denylist) CheckWhole() (problems []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	complain := func(what string) { problems = append(problems, what) }
	acts, targets := 0, make(map[key]int)
	provisional := 0
	var kinds [int(revocation.KindPool) + 1]int
	for page, records := range d.store.records {
		live := 0
		for at := range records {
			r := &records[at]
			if r.status.Load()&recLive == 0 {
				continue
			}
			if at >= d.store.info[page].used {
				complain("a record beyond those used")
			}
			live++
			ref := uint32(page)<<d.store.shift | uint32(at)
			k, hash := d.keyAt(ref, r)
			k = keyOf(k.kind, k.pool, d.store.act(ref, r).Target.ID)
			targets[k]++
			kinds[k.kind]++
			s := r.span()
			if s.until != 0 {
				provisional++
			}
			if s.end() < d.store.info[page].firstEnd {
				complain("an end before the page's first")
			}
			if !maybe(d.now.filter.words, hash) {
				complain("the filter says no to a member")
			}
			found := false
			_, head := d.now.index.find(&d.store.pages, hash, &k)
			for at := head; at != 0; at = d.store.record(at).next() {
				found = found || at == ref
			}
			if !found {
				complain("a live record that no chain reaches")
			}
			acts++
		}
		if records != nil && live != d.store.info[page].live {
			complain("a page's count")
		}
	}
	if acts != d.Len() || provisional != d.provisional || kinds != d.perKind {
		complain("counts of acts")
	}
	indexed := 0
	for _, w := range d.now.index.slots {
		if w&(1<<d.now.index.refBits-1) != 0 {
			indexed++
		}
	}
	if indexed != len(targets) {
		complain("targets in the index")
	}
	snap := d.snap.Load()
	if len(snap.records) != len(d.store.records) || len(snap.pools) != len(d.store.pools) || &snap.filter[0] != &d.now.filter.words[0] {
		complain("readers use an old snapshot")
	}
	return problems
}

// AsksLibrary reports whether bloom/v3 itself finds the bits of an id that the
// set holds.
func (d *Denylist) AsksLibrary(kind revocation.Kind, pool, id string) bool {
	hash := d.hasher.target(kind, d.hasher.scope(pool), id)
	first, at := pattern(hash, len(d.now.filter.words))
	var locations []uint64
	for half := first; half < first+blockWords; half += blockWords / 2 {
		word := uint64(half) + at&3
		for shift := 2; shift < 26; shift += 6 {
			locations = append(locations, word*64+at>>shift&63)
		}
		at >>= 26
	}
	return d.now.filter.bloom.TestLocations(locations)
}

// NewSmall returns a set with small pages and generations, so that a few
// thousand acts keep it growing, moving and rebuilding.
func NewSmall() *Denylist { return newDenylist(4, 64) }
