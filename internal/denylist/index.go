package denylist

import "sync/atomic"

// index finds the first record of a target by its hash: linear probing over
// words that hold a reference and, in the bits above it, some of the hash.
// Each change is one atomic store, so readers need no lock.
//
// A word is 0 if nothing was ever there, and gone if what was there is no
// more: the search goes on behind it, and the writer may use it again.
type index struct {
	slots   []uint32 // accessed atomically
	refBits uint8    // below 32
	used    int      // slots that are not 0; the writer's
}

// minRefBits lets the number of pages grow fourfold before an index of the
// smallest size cannot name them.
const minRefBits = 14

// newIndex makes an index for capacity targets, four fifths full.
func newIndex(capacity int, refs uint32) index {
	slots := capacity + capacity/4 + 8
	bits := uint8(minRefBits)
	for 1<<bits < 2*slots || 1<<bits <= 2*uint64(refs) {
		bits++
	}
	return index{slots: make([]uint32, slots), refBits: min(bits, 31)}
}

func (x *index) gone() uint32 { return 1 << x.refBits }

func (x *index) word(hash uint64, ref uint32) uint32 { return uint32(hash)<<x.refBits | ref }

// find returns the reference of the first act on k, 0 if there is none, and
// the slot that holds it or may take it.
func (x *index) find(p *pages, hash uint64, k *key) (slot int, ref uint32) {
	mask := uint32(1)<<x.refBits - 1
	tag := uint32(hash) << x.refBits
	at := int(reduce(hash, uint64(len(x.slots))))
	vacant := -1
	for {
		w := atomic.LoadUint32(&x.slots[at])
		switch ref := w & mask; {
		case w == 0:
			if vacant < 0 {
				vacant = at
			}
			return vacant, 0
		case ref == 0: // gone
			if vacant < 0 {
				vacant = at
			}
		case w&^mask == tag:
			if r := p.record(ref); r != nil && p.names(ref, r, k) {
				return at, ref
			}
		}
		if at++; at == len(x.slots) {
			at = 0
		}
	}
}

// set makes a slot of find point to ref.
func (x *index) set(slot int, hash uint64, ref uint32) {
	if x.slots[slot] == 0 {
		x.used++
	}
	atomic.StoreUint32(&x.slots[slot], x.word(hash, ref))
}

// clear takes the target of a slot out.
func (x *index) clear(slot int) { atomic.StoreUint32(&x.slots[slot], x.gone()) }

// hasRoom reports whether the index can take one more target, whose record is
// at ref: beyond that searches would become slow, and at last endless.
func (x *index) hasRoom(ref uint32) bool {
	return ref < 1<<x.refBits && x.used < len(x.slots)-len(x.slots)/16-1
}
