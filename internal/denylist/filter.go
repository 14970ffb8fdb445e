package denylist

import (
	"encoding/binary"
	"hash/maphash"
	"time"

	"github.com/bits-and-blooms/bloom/v3"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const leewaySeconds = int64(revocation.MaxLeeway / time.Second)

// digest is a keyed hash of a key. bloom/v3 hashes with a fixed seed, so
// whoever chooses a sub could aim at false positives; the process's own random
// seed takes that away.
type digest [8]byte

func (g digest) bytes() []byte { return g[:] }

func (d *Denylist) digest(k key) (g digest) {
	var h maphash.Hash
	h.SetSeed(d.seed)
	h.WriteByte(byte(k.kind))
	// The length keeps ("ab", "c") and ("a", "bc") apart.
	h.WriteByte(byte(len(k.pool)))
	h.WriteString(k.pool)
	h.WriteString(k.id)
	binary.LittleEndian.PutUint64(g[:], h.Sum64())
	return g
}

// rebuildFilter sizes a new filter for twice the present targets and fills it.
// The caller holds mu, or is the only one to know d.
func (d *Denylist) rebuildFilter() {
	d.capacity = max(minFilterCapacity, 2*uint(len(d.byTarget)))
	d.filter = bloom.NewWithEstimates(d.capacity, falsePositives)
	for k := range d.byTarget {
		d.filter.Add(d.digest(k).bytes())
	}
	d.added = uint(len(d.byTarget))
}

func targetKey(t revocation.Target) key { return key{t.Kind, t.Pool, t.ID} }
