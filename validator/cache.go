package validator

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// defaultCacheBytes keeps some ten thousand tokens.
	defaultCacheBytes = 64 << 20
	// bytesPerSlot is how much of the bound there is for each slot: less than
	// a usual entry takes, so that bytes run out and not slots.
	bytesPerSlot = 2 << 10
	// entryBytes is what an entry takes beside its claims, and claimBytes how
	// much of memory a byte of payload becomes as claims.
	entryBytes = 1 << 10
	claimBytes = 3
	cacheWays  = 4
)

// cache keeps tokens that passed every check that does not change with time:
// those are found again by the SHA-256 of the whole token, so nothing but the
// very bytes that were verified is ever taken for them. It keeps no refusals:
// garbage is always new, and would only push out what is worth keeping.
//
// It is bounded by slots and by bytes; who must go is chosen at random. Reading
// takes no lock and allocates nothing.
type cache struct {
	sets     []cacheSet // a power of two, or none
	maxBytes int64
	bytes    atomic.Int64
	entries  atomic.Int64
	misses   atomic.Uint64
}

// cacheSet is the places that a digest may be at; it fills a cache line.
type cacheSet struct {
	tags    [cacheWays]atomic.Uint64 // of the entries; a hint
	entries [cacheWays]atomic.Pointer[cached]
}

// digest identifies a token.
type digest [sha256.Size]byte

// digestOf hashes all of a token: header, payload and signature.
func digestOf(token string) digest {
	// The bytes are only read. A copy would double the cost of a hit.
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(token), len(token))) //nolint:gosec // see above
}

// cached is an entry. It never changes.
type cached struct {
	digest digest
	tok    *Verified
	hashes revocation.Hashes
	// epoch is that of the keys, taken before the token was verified.
	epoch uint64
	bytes int64
}

func newCache(maxBytes int64) *cache {
	c := &cache{maxBytes: maxBytes}
	if slots := maxBytes / bytesPerSlot; slots >= cacheWays {
		c.sets = make([]cacheSet, 1<<(bits.Len64(uint64(slots/cacheWays))-1))
	}
	return c
}

func (c *cache) set(d *digest) *cacheSet {
	return &c.sets[binary.LittleEndian.Uint64(d[:8])&uint64(len(c.sets)-1)]
}

func (d *digest) tag() uint64 { return binary.LittleEndian.Uint64(d[8:16]) }

// get returns the entry of a token, nil if there is none or it was verified
// with keys of another epoch.
func (c *cache) get(d *digest, epoch uint64) *cached {
	if len(c.sets) == 0 {
		return nil
	}
	set, tag := c.set(d), d.tag()
	for way := range set.tags {
		if set.tags[way].Load() != tag {
			continue
		}
		if e := set.entries[way].Load(); e != nil && e.digest == *d && e.epoch == epoch {
			return e
		}
	}
	return nil
}

// put adds an entry, in place of an earlier one of the same token.
func (c *cache) put(e *cached) {
	if len(c.sets) == 0 || e.bytes > c.maxBytes {
		return
	}
	set, tag := c.set(&e.digest), e.digest.tag()
	way := int(e.digest[16]) % cacheWays
	for other := range set.tags {
		old := set.entries[other].Load()
		if old == nil {
			way = other
		} else if old.digest == e.digest {
			way = other
			break
		}
	}
	c.swap(set, way, e)
	set.tags[way].Store(tag)
	for c.bytes.Load() > c.maxBytes {
		victims := &c.sets[rand.N(len(c.sets))]
		c.swap(victims, rand.N(cacheWays), nil)
	}
}

// swap replaces an entry and keeps count.
func (c *cache) swap(set *cacheSet, way int, e *cached) {
	old := set.entries[way].Swap(e)
	if e != nil {
		c.entries.Add(1)
		c.bytes.Add(e.bytes)
	}
	if old != nil {
		c.entries.Add(-1)
		c.bytes.Add(-old.bytes)
	}
}

// remember adds a token that passed every check before the denylist.
func (v *Validator) remember(d *digest, tok *Verified, payload int, epoch uint64) *cached {
	e := &cached{digest: *d, tok: tok, epoch: epoch, bytes: entryBytes + claimBytes*int64(payload)}
	if v.hashed != nil {
		e.hashes = v.hashed.Prehash(&tok.token)
	}
	v.cache.put(e)
	return e
}
