package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestRepresentation(t *testing.T) {
	local := time.FixedZone("east", 3600)
	tests := []struct {
		name   string
		status publisher.Status
		want   string
	}{
		{
			"a user whose sign-out is late",
			publisher.Status{
				Act: revocation.Act{
					ID: revocation.ActID{0xab}, State: revocation.StateOpen, Basis: revocation.BasisSession,
					Target: revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"},
					Cutoff: moment.Unix(), ExpiresAt: moment.Add(48 * time.Hour).Unix(),
				},
				AcceptedAt: moment.In(local).Add(5 * time.Millisecond),
				Denied:     publisher.Denied{Sequence: 12, At: moment.In(local)},
				Cognito:    publisher.Leg{State: publisher.LegPending, Attempts: 2, Code: "unreachable", NextTry: moment.Add(time.Minute)},
				Reason:     "laptop <stolen>", Operator: "ci",
			},
			`{
				"id": "ab000000000000000000000000000000", "kind": "user", "pool": "eu-west-1_AbC123", "target": "sub-1",
				"state": "open", "accepted_at": "2030-01-02T03:04:05.005Z", "basis": "session",
				"cutoff": "2030-01-02T03:04:05Z", "not_before": "2030-01-02T03:04:06Z", "expires_at": "2030-01-04T03:04:05Z",
				"denied": {"sequence": 12, "at": "2030-01-02T03:04:05Z"},
				"cognito": {"state": "pending", "attempts": 2, "code": "unreachable", "next_try": "2030-01-02T03:05:05Z"},
				"reason": "laptop <stolen>", "operator": "ci",
				"note": "A sign-out that runs late also ends newer sessions at Cognito."
			}`,
		},
		{
			"a session that Cognito was not told of",
			publisher.Status{
				Act: revocation.Act{
					ID: revocation.ActID{0xab}, State: revocation.StateOpen,
					Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: "origin-1"}, ExpiresAt: moment.Unix(),
				},
				AcceptedAt: moment, Cognito: publisher.Leg{State: publisher.LegNotApplicable},
			},
			`{
				"id": "ab000000000000000000000000000000", "kind": "session", "pool": "eu-west-1_AbC123", "target": "origin-1",
				"state": "open", "accepted_at": "2030-01-02T03:04:05Z",
				"expires_at": "2030-01-02T03:04:05Z", "standing_until": "2030-01-02T03:04:05Z",
				"cognito": {"state": "not_applicable"},
				"note": "Cognito cannot end a session that is known by its id only: it is denied until its last refresh token has expired."
			}`,
		},
		{
			"a pool that was lifted",
			publisher.Status{
				Act: revocation.Act{
					ID: revocation.ActID{0xab}, State: revocation.StateLifted, Basis: revocation.BasisToken,
					Target: revocation.Target{Kind: revocation.KindPool, Pool: pool}, Cutoff: moment.Unix(), ExpiresAt: moment.Unix(),
				},
				AcceptedAt: moment, Cognito: publisher.Leg{State: publisher.LegNotApplicable}, Floor: moment.Unix(),
				Lift: publisher.Lift{At: moment, Reason: "wrong pool", Operator: "bob"},
			},
			`{
				"id": "ab000000000000000000000000000000", "kind": "pool", "pool": "eu-west-1_AbC123",
				"state": "lifted", "accepted_at": "2030-01-02T03:04:05Z", "basis": "token",
				"cutoff": "2030-01-02T03:04:05Z", "not_before": "2030-01-02T03:04:06Z",
				"expires_at": "2030-01-02T03:04:05Z", "keep_until": "2030-01-02T03:04:05Z",
				"cognito": {"state": "not_applicable"},
				"lift": {"at": "2030-01-02T03:04:05Z", "reason": "wrong pool", "operator": "bob"}
			}`,
		},
		{
			"a user but for one session",
			publisher.Status{
				Act: revocation.Act{
					ID: revocation.ActID{0xab}, State: revocation.StateOpen, Basis: revocation.BasisSession,
					Target: revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1", ExceptSession: "origin-1"},
					Cutoff: moment.Unix(), ExpiresAt: moment.Unix(),
				},
				AcceptedAt: moment, Cognito: publisher.Leg{State: publisher.LegNotApplicable},
			},
			`{
				"id": "ab000000000000000000000000000000", "kind": "user", "pool": "eu-west-1_AbC123", "target": "sub-1", "except_session": "origin-1",
				"state": "open", "accepted_at": "2030-01-02T03:04:05Z", "basis": "session",
				"cutoff": "2030-01-02T03:04:05Z", "not_before": "2030-01-02T03:04:06Z",
				"expires_at": "2030-01-02T03:04:05Z", "standing_until": "2030-01-02T03:04:05Z",
				"cognito": {"state": "not_applicable"}
			}`,
		},
		{
			"a session that has ended everywhere",
			publisher.Status{
				Act: revocation.Act{
					ID: revocation.ActID{0xab}, State: revocation.StateConfirmed,
					Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: "origin-1"}, ExpiresAt: moment.Unix(),
				},
				AcceptedAt: moment, Denied: publisher.Denied{Sequence: 1, At: moment},
				Cognito: publisher.Leg{State: publisher.LegDone, Attempts: 1, DoneAt: moment},
			},
			`{
				"id": "ab000000000000000000000000000000", "kind": "session", "pool": "eu-west-1_AbC123", "target": "origin-1",
				"state": "confirmed", "accepted_at": "2030-01-02T03:04:05Z", "expires_at": "2030-01-02T03:04:05Z",
				"denied": {"sequence": 1, "at": "2030-01-02T03:04:05Z"},
				"cognito": {"state": "done", "attempts": 1, "done_at": "2030-01-02T03:04:05Z"}
			}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.fake.found = []publisher.Status{tt.status}
			a := w.get("/v1/revocations/" + tt.status.Act.ID.String())
			if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("answer = %v, want 200 with JSON", a)
			}
			if diff := cmp.Diff(decode(t, tt.want), decode(t, a.body)); diff != "" {
				t.Errorf("representation (-want +got):\n%s", diff)
			}
			list := w.get("/v1/revocations")
			if diff := cmp.Diff(decode(t, `{"revocations":[`+tt.want+`]}`), decode(t, list.body)); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
		})
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func TestGetUnknown(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{strings.Repeat("0", 32), "x", strings.Repeat("0", 31), access} {
		w.get("/v1/revocations/"+id).wantProblem(t, http.StatusNotFound, api.ProblemNotFound, "")
	}
}

func TestListLimit(t *testing.T) {
	tests := []struct {
		query string
		limit int // 0: refused
	}{
		{"", 50}, {"?limit=1", 1}, {"?limit=500", 500}, {"?limit=", 0},
		{"?limit=0", 0}, {"?limit=501", 0}, {"?limit=-1", 0}, {"?limit=x", 0}, {"?limit=99999999999999999999", 0},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			w := newWorld(t)
			a := w.get("/v1/revocations" + tt.query)
			if tt.limit == 0 {
				a.wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, "limit")
				return
			}
			if a.status != http.StatusOK || a.body != "{\"revocations\":[]}\n" || len(w.fake.queries) != 1 || w.fake.queries[0].Limit != tt.limit+1 {
				t.Errorf("answer = %v with queries %v, want an empty list with %d", a, w.fake.queries, tt.limit)
			}
		})
	}
}

func TestReadsFail(t *testing.T) {
	w := newWorld(t)
	w.fake.err = api.ErrUnavailable
	w.fake.found = []publisher.Status{w.fake.status(revocation.Target{})}
	w.get("/v1/revocations").wantProblem(t, http.StatusServiceUnavailable, api.ProblemUnavailable, "")
	w.get("/v1/revocations/"+w.fake.found[0].Act.ID.String()).
		wantProblem(t, http.StatusServiceUnavailable, api.ProblemUnavailable, "")
}
