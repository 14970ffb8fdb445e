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
	bitsPerKey   = 17
	filterHashes = 8
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

// pattern returns the first word of the hash's block, and 26 bits for each half
// of it: which of its four words, and four positions there.
func pattern(hash uint64, words int) (first int, at uint64) {
	return int(reduce(hash, uint64(words/blockWords))) * blockWords, bits.RotateLeft64(hash, 32) * 0xD6E8FEB86659FD93
}

// positions returns a word with the bits of a half.
func positions(at uint64) uint64 {
	return 1<<(at>>2&63) | 1<<(at>>8&63) | 1<<(at>>14&63) | 1<<(at>>20&63)
}

// maybe reports false only if no key with this hash was added. One word tells
// 96 of 100 strangers, so the branch on it is guessed right: the processor goes
// on to the next question while the memory of this one is on its way. A branch
// at each position would be guessed wrong most of the time, and end that. How
// many questions fit in beside each other depends on their instructions.
func maybe(words []uint64, hash uint64) bool {
	first, at := pattern(hash, len(words))
	if positions(at)&^atomic.LoadUint64(&words[first+int(at&3)]) != 0 {
		return false
	}
	at >>= 26
	return positions(at)&^atomic.LoadUint64(&words[first+4+int(at&3)]) == 0
}

// add is called by one goroutine at a time.
func (f *filter) add(hash uint64) {
	first, at := pattern(hash, len(f.words))
	for half := first; half < first+blockWords; half += blockWords / 2 {
		mask := positions(at)
		before := atomic.OrUint64(&f.words[half+int(at&3)], mask)
		f.set += uint64(bits.OnesCount64(mask &^ before))
		at >>= 26
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
