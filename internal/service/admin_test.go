package service_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// shown is a revocation as the API shows it.
type shown struct {
	ID, Kind, State, Target string
	NotBefore               time.Time `json:"not_before"`
	Denied                  struct{ Sequence uint64 }
	Cognito                 struct{ State, Code string }
}

// count returns the number of revocations so far.
func (b *bench) count(t *testing.T) int {
	t.Helper()
	var list struct{ Revocations []shown }
	b.admin(http.MethodGet, "/v1/revocations?limit=500", nil, &list)
	return len(list.Revocations)
}

// awaitCognito waits until that is the state at Cognito, and returns the revocation.
func (b *bench) awaitCognito(t *testing.T, id, state string) shown {
	t.Helper()
	var s shown
	waitFor(t, "cognito "+state, func() bool {
		b.admin(http.MethodGet, "/v1/revocations/"+id, nil, &s)
		return s.Cognito.State == state
	})
	return s
}

func TestOperators(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	app := b.demo.Client

	t.Run("user by id", func(t *testing.T) {
		one, two, grace := b.signIn(app, b.demo.Ada), b.signIn(b.demo.Vault, b.demo.Ada), b.signIn(app, b.demo.Grace)
		var s shown
		a := b.admin(http.MethodPost, "/v1/revocations", map[string]string{"kind": "user", "id": b.demo.Ada.Subject, "reason": "laptop stolen"}, &s)
		if a.status != http.StatusCreated || a.header.Get("Location") != "/v1/revocations/"+s.ID || s.Denied.Sequence == 0 {
			t.Fatalf("answer = %v", a)
		}
		b.awaitRefused(t, one.AccessToken)
		b.awaitRefused(t, two.IDToken)
		b.accepts(t, grace.AccessToken)
		b.awaitCognito(t, s.ID, "done")
		waitFor(t, "the act to be confirmed", func() bool { return b.awaitCognito(t, s.ID, "done").State == "confirmed" })
		if b.cognito.Check(one.AccessToken) == nil {
			t.Error("Cognito accepts the access token after the sign-out")
		}
		// From not_before on a new sign-in is accepted.
		b.accepts(t, b.demo.Pool.Mint(cognitotest.MintOptions{
			ClientID: app.ID, Username: b.demo.Ada.Username, IssuedAt: s.NotBefore,
		}))
	})

	t.Run("session by an expired token", func(t *testing.T) {
		tokens := b.signIn(app, b.demo.Grace)
		expired := b.demo.Pool.Mint(cognitotest.MintOptions{
			ClientID: app.ID, Username: b.demo.Grace.Username, OriginJTI: claimsOf(t, tokens.AccessToken).OriginJTI,
			IssuedAt: time.Now().Add(-2 * time.Hour), ExpiresAt: time.Now().Add(-time.Hour),
		})
		var s shown
		if a := b.admin(http.MethodPost, "/v1/revocations", map[string]string{"kind": "session", "token": expired}, &s); a.status != http.StatusCreated {
			t.Fatalf("answer = %v", a)
		}
		if s.Cognito.State != "not_applicable" {
			t.Errorf("cognito = %q, want not_applicable: there is no refresh token", s.Cognito.State)
		}
		b.awaitRefused(t, tokens.AccessToken)
		b.awaitRefused(t, tokens.IDToken)
	})

	t.Run("token by an ID token", func(t *testing.T) {
		tokens := b.signIn(app, b.demo.Grace)
		if a := b.admin(http.MethodPost, "/v1/revocations", map[string]string{"kind": "token", "token": tokens.IDToken}, nil); a.status != http.StatusCreated {
			t.Fatalf("answer = %v", a)
		}
		b.awaitRefused(t, tokens.IDToken)
		b.accepts(t, tokens.AccessToken)
	})

	t.Run("refused", func(t *testing.T) {
		before := b.count(t)
		for name, body := range map[string]map[string]string{
			"unknown pool":       {"kind": "user", "id": "x", "pool": "eu-west-1_Nobody111"},
			"forged token":       {"kind": "user", "token": strangersToken(t, b, "a", "b")},
			"token long expired": {"kind": "token", "token": b.demo.Pool.Mint(cognitotest.MintOptions{ClientID: app.ID, Username: "x", IssuedAt: time.Unix(1e9, 0)})},
			"session without id": {"kind": "session", "token": b.demo.Pool.Mint(cognitotest.MintOptions{ClientID: app.ID})},
		} {
			if a := b.admin(http.MethodPost, "/v1/revocations", body, nil); a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %v, want 422", name, a)
			}
		}
		if got := b.count(t); got != before {
			t.Errorf("%d revocations, want %d as before", got, before)
		}
	})

	t.Run("metrics", func(t *testing.T) {
		a := b.get(b.svc.MetricsURL(), "/metrics")
		for _, want := range []string{
			`revoked_service_acts_accepted_total{kind="user"} 1`,
			`revoked_service_request_seconds_count{code="201",listener="admin",route="POST /v1/revocations"} 3`,
			`revoked_service_cognito_calls_total{op="sign_out_user",outcome="ok"} 1`,
			`revoked_service_acceptance_seconds_count{kind="user",outcome="accepted"} 1`,
			`revoked_service_acceptance_seconds_count{kind="user",outcome="invalid"} 1`,
			`revoked_service_cognito_breaker_state{account="own",category="user_update",region="`, `revoked_service_cognito_attempts_total{pool="`,
			`revoked_service_receipts_total{outcome="met"} 0`, `revoked_service_task_oldest_seconds 0`,
			`revoked_service_ready 1`, `revocation_view_state{state="live"} 1`, `revocation_view_acts{kind="user"} 1`, `revocation_view_acts{kind="session"} 1`,
			`revoked_service_build_info{`, `revocation_view_age_seconds`, `go_goroutines`,
		} {
			if !strings.Contains(a.body, want) {
				t.Errorf("metrics lack %s", want)
			}
		}
	})
}
