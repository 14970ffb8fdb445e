package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// explained is an explanation.
type explained struct {
	Verdict   string
	Claims    map[string]any
	Fails     []string
	RefusedBy []explainedAct `json:"refused_by"`
	PassedBy  []explainedAct `json:"passed_by"`
	Notes     []string
}

type explainedAct struct {
	ID, Kind, State, Basis, Since, Until, Why, Reason, Operator string
}

func (a answer) explained(t *testing.T) explained {
	t.Helper()
	var e explained
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != http.StatusOK {
		t.Fatalf("%v: %v", err, a)
	}
	return e
}

// ends is when the acts below end.
var ends = time.Now().Add(time.Hour).Unix()

func userAct(n byte, edit func(*revocation.Act)) revocation.Act {
	a := revocation.Act{
		ID: revocation.ActID{n}, State: revocation.StateOpen, Basis: revocation.BasisSession, Cutoff: 1000, ExpiresAt: ends,
		Target: revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"},
	}
	edit(&a)
	return a
}

func status(a revocation.Act) publisher.Status {
	return publisher.Status{Act: a, AcceptedAt: moment, Cognito: publisher.Leg{State: publisher.LegDone}, Reason: "laptop stolen", Operator: "alice"}
}

// explainWorld knows a token and some acts; in has those in the denylist.
func explainWorld(t *testing.T, tok revocation.Token, known []revocation.Act, in ...revocation.Act) *world {
	t.Helper()
	w := newAdminWorld(t, func(c *api.AdminConfig) {
		c.Examiner, c.Denylist = oneToken{tok}, fakeDenylist{acts: in}
	})
	for _, a := range known {
		w.fake.found = append(w.fake.found, status(a))
	}
	return w
}

type oneToken struct{ tok revocation.Token }

func (o oneToken) ExamineClaims(map[string]any) api.Examined {
	return api.Examined{Token: o.tok, Known: true}
}

// Examine has no use in these tests.
func (o oneToken) Examine(context.Context, string) (api.Examined, error) {
	return o.ExamineClaims(nil), nil
}

const anyClaims = `{"claims":{}}`

func TestExplainRefusal(t *testing.T) {
	tok := revocation.Token{Pool: pool, JTI: "jti-1", OriginJTI: "origin-1", Subject: "sub-1", IssuedAt: 900, AuthTime: 800}
	act := userAct(1, func(*revocation.Act) {})
	other := userAct(2, func(a *revocation.Act) { a.State = revocation.StateConfirmed })
	w := explainWorld(t, tok, []revocation.Act{act}, act, other)
	got := w.explain(anyClaims).explained(t)
	want := []explainedAct{
		{
			ID: act.ID.String(), Kind: "user", State: "open", Basis: "session", Since: "2030-01-02T03:04:05Z",
			Until: time.Unix(ends, 0).UTC().Format(time.RFC3339), Reason: "laptop stolen", Operator: "alice",
		},
		{ // of which nobody knows any more who and why
			ID: other.ID.String(), Kind: "user", State: "confirmed", Basis: "session",
			Until: time.Unix(ends, 0).UTC().Format(time.RFC3339),
		},
	}
	if diff := cmp.Diff(want, got.RefusedBy); diff != "" || got.Verdict != "revoked" || len(got.PassedBy) > 0 {
		t.Errorf("explanation = %+v, refused by (-want +got):\n%s", got, diff)
	}
	// A viewer is not told why and by whom.
	viewed := w.explain(anyClaims, bearer(keyOfViewer))
	if strings.Contains(viewed.body, "alice") || strings.Contains(viewed.body, "stolen") || viewed.explained(t).Verdict != "revoked" {
		t.Errorf("to a viewer: %v", viewed)
	}
	q := w.fake.queries[0]
	slices.Sort(q.IDs)
	if diff := cmp.Diff([]string{"", "jti-1", "origin-1", "sub-1"}, q.IDs); diff != "" || q.Pool != pool || q.Limit < 1 {
		t.Errorf("query %+v, ids (-want +got):\n%s", q, diff)
	}
}

// An act that is on the token and does not refuse it says why.
func TestExplainWhyNot(t *testing.T) {
	tok := revocation.Token{
		Pool: pool, JTI: "jti-1", OriginJTI: "origin-1", Subject: "sub-1", ClientID: app, Groups: []string{"a", "b"},
		IssuedAt: 2000, AuthTime: 1500, ExpiresAt: ends,
	}
	on := func(kind revocation.Kind, id string) func(*revocation.Act) {
		return func(a *revocation.Act) {
			a.Target.Kind, a.Target.ID, a.Basis = kind, id, revocation.BasisToken
			if !kind.HasCutoff() {
				a.Basis, a.Cutoff = revocation.BasisNone, 0
			}
		}
	}
	tests := []struct {
		name string
		edit func(*revocation.Act)
		why  string // empty: it has nothing to do with the token
	}{
		{"signed in later", func(*revocation.Act) {}, "signed_in_later"},
		{"issued later", on(revocation.KindGroup, "b"), "issued_later"},
		{"issued later, by client", on(revocation.KindClient, app), "issued_later"},
		{"issued later, by pool", on(revocation.KindPool, ""), "issued_later"},
		{"lifted", func(a *revocation.Act) { a.State, a.Cutoff = revocation.StateLifted, 5000 }, "lifted"},
		{"lifted session", func(a *revocation.Act) {
			on(revocation.KindSession, "origin-1")(a)
			a.State = revocation.StateLifted
		}, "lifted"},
		{"ended", func(a *revocation.Act) { a.Cutoff, a.ExpiresAt = 5000, 1000 }, "ended"},
		{"another session is excepted", func(a *revocation.Act) { a.Target.ExceptSession = "origin-2" }, "signed_in_later"},
		{"its session is excepted", func(a *revocation.Act) { a.Cutoff, a.Target.ExceptSession = 5000, "origin-1" }, "session_excepted"},
		{"it should be refused", func(a *revocation.Act) { a.Cutoff = 5000 }, "not_in_force_here"},
		{"it should be refused, by session", on(revocation.KindSession, "origin-1"), "not_in_force_here"},
		{"the same id of another kind", on(revocation.KindClient, "sub-1"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := explainWorld(t, tok, []revocation.Act{userAct(1, tt.edit)}).explain(anyClaims).explained(t)
			why := ""
			if len(got.PassedBy) > 0 {
				why = got.PassedBy[0].Why
			}
			if why != tt.why || len(got.RefusedBy) > 0 || got.Verdict != "accepted" {
				t.Errorf("explanation = %+v, want why %q", got, tt.why)
			}
		})
	}
}

func TestExplainTokens(t *testing.T) {
	tests := []struct {
		name, body string
		verdict    string
		fails      []string
		note       string // part of one
	}{
		{"a good one", `{"token":"` + access + `"}`, "accepted", nil, ""},
		{"an expired one", `{"token":"` + accessExpired + `"}`, "invalid", []string{"expired"}, ""},
		{"an ID token", `{"token":"` + idToken + `"}`, "invalid", []string{"wrong_use"}, "no revocation of a device"},
		{"a forged one", `{"token":"forged.of.app"}`, "invalid", []string{"bad_signature"}, "can't be trusted"},
		{"one without session", `{"token":"` + accessNoIDs + `"}`, "accepted", nil, "no revocation of a session"},
		{"claims", `{"claims":{"sub":"sub-1","iat":1}}`, "accepted", nil, "no jti"},
		{"claims that are none", `{"claims":{"sub":1}}`, "invalid", []string{"bad_claims"}, "can't be trusted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.explain(tt.body)
			got := a.explained(t)
			if got.Verdict != tt.verdict || fmt.Sprint(got.Fails) != fmt.Sprint(tt.fails) {
				t.Errorf("explanation = %+v, want %s with %v", got, tt.verdict, tt.fails)
			}
			if !strings.Contains(strings.Join(got.Notes, " "), tt.note) {
				t.Errorf("notes %q lack %q", got.Notes, tt.note)
			}
			for token := range claims {
				if strings.Contains(a.body, token) {
					t.Errorf("the answer repeats the token: %s", a.body)
				}
			}
			w.fake.quiet(t)
		})
	}
}

// Of a stale denylist "not revoked" means nothing; "revoked" does.
func TestExplainStale(t *testing.T) {
	act := userAct(1, func(*revocation.Act) {})
	for _, tt := range []struct {
		iat     int64
		verdict string
	}{{2000, "unproven"}, {900, "revoked"}} {
		w := newAdminWorld(t, func(c *api.AdminConfig) {
			c.Examiner = oneToken{revocation.Token{Pool: pool, Subject: "sub-1", IssuedAt: tt.iat}}
			c.Denylist = fakeDenylist{acts: []revocation.Act{act}, stale: true}
		})
		if got := w.explain(anyClaims).explained(t); got.Verdict != tt.verdict {
			t.Errorf("iat %d: %+v, want %s", tt.iat, got, tt.verdict)
		}
	}
}

func TestExplainRefused(t *testing.T) {
	tests := []struct {
		name, body  string
		status      int
		kind, field string
	}{
		{"nothing", `{}`, 422, api.ProblemInvalidField, "token"},
		{"both", `{"token":"a.b.c","claims":{}}`, 422, api.ProblemInvalidField, "token"},
		{"an empty token", `{"token":""}`, 422, api.ProblemInvalidField, "token"},
		{"a number", `{"token":7}`, 400, api.ProblemMalformed, "token"},
		{"claims by string", `{"claims":"{}"}`, 400, api.ProblemMalformed, "claims"},
		{"null claims", `{"claims":null}`, 400, api.ProblemMalformed, "claims"},
		{"another member", `{"jwt":"a.b.c"}`, 400, api.ProblemMalformed, ""},
		{"no object", `[]`, 400, api.ProblemMalformed, ""},
		{"too large", `{"claims":{"a":"` + strings.Repeat("x", 64<<10) + `"}}`, 413, api.ProblemTooLarge, "claims"},
		{"no keys", `{"token":"` + noKeys + `"}`, 503, api.ProblemUnavailable, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			newWorld(t).explain(tt.body).wantProblem(t, tt.status, tt.kind, tt.field)
		})
	}
	newWorld(t).explain(`{}`, header("Content-Type", "text/plain")).wantProblem(t, 415, api.ProblemMediaType, "")
}
