package denylist_test

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// A set through which acts pass settles at a size, and gives the memory of a
// wave back.
func TestMemoryFollowsTheActsHeld(t *testing.T) {
	d := denylist.NewSmall()
	next, now := 0, soakEpoch
	pass := func(held, rounds int64) int {
		for range rounds {
			now++
			d.Apply(session(uuidOf(next), now+held-soakLeeway))
			next++
			d.Prune(now)
		}
		return d.Stats().Bytes
	}
	small := pass(500, 3000)
	if again := pass(500, 20_000); again > 2*small {
		t.Errorf("%d bytes after many more acts, %d at first", again, small)
	}
	for range 20_000 {
		d.Apply(session(uuidOf(next), now))
		next++
	}
	large := d.Stats().Bytes
	for range 200 {
		d.Prune(now + 1000)
	}
	if st := d.Stats(); st.Acts != 0 || st.Bytes > large/10 {
		t.Errorf("%d acts, %d bytes after all have ended, %d before", st.Acts, st.Bytes, large)
	}
	if problems := d.CheckWhole(); problems != nil {
		t.Error(problems)
	}
}

// One million sessions cost what the package promises of memory, without
// looking at the machine: the figure of Stats is what was allocated.
func TestBytesPerAct(t *testing.T) {
	const n = 200_000
	d := denylist.New()
	d.Reserve(n)
	for i := range n {
		d.Apply(session(uuidOf(i), 1<<32))
	}
	if st := d.Stats(); st.Bytes > 64*n || st.Rebuilding {
		t.Errorf("%.1f bytes per act, want at most 64: %+v", float64(st.Bytes)/n, st)
	}
	if st := d.Stats(); st.FalsePositiveRate > 0.005 || st.FilterFill > 0.5 || st.FilterFill < 0.1 {
		t.Errorf("filter at capacity: %+v", st)
	}
}

func TestLibraryFindsOurBits(t *testing.T) {
	d := denylist.NewSmall()
	for i := range 1000 {
		d.Apply(session(uuidOf(i), 1000))
	}
	for i := range 1000 {
		if !d.AsksLibrary(revocation.KindSession, pool, uuidOf(i)) {
			t.Fatalf("bloom/v3 says no to member %d", i)
		}
	}
}
