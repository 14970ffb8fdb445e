package askcognito_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/askcognito"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// route serves a request with the token under a policy and returns the status.
func (w *world) route(t *testing.T, auth *httpauth.Auth, token string) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	rec := httptest.NewRecorder()
	auth.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
	return rec.Code
}

func (w *world) auth(t *testing.T, asker *askcognito.Asker) *httpauth.Auth {
	t.Helper()
	auth, err := httpauth.New(httpauth.Config{Validator: w.v, StalePolicy: validator.AskCognito, Fallback: asker})
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

func TestRouteThatAsks(t *testing.T) {
	w := newWorld(t)
	auth := w.auth(t, w.asker(t))
	session := w.signIn(t)
	closed, err := httpauth.New(httpauth.Config{Validator: w.v})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.route(t, closed, session.AccessToken); got != 503 {
		t.Errorf("fail-closed route while stale: %d, want 503", got)
	}
	if got := w.route(t, auth, session.AccessToken); got != 200 {
		t.Errorf("route that asks, good session: %d, want 200", got)
	}
	machine := w.pool.Mint(cognitotest.MintOptions{ClientID: w.client})
	if got := w.route(t, auth, machine); got != 503 {
		t.Errorf("route that asks, machine's token: %d, want 503", got)
	}
	if err := w.pool.RevokeToken(w.client, session.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if got := w.route(t, auth, session.AccessToken); got != 401 {
		t.Errorf("route that asks, revoked session: %d, want 401", got)
	}
	stats := auth.Stats()
	if stats.Settled != 1 || stats.Decisions[validator.ReasonOK] != 1 || stats.Decisions[validator.ReasonStale] != 1 || stats.Decisions[validator.ReasonRevoked] != 1 {
		t.Errorf("stats %+v, want 1 settled, 1 stale, 1 revoked", stats)
	}
}

func TestRouteOverBudgetFailsClosed(t *testing.T) {
	w := newWorld(t)
	w.cfg.Rate = 0.001
	auth := w.auth(t, w.asker(t))
	served := 0
	for range 10 {
		switch got := w.route(t, auth, w.signIn(t).AccessToken); got {
		case 200:
			served++
		case 503:
		default:
			t.Errorf("status %d, want 200 or 503", got)
		}
	}
	if served != 1 || w.srv.Calls("GetUser") != 1 {
		t.Errorf("%d requests served by %d calls, want 1 by 1", served, w.srv.Calls("GetUser"))
	}
}

// The documented limit: what Cognito does not know of, it can't tell. The acts
// below refuse the token on every node that has them; a node that is cut off and
// asks instead serves it.
func TestActsThatCognitoCannotSee(t *testing.T) {
	w := newWorld(t)
	token := w.pool.Mint(cognitotest.MintOptions{ClientID: w.client, Username: "jane", Groups: []string{"staff"}, DeviceKey: "phone"})
	tok, _ := w.v.Validate(t.Context(), token)
	claims := tok.Token()
	act := revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: claims.ExpiresAt + 3600,
		Basis: revocation.BasisToken, Cutoff: claims.IssuedAt,
	}
	for _, target := range []revocation.Target{
		{Kind: revocation.KindToken, ID: claims.JTI},
		{Kind: revocation.KindSession, ID: claims.OriginJTI},
		{Kind: revocation.KindUser, ID: claims.Subject, ExceptSession: "another"},
		{Kind: revocation.KindClient, ID: claims.ClientID},
		{Kind: revocation.KindGroup, ID: "staff"},
		{Kind: revocation.KindDevice, ID: "phone"},
		{Kind: revocation.KindPool},
	} {
		a := act
		a.Target = target
		a.Target.Pool = claims.Pool
		if !target.Kind.HasCutoff() {
			a.Basis, a.Cutoff = revocation.BasisNone, 0
		}
		if !a.Refuses(claims) {
			t.Fatalf("%v: the act does not refuse the token, so it shows nothing", target.Kind)
		}
		if got := w.route(t, w.auth(t, w.asker(t)), token); got != 200 {
			t.Errorf("%v: status %d, want 200: if Cognito can see this now, say so in the package comment", target.Kind, got)
		}
	}
}

func TestFallbackGoesWithItsPolicy(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		cfg  httpauth.Config
		want string
	}{
		{httpauth.Config{Validator: w.v, StalePolicy: validator.AskCognito}, "Config.Fallback is nil"},
		{httpauth.Config{Validator: w.v, Fallback: w.asker(t)}, "fail-closed, which never asks"},
		{httpauth.Config{Validator: w.v, StalePolicy: validator.AskCognito + 1}, "Config.StalePolicy is 3"},
	} {
		if _, err := httpauth.New(test.cfg); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("New(%v) = %v, want %q", test.cfg.StalePolicy, err, test.want)
		}
	}
}
