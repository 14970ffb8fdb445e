package denylist

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Every byte of an id that is as long as a UUID counts, whatever it is, and
// moves half of the hash's bits; from a buffer and a string it is the same.
func TestHashOfUUIDs(t *testing.T) {
	h := newHasher()
	const id = "0c4bb5de-3d1c-4ff7-8b4e-d2a1a3bc1f10"
	want := h.target(revocation.KindUser, 1, id)
	if got := h.targetBytes(revocation.KindUser, 1, []byte(id)); got != want {
		t.Errorf("the hash of a buffer is %x, of the string %x", got, want)
	}
	moved, changes := 0, 0
	for at := range len(id) {
		for bit := range 8 {
			other := []byte(id)
			other[at] ^= 1 << bit
			got := h.target(revocation.KindUser, 1, string(other))
			if got == want {
				t.Errorf("%q and %q have the same hash", id, other)
			}
			moved += bits.OnesCount64(got ^ want)
			changes++
		}
	}
	if mean := float64(moved) / float64(changes); mean < 30 || mean > 34 {
		t.Errorf("one bit of an id moves %.1f bits of its hash, want about 32", mean)
	}
	for name, other := range map[string]uint64{
		"kind": h.target(revocation.KindToken, 1, id), "pool": h.target(revocation.KindUser, 2, id),
		"length": h.target(revocation.KindUser, 1, id[:35]),
	} {
		if other == want {
			t.Errorf("the %s does not change the hash", name)
		}
	}
}

// Ids that are chosen to be alike pass the filter no more often than others do.
func TestFilterOnIDsThatCount(t *testing.T) {
	const n = 20_000
	d := New()
	d.Reserve(n)
	id := func(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", i) }
	for i := range n {
		d.Apply(revocation.Act{
			ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: 1000,
			Target: revocation.Target{Kind: revocation.KindSession, Pool: "eu-west-1_AbC123", ID: id(i)},
		})
	}
	const strangers = 200_000
	for i := range strangers {
		d.Find(&revocation.Token{Pool: "eu-west-1_AbC123", OriginJTI: id(n + i)}, 1)
	}
	if got := d.Stats().FalseMaybes; got > strangers/400 {
		t.Errorf("%d of %d strangers pass the filter, want about 1 in 1000", got, strangers)
	}
}
