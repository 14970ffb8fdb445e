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
	uuids      [8]uint64
	multiplier uint64 // odd
}

func newHasher() hasher {
	h := hasher{
		instance: rand.Uint64() | 1,
		pool:     maphash.MakeSeed(), ids: maphash.MakeSeed(),
		multiplier: rand.Uint64() | 1,
	}
	for i := range h.uuids {
		h.uuids[i] = rand.Uint64()
	}
	return h
}

// scope is the hash of a pool, with which those of its targets begin.
func (h *hasher) scope(pool string) uint64 { return maphash.String(h.pool, pool) }

// target returns the hash of a target, never 0. Kind and scope are mixed in as
// numbers, so that no two of them run into each other.
func (h *hasher) target(kind revocation.Kind, scope uint64, id string) uint64 {
	if len(id) == uuidLength {
		return h.mix(kind, scope, hashUUID(&h.uuids, id))
	}
	return h.mix(kind, scope, maphash.String(h.ids, id))
}

// targetBytes is target for a UUID in a buffer.
func (h *hasher) targetBytes(kind revocation.Kind, scope uint64, id []byte) uint64 {
	return h.mix(kind, scope, hashUUID(&h.uuids, id))
}

// hashUUID hashes what is as long as a UUID, which nearly every claim is, in half
// the instructions that maphash needs. It is the sum of products of NH (RFC
// 4418, section 5.2.2) in 128 bits, folded by one more: whatever two ids are,
// they have the same sum with a probability of 2^-64 over the keys.
func hashUUID[T string | []byte](k *[8]uint64, id T) uint64 {
	id = id[:uuidLength]
	high, low := bits.Mul64(word8(id[0:8])+k[0], word8(id[8:16])+k[1])
	high2, low2 := bits.Mul64(word8(id[16:24])+k[2], word8(id[24:32])+k[3])
	high3, low3 := bits.Mul64(word8(id[28:36])+k[4], k[5])
	low, carry := bits.Add64(low, low2, 0)
	high, _ = bits.Add64(high, high2, carry)
	low, carry = bits.Add64(low, low3, 0)
	high, _ = bits.Add64(high, high3, carry)
	high, low = bits.Mul64(high^k[6], low^k[7])
	return high ^ low
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

// word8 reads eight bytes.
func word8[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
