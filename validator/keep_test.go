package validator

import (
	"crypto/rsa"
	"math/big"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"
)

// Two tokens whose digests begin alike are two tokens.
func TestCacheComparesTheWholeDigest(t *testing.T) {
	c := newCache(64 << 10)
	kept := digest{31: 1}
	c.put(&cached{digest: kept, bytes: 1})
	if c.get(&kept, 0) == nil {
		t.Error("the entry is not found")
	}
	for at := range kept {
		other := kept
		other[at] ^= 0x80
		if c.get(&other, 0) != nil {
			t.Errorf("found by a digest that differs in byte %d", at)
		}
	}
	if c.get(&kept, 1) != nil {
		t.Error("found in another epoch")
	}
}

// The epoch of keys that differ changes before they are in use, so that no
// kept token counts from then on, and after: a request that read the epoch in
// between may have verified with the old keys still. The same keys again
// change nothing.
func TestEpochChangesAroundAChangeOfKeys(t *testing.T) {
	epoch := new(atomic.Uint64)
	s := newKeySource(&pool{id: "p"}, http.DefaultClient, zerolog.Nop(), epoch)
	key := func(n int64) *keySet {
		return &keySet{keys: map[string]*rsa.PublicKey{"a": {N: big.NewInt(n), E: 3}}}
	}
	for i, change := range []struct {
		set  *keySet
		want uint64
	}{{key(1), 2}, {key(1), 2}, {key(2), 4}, {key(1), 6}} {
		s.store(change.set, false)
		if got := epoch.Load(); got != change.want {
			t.Errorf("after fetch %d the epoch is %d, want %d", i, got, change.want)
		}
	}
}
