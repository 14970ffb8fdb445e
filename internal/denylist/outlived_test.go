package denylist_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-4e8dee1b/revoked/internal/acttest"
	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// In any order of arrival, Outlived names exactly the lifted acts of which a
// copy ends later than the latest lift, with that later end; and when these
// lifts have arrived too, none.
func TestOutlivedIsWhatTheStreamIsMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, m := denylist.New(), new(acttest.Model)
		latest := make(map[revocation.ActID]int64)
		for _, a := range acttest.History().Draw(t, "history") {
			d.Apply(a)
			m.Apply(a)
			latest[a.ID] = max(latest[a.ID], a.ExpiresAt)
		}
		want := m.Acts()
		maps.DeleteFunc(want, func(id revocation.ActID, a revocation.Act) bool {
			return a.State != revocation.StateLifted || latest[id] == a.ExpiresAt
		})
		got := make(map[revocation.ActID]revocation.Act)
		for _, lift := range d.Outlived() {
			got[lift.ID] = lift
		}
		for id, a := range want {
			a.ExpiresAt = latest[id]
			want[id] = a
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("Outlived (-want +got):\n%s", diff)
		}
		for _, lift := range got {
			d.Apply(lift)
		}
		if left := d.Outlived(); len(left) > 0 {
			t.Fatalf("Outlived after these lifts = %+v, want none", left)
		}
	})
}

// What is pruned is not missing any more.
func TestOutlivedForgetsWhatHasEnded(t *testing.T) {
	d := denylist.New()
	act := session("a", acttest.Epoch+100)
	lift := act
	lift.State, lift.ExpiresAt = revocation.StateLifted, acttest.Epoch
	d.Apply(act)
	d.Apply(lift)
	d.Prune(acttest.Epoch + 399) // the act's end and leeway, less a second
	if got := d.Outlived(); len(got) != 1 || got[0].ExpiresAt != act.ExpiresAt {
		t.Errorf("Outlived = %+v, want the lift until %d", got, act.ExpiresAt)
	}
	d.Prune(acttest.Epoch + 400)
	if got := d.Outlived(); len(got) != 0 {
		t.Errorf("Outlived = %+v after the end, want none", got)
	}
}
