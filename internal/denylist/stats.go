package denylist

import "github.com/seed-4e8dee1b/revoked/revocation"

// Stats describes the set for metrics.
type Stats struct {
	// Acts counts the acts held, the ended ones that Prune has not seen
	// included; Provisional those of them that the stream has not brought.
	Acts, Provisional int
	// Kinds counts the acts by kind; every kind is present.
	Kinds map[revocation.Kind]int
	// FalseMaybes counts the filter's answers "maybe" to checks with nothing
	// behind them.
	FalseMaybes uint64
	// FilterCapacity is the number of targets that the filter is sized for,
	// FilterAdded the number it has taken.
	FilterCapacity, FilterAdded int
	// FilterFill is the share of the filter's bits that are set.
	FilterFill float64
	// FalsePositiveRate is the share of strangers that pass the filter,
	// measured now with 16,384 random ones.
	FalsePositiveRate float64
	// Rebuilds counts generations of filter and index that were completed;
	// Rebuilding says that another one is being built.
	Rebuilds   uint64
	Rebuilding bool
	// Bytes is the memory of records, index and filter.
	Bytes int
}

// Stats returns the current figures. It does not look at the acts.
func (d *Denylist) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	kinds := make(map[revocation.Kind]int, len(d.perKind))
	for _, k := range revocation.Kinds() {
		kinds[k] = d.perKind[k]
	}
	return Stats{
		Acts: d.Len(), Provisional: d.provisional, Kinds: kinds,
		FalseMaybes:    d.falseMaybes.Load(),
		FilterCapacity: d.now.capacity, FilterAdded: d.now.added,
		FilterFill: d.now.filter.fill(), FalsePositiveRate: falsePositiveRate(d.now.filter.words),
		Rebuilds: d.rebuilds, Rebuilding: d.next != nil,
		Bytes: d.bytes(),
	}
}

// bytes adds up what was allocated. The caller holds mu.
func (d *Denylist) bytes() int {
	const recordBytes, infoBytes = 56, 24 + 24 + 8
	n := 0
	for page, records := range d.store.records {
		n += len(records)*recordBytes + infoBytes
		if t := d.store.texts[page]; t != nil {
			if p := t.bytes.Load(); p != nil {
				n += cap(*p)
			}
		}
	}
	for _, g := range []*generation{d.now, d.next} {
		if g != nil {
			n += len(g.index.slots)*4 + len(g.filter.words)*8
		}
	}
	return n
}
