package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestListFilters(t *testing.T) {
	after := revocation.ActID{0xab}
	w := newWorld(t)
	a := w.get("/v1/revocations?kind=user&pool=eu-west-1_AbC123&id=sub-1&state=open&limit=7&after=" + after.String())
	if a.status != http.StatusOK {
		t.Fatalf("answer = %v", a)
	}
	want := []publisher.Query{{
		Kind: revocation.KindUser, Pool: pool, IDs: []string{"sub-1"}, State: revocation.StateOpen, After: after, Limit: 8,
	}}
	if diff := cmp.Diff(want, w.fake.queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestListFiltersRefused(t *testing.T) {
	for query, field := range map[string]string{
		"kind=users": "kind", "state=done": "state", "after=x": "after", "limit=1&limit=2": "limit", "kinds=user": "", "id=%zz": "",
	} {
		w := newWorld(t)
		w.get("/v1/revocations?"+query).wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, field)
		if len(w.fake.queries) > 0 {
			t.Errorf("%s: queries %+v, want none", query, w.fake.queries)
		}
	}
	w := newWorld(t)
	w.fake.listErr = publisher.ErrNotFound
	w.get("/v1/revocations?after="+knownID).wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, "after")
}

// Pages follow one another without gap or overlap, and the last says so.
func TestListPages(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		s := w.fake.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})
		s.Act.ID = revocation.ActID{byte(i + 1)}
		w.fake.found = append(w.fake.found, s)
	}
	var got []string
	query, pages := "?limit=2", 0
	for {
		a := w.get("/v1/revocations" + query)
		var page struct {
			Revocations []struct{ ID string }
			Next        string
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatalf("%v: %v", err, a)
		}
		for _, r := range page.Revocations {
			got = append(got, r.ID)
		}
		if pages++; page.Next == "" {
			break
		}
		query = "?limit=2&after=" + page.Next
	}
	var want []string
	for _, s := range w.fake.found {
		want = append(want, s.Act.ID.String())
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages, want 3; ids (-want +got):\n%s", pages, diff)
	}
}
