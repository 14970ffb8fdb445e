package revocation_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/seed-4e8dee1b/revoked/internal/acttest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"pgregory.net/rapid"
)

// actSet is the smallest thing that follows the rules of this package: what
// every index over acts must be equal to.
type actSet map[revocation.ActID]revocation.Act

func (s actSet) apply(a revocation.Act) {
	if known, ok := s[a.ID]; ok {
		a = known.Merge(a)
	}
	s[a.ID] = a
}

func (s actSet) refuses(tok revocation.Token, now int64) []revocation.ActID {
	var ids []revocation.ActID
	for id, a := range s {
		if !a.Expired(now) && a.Refuses(tok) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b revocation.ActID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// Every order and duplication of what happens to one target (two revokes,
// confirmation, extension, two lifts, fast copies, replay) ends in one state.
func TestOrderAndDuplicatesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		story := acttest.Story().Draw(t, "story")
		var model acttest.Model
		inOrder := actSet{}
		for _, a := range story {
			model.Apply(a)
			inOrder.apply(a)
		}
		arrived := actSet{}
		for _, a := range acttest.Delivery(story).Draw(t, "delivery") {
			arrived.apply(a)
		}
		if diff := cmp.Diff(inOrder, arrived); diff != "" {
			t.Fatalf("state depends on the delivery (-in order +as delivered):\n%s", diff)
		}
		if diff := cmp.Diff(model.Acts(), map[revocation.ActID]revocation.Act(arrived)); diff != "" {
			t.Fatalf("state differs from the model (-model +set):\n%s", diff)
		}
	})
}

// All deliveries of one story that has every step, not only some.
func TestEveryOrderOfOneStory(t *testing.T) {
	first, second := actOn(revocation.KindUser), actOn(revocation.KindUser)
	second.ID = revocation.ActID{7}
	step := func(a revocation.Act, s revocation.State, later int64) revocation.Act {
		a.State, a.ExpiresAt = s, a.ExpiresAt+later
		return a
	}
	story := []revocation.Act{
		step(first, revocation.StateOpen, 0),
		step(second, revocation.StateOpen, 0),
		step(first, revocation.StateOpen, 50),
		step(first, revocation.StateConfirmed, 20),
		step(first, revocation.StateLifted, 10),
		step(second, revocation.StateLifted, 60),
		step(first, revocation.StateOpen, 0), // replay
	}
	want := actSet{first.ID: story[4], second.ID: story[5]}
	orders := 0
	permute(story, func(order []revocation.Act) {
		orders++
		got := actSet{}
		for _, a := range order {
			got.apply(a)
		}
		if !maps.Equal(got, want) {
			t.Fatalf("order %+v ends in %+v, want %+v", order, got, want)
		}
	})
	if orders != 5040 {
		t.Errorf("%d orders of 7 copies, want 5040", orders)
	}
}

// permute calls visit with every order of list, changing list in place.
func permute(list []revocation.Act, visit func([]revocation.Act)) {
	var from func(i int)
	from = func(i int) {
		if i == len(list) {
			visit(list)
			return
		}
		for j := i; j < len(list); j++ {
			list[i], list[j] = list[j], list[i]
			from(i + 1)
			list[i], list[j] = list[j], list[i]
		}
	}
	from(0)
}

func TestMergeIsAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Three copies of one act.
		a := acttest.Act().Draw(t, "a")
		b, c := a, a
		for _, other := range []*revocation.Act{&b, &c} {
			drawn := acttest.Act().Draw(t, "other")
			other.State, other.ExpiresAt = drawn.State, drawn.ExpiresAt
		}
		if got := a.Merge(a); got != a {
			t.Errorf("not idempotent: %+v merged with itself is %+v", a, got)
		}
		if x, y := a.Merge(b), b.Merge(a); x != y {
			t.Errorf("not commutative: %+v and %+v", x, y)
		}
		if x, y := a.Merge(b).Merge(c), a.Merge(b.Merge(c)); x != y {
			t.Errorf("not associative: %+v and %+v", x, y)
		}
		if m := a.Merge(b); m != a && m != b {
			t.Errorf("Merge invents %+v from %+v and %+v", m, a, b)
		}
	})
}

func TestRefusalsEqualTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var model acttest.Model
		set := actSet{}
		for _, a := range acttest.History().Draw(t, "history") {
			model.Apply(a)
			set.apply(a)
		}
		for range 10 {
			tok, now := acttest.Token().Draw(t, "token"), acttest.Now().Draw(t, "now")
			if diff := cmp.Diff(model.Refuses(tok, now), set.refuses(tok, now)); diff != "" {
				t.Fatalf("at %d, token %+v: refusing acts (-model +set):\n%s", now, tok, diff)
			}
		}
	})
}
