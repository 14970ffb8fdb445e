package denylist

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"

	"github.com/bits-and-blooms/bloom/v3"
)

const (
	// A question looks at one block only, which is one cache line.
	blockBits  = 512
	blockWords = blockBits / 64
	// bitsPerKey and filterHashes make about one false "maybe" in a thousand
	// at capacity. That costs an exact look-up, never a verdict.
	bitsPerKey   = 16
	filterHashes = 7
)

// filter is the Bloom filter: bloom/v3 keeps the bits, where they are is ours.
// The library's own hash costs more than a whole look-up in the set, and its
// positions lie all over the memory. Words are only ever accessed atomically;
// no bit is cleared.
type filter struct {
	bloom *bloom.BloomFilter
	words []uint64 // bloom's
	// set counts the bits that are 1. It is the writer's.
	set uint64
}

func newFilter(capacity int) filter {
	blocks := max(1, (uint(capacity)*bitsPerKey+blockBits-1)/blockBits)
	b := bloom.New(blocks*blockBits, filterHashes)
	return filter{bloom: b, words: b.BitSet().Words()}
}

// pattern returns the first word of the hash's block and nine bits for each of
// filterHashes positions in it.
func pattern(hash uint64, words int) (first int, positions uint64) {
	return int(reduce(hash, uint64(words/blockWords))) * blockWords, bits.RotateLeft64(hash, 32) * 0xD6E8FEB86659FD93
}

// maybe reports false only if no key with this hash was added. It looks at all
// positions and branches once: a stranger is the rule, so the processor goes on
// to the next question while the memory of this one is on its way. A branch at
// each position would be guessed wrong most of the time, and end that.
func maybe(words []uint64, hash uint64) bool {
	first, at := pattern(hash, len(words))
	b := (*[blockWords]uint64)(words[first:])
	all := atomic.LoadUint64(&b[at>>6&7]) >> (at & 63)
	all &= atomic.LoadUint64(&b[at>>15&7]) >> (at >> 9 & 63)
	all &= atomic.LoadUint64(&b[at>>24&7]) >> (at >> 18 & 63)
	all &= atomic.LoadUint64(&b[at>>33&7]) >> (at >> 27 & 63)
	all &= atomic.LoadUint64(&b[at>>42&7]) >> (at >> 36 & 63)
	all &= atomic.LoadUint64(&b[at>>51&7]) >> (at >> 45 & 63)
	all &= atomic.LoadUint64(&b[at>>60&7]) >> (at >> 54 & 63)
	return all&1 != 0
}

// add is called by one goroutine at a time.
func (f *filter) add(hash uint64) {
	first, at := pattern(hash, len(f.words))
	for range filterHashes {
		bit := uint64(1) << (at & 63)
		if atomic.OrUint64(&f.words[first+int(at>>6&(blockWords-1))], bit)&bit == 0 {
			f.set++
		}
		at >>= 9
	}
}

func (f *filter) fill() float64 { return float64(f.set) / float64(f.bloom.Cap()) }

// falsePositiveRate asks the filter about keys that nobody added.
func falsePositiveRate(words []uint64) float64 {
	const questions = 1 << 14
	hits := 0
	for range questions {
		if maybe(words, rand.Uint64()) {
			hits++
		}
	}
	return float64(hits) / questions
}
