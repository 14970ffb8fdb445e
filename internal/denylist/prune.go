package denylist

// maxPruned bounds the entries that one call of Prune removes, and with it the
// time for which it keeps writers waiting: some ten milliseconds.
const maxPruned = 1 << 16

// Prune removes what has ended at asOf (Unix seconds) and returns how many
// entries that were, at most about 65,000: the rest go with the next calls.
// Give it the as-of time of the view and not a node's clock: a clock that
// jumps ahead must not lose an act for good.
func (d *Denylist) Prune(asOf int64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	removed := 0
	var empty []int
	for page := range d.store.info {
		if removed >= maxPruned {
			break
		}
		if d.store.info[page].firstEnd <= asOf {
			removed += d.prunePage(page, asOf)
		}
		if d.sparse(page) { // it may have been the tail when that happened
			d.vacate(page)
			empty = append(empty, page)
		}
	}
	if len(empty) > 0 {
		d.store.release(empty)
		d.publish()
	}
	// Filter and index still hold what was removed; build them anew once that
	// is most of it.
	if d.next == nil && d.now.added > d.smallest && d.Len() < d.now.added/2 {
		d.begin(d.Len() + d.Len()/2)
	}
	d.build(stepOfPrune)
	return removed
}

// prunePage removes what has ended from one page. The caller holds mu.
func (d *Denylist) prunePage(page int, asOf int64) (removed int) {
	info := &d.store.info[page]
	first := int64(noEnd)
	for at := range info.used {
		r := &d.store.records[page][at]
		if r.status.Load()&recLive == 0 {
			continue
		}
		s := r.span()
		if end := s.end(); end > asOf {
			first = min(first, end)
			continue
		}
		d.remove(uint32(page)<<d.store.shift|uint32(at), r, s)
		removed++
	}
	info.firstEnd = first
	return removed
}

// remove takes a record out of its chain. What it says stays readable for
// checks that have reached it. The caller holds mu.
func (d *Denylist) remove(ref uint32, r *record, s span) {
	d.replace(ref, r, r.next())
	r.status.Store(r.status.Load() &^ recLive)
	d.store.info[ref>>d.store.shift].live--
	d.acts.Add(-1)
	delete(d.outlived, r.id)
	if s.until != 0 {
		d.provisional--
	}
	kind := kindOf(r.status.Load())
	if d.perKind[kind]--; d.perKind[kind] == 0 {
		d.present.Store(d.present.Load() &^ (1 << kind))
	}
}

// replace makes whatever leads to ref lead to other instead; 0 is the end of
// the chain. The caller holds mu.
func (d *Denylist) replace(ref uint32, r *record, other uint32) {
	k, hash := d.keyAt(ref, r)
	slot, head := d.now.index.find(&d.store.pages, hash, &k)
	if head == ref {
		d.now.redirect(slot, hash, head, other)
		if d.next != nil {
			slot, there := d.next.index.find(&d.store.pages, hash, &k)
			d.next.redirect(slot, hash, there, other)
		}
		return
	}
	for at := head; at != 0; {
		before := d.store.record(at)
		if at = before.next(); at == ref {
			before.setNext(other)
			return
		}
	}
}

// redirect is link for a target that may have no act left, if ref is 0.
func (g *generation) redirect(slot int, hash uint64, before, ref uint32) {
	switch {
	case ref != 0:
		g.link(slot, hash, before, ref)
	case before != 0:
		g.index.clear(slot)
	}
}

// sparse reports whether what lives in a page is so little that moving it
// frees more than it costs. The tail is still filling up.
func (d *Denylist) sparse(page int) bool {
	info := d.store.info[page]
	return page != d.store.tail && d.store.records[page] != nil && 2*info.live < info.used
}

// vacate moves the records of a page to the tail. The caller holds mu.
func (d *Denylist) vacate(page int) {
	for at := range d.store.info[page].used {
		r := &d.store.records[page][at]
		if r.status.Load()&recLive == 0 {
			continue
		}
		from := uint32(page)<<d.store.shift | uint32(at)
		if d.prepare("") {
			d.publish()
		}
		a := d.store.act(from, r)
		to := d.store.put(&a, r.span(), r.next())
		d.replace(from, r, to)
		r.status.Store(r.status.Load() &^ recLive)
	}
}
