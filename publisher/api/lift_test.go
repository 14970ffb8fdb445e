package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func newLiftWorld(t *testing.T) (*world, string) {
	t.Helper()
	w := newWorld(t)
	s := w.fake.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})
	w.fake.found = []publisher.Status{s}
	return w, "/v1/revocations/" + s.Act.ID.String()
}

func TestLift(t *testing.T) {
	for reason, query := range map[string]string{"": "", "wrong user": "?reason=wrong+user"} {
		w, path := newLiftWorld(t)
		a := w.lift(path + query)
		if a.status != http.StatusOK || !strings.Contains(a.body, `"state":"lifted"`) {
			t.Fatalf("answer = %v, want the lifted revocation", a)
		}
		want := []publisher.LiftRequest{{Acts: []revocation.ActID{{1, 2, 3}}, Reason: reason, Operator: "ci"}}
		if diff := cmp.Diff(want, w.fake.lifts); diff != "" {
			t.Errorf("lifts (-want +got):\n%s", diff)
		}
	}
}

func TestLiftRefused(t *testing.T) {
	for name, query := range map[string]string{
		"a control character":   "reason=" + url.QueryEscape("a\x1b"),
		"white space":           "reason=+",
		"513 bytes":             "reason=" + strings.Repeat("x", 513),
		"a reason twice":        "reason=a&reason=b",
		"an unknown parameter":  "why=a",
		"a query that is wrong": "reason=%zz",
	} {
		t.Run(name, func(t *testing.T) {
			w, path := newLiftWorld(t)
			field := "reason"
			if strings.HasPrefix(name, "a query") || strings.HasPrefix(name, "an unknown") {
				field = ""
			}
			w.lift(path+"?"+query).wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, field)
			w.fake.quiet(t)
		})
	}
	w, _ := newLiftWorld(t)
	for _, id := range []string{strings.Repeat("0", 32), "x", access} {
		w.lift("/v1/revocations/"+id).wantProblem(t, http.StatusNotFound, api.ProblemNotFound, "")
	}
	w.fake.quiet(t)
}

// A lift that is not durable says so: nodes still refuse.
func TestLiftNotDurable(t *testing.T) {
	w, path := newLiftWorld(t)
	w.fake.liftErr = &publisher.LiftError{Left: []revocation.ActID{{1, 2, 3}}, Cause: errBroken}
	p := w.lift(path).wantProblem(t, http.StatusServiceUnavailable, api.ProblemNotDurable, "")
	if p.Act != knownID || p.Denied != "yes" {
		t.Errorf("problem = %+v, want the act, still denied", p)
	}
	w.fake.liftErr = api.ErrUnavailable
	w.lift(path).wantProblem(t, http.StatusServiceUnavailable, api.ProblemUnavailable, "")
}
