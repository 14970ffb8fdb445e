package denylist

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// hasher hashes targets with a key of its own, so that nobody who chooses ids
// can aim at the filter's false positives or at one place of the index. A hash
// finds candidates; entries are told apart by their ids, byte for byte, never
// by hashes. It is immutable: no state is shared by concurrent checks.
type hasher struct {
	instance   uint64 // names the key; not 0
	pool, ids  maphash.Seed
	multiplier uint64 // odd
}

func newHasher() hasher {
	return hasher{
		instance: rand.Uint64() | 1,
		pool:     maphash.MakeSeed(), ids: maphash.MakeSeed(),
		multiplier: rand.Uint64() | 1,
	}
}

// scope is the hash of a pool, with which those of its targets begin.
func (h *hasher) scope(pool string) uint64 { return maphash.String(h.pool, pool) }

// target returns the hash of a target, never 0. Kind and scope are mixed in as
// numbers, so that no two of them run into each other.
func (h *hasher) target(kind revocation.Kind, scope uint64, id string) uint64 {
	return h.mix(kind, scope, maphash.String(h.ids, id))
}

// targetBytes is target for an id in a buffer.
func (h *hasher) targetBytes(kind revocation.Kind, scope uint64, id []byte) uint64 {
	return h.mix(kind, scope, maphash.Bytes(h.ids, id))
}

// mix is off the path on which a check waits for the hash of the id.
func (h *hasher) mix(kind revocation.Kind, scope, id uint64) uint64 {
	return max(id^(scope+uint64(kind))*h.multiplier, 1)
}

// reduce maps a hash to [0, n) by its high bits.
func reduce(hash, n uint64) uint64 {
	high, _ := bits.Mul64(hash, n)
	return high
}
