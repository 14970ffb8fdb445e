package main

import (
	"fmt"
	"math/rand/v2"
	"unsafe"
)

const (
	// probes is how many ids a look-up takes turns with: more than the largest
	// set that every candidate holds. With fewer, what they lead to in a map is
	// a part of the map only, and stays in a cache of the processor that the
	// whole would not fit into.
	probes = 1 << 20
	// keyBatch is how many look-ups are timed together: the text of so many ids
	// fits into the first cache.
	keyBatch = 1024
	idLength = 36
)

// uuid returns the i-th id of a family.
func uuid(family, i uint64) string {
	r := rand.New(rand.NewPCG(family, i))
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&(1<<48-1))
}

func uuids(family uint64, n int, pick func(i int) uint64) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid(family, pick(i))
	}
	return ids
}

// keys are ids that look-ups ask for, each behind the other in one text. What
// is measured is the sets and not how the memory delivers the questions.
type keys []byte

// newKeys returns n ids, a multiple of keyBatch.
func newKeys(family uint64, n int, pick func(i int) uint64) keys {
	k := make(keys, 0, n*idLength)
	for i := range n {
		k = append(k, uuid(family, pick(i))...)
	}
	return k
}

// walk is one goroutine's way through keys.
type walk struct {
	keys  keys
	batch [keyBatch * idLength]byte
}

// next brings the ids of a batch of look-ups into the first cache, which is done
// before the clock starts. first is a multiple of keyBatch.
func (w *walk) next(first int) {
	copy(w.batch[:], w.keys[first*idLength%len(w.keys):])
}

// id returns the id of look-up number i, until next is called again.
func (w *walk) id(i int) string {
	return unsafe.String(&w.batch[i%keyBatch*idLength], idLength)
}
