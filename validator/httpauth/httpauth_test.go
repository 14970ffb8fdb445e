package httpauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// serve sends one request through auth to a handler that tells whose token it
// finds.
func serve(auth *httpauth.Auth, authorization ...string) *httptest.ResponseRecorder {
	handler := auth.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tok, ok := httpauth.TokenFrom(r.Context())
		if !ok {
			fmt.Fprint(w, "nobody")
			return
		}
		fmt.Fprint(w, tok.Token().Subject)
	}))
	r := httptest.NewRequest(http.MethodGet, "/orders?access_token=x", nil)
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func open(t *testing.T, cfg httpauth.Config) *httpauth.Auth {
	t.Helper()
	auth, err := httpauth.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return auth
}

const invalidToken = `Bearer realm="api", error="invalid_token", error_description="The access token is invalid, expired or revoked."`

// Each verdict, and all that the client sees of it.
func TestAnswers(t *testing.T) {
	stale := fmt.Errorf("no tick: %w", revocation.ErrStale)
	revoked := &revocation.RevokedError{Kind: revocation.KindSession}
	good := "Bearer " + mint(nil)
	for _, test := range []struct {
		name      string
		cfg       httpauth.Config
		deny      error
		auth      []string
		status    int
		challenge string
		reason    validator.Reason
	}{
		{"served", httpauth.Config{}, nil, []string{good}, 200, "", validator.ReasonOK},
		{"no header", httpauth.Config{}, nil, nil, 401, `Bearer realm="api"`, validator.ReasonNoCredentials},
		{"another scheme", httpauth.Config{Realm: "~ the orders"}, nil, []string{"Basic YTpi"}, 401, `Bearer realm="~ the orders"`, validator.ReasonNoCredentials},
		{"two headers", httpauth.Config{}, nil, []string{good, good}, 400, `Bearer realm="api", error="invalid_request", error_description="The request has more than one Authorization header."`, validator.ReasonInvalidRequest},
		{"no token", httpauth.Config{}, nil, []string{"Bearer"}, 401, invalidToken, validator.ReasonMalformed},
		{"not a b64token", httpauth.Config{}, nil, []string{good + "," + good}, 401, invalidToken, validator.ReasonMalformed},
		{"bad", httpauth.Config{}, nil, []string{"Bearer x"}, 401, invalidToken, validator.ReasonMalformed},
		{"forged", httpauth.Config{}, nil, []string{good[:len(good)-8] + "AAAAAAAA"}, 401, invalidToken, validator.ReasonBadSignature},
		{"expired", httpauth.Config{}, nil, []string{"Bearer " + mint(map[string]any{"exp": 1})}, 401, invalidToken, validator.ReasonExpired},
		{"revoked", httpauth.Config{}, revoked, []string{good}, 401, invalidToken, validator.ReasonRevoked},
		{"revoked, failing open", httpauth.Config{StalePolicy: httpauth.FailOpen}, errors.Join(stale, revoked), []string{good}, 401, invalidToken, validator.ReasonRevoked},
		{"scope", httpauth.Config{Scopes: []string{"orders/write", "openid"}}, nil, []string{good}, 403, `Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this request.", scope="orders/write openid"`, validator.ReasonMissingScope},
		{"scope, served", httpauth.Config{Scopes: []string{"openid"}}, nil, []string{good}, 200, "", validator.ReasonOK},
		{"scope and revoked", httpauth.Config{Scopes: []string{"orders/write"}}, revoked, []string{good}, 401, invalidToken, validator.ReasonRevoked},
		{"scope, stale, failing open", httpauth.Config{Scopes: []string{"x"}, StalePolicy: httpauth.FailOpen}, stale, []string{good}, 403, `Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this request.", scope="x"`, validator.ReasonMissingScope},
		{"stale", httpauth.Config{}, stale, []string{good}, 503, "", validator.ReasonStale},
		{"stale, failing open", httpauth.Config{StalePolicy: httpauth.FailOpen}, stale, []string{good}, 200, "", validator.ReasonStale},
		{"bad, failing open", httpauth.Config{StalePolicy: httpauth.FailOpen}, stale, []string{"Bearer x"}, 401, invalidToken, validator.ReasonMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.Validator = newValidator(t, test.deny, nil)
			auth := open(t, test.cfg)
			w := serve(auth, test.auth...)
			if w.Code != test.status || w.Header().Get("WWW-Authenticate") != test.challenge {
				t.Errorf("status %d, challenge %q,\nwant %d, %q", w.Code, w.Header().Get("WWW-Authenticate"), test.status, test.challenge)
			}
			retry := ""
			if test.status == 503 {
				retry = "5"
			}
			if got := w.Header().Get("Retry-After"); got != retry {
				t.Errorf("Retry-After %q, want %q", got, retry)
			}
			if test.status == 200 {
				if w.Body.String() != "user-1" {
					t.Errorf("the handler saw %q, want user-1", w.Body)
				}
			} else {
				checkProblem(t, w)
			}
			for reason, n := range auth.Stats().Decisions {
				if (n == 1) != (reason == test.reason) {
					t.Errorf("Decisions[%v] = %d, want 1 for %v only", reason, n, test.reason)
				}
			}
			servedStale := uint64(0)
			if test.status == 200 && test.reason == validator.ReasonStale {
				servedStale = 1
			}
			if stats := auth.Stats(); stats.ServedStale != servedStale || stats.Unenforced != 0 {
				t.Errorf("ServedStale = %d, Unenforced = %d, want %d, 0", stats.ServedStale, stats.Unenforced, servedStale)
			}
		})
	}
}

func checkProblem(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	var problem map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	if detail, _ := problem["detail"].(string); !strings.HasSuffix(detail, ".") {
		t.Errorf("detail %q", detail)
	}
	delete(problem, "detail")
	expect := map[string]any{"type": "about:blank", "title": http.StatusText(w.Code), "status": float64(w.Code)}
	if diff := cmp.Diff(expect, problem); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
}

// Why a token is refused is not for its holder to know.
func TestInvalidTokensAreAnsweredAlike(t *testing.T) {
	auth := open(t, httpauth.Config{Validator: newValidator(t, nil, nil)})
	revoked := open(t, httpauth.Config{Validator: newValidator(t, revocation.ErrRevoked, nil)})
	first := serve(auth, "Bearer x")
	for name, w := range map[string]*httptest.ResponseRecorder{
		"expired": serve(auth, "Bearer "+mint(map[string]any{"exp": 1})),
		"client":  serve(auth, "Bearer "+mint(map[string]any{"client_id": "x"})),
		"revoked": serve(revoked, "Bearer "+mint(nil)),
	} {
		if diff := cmp.Diff(first.Body.String(), w.Body.String()); diff != "" {
			t.Errorf("%s: body (-malformed +%s):\n%s", name, name, diff)
		}
		if diff := cmp.Diff(first.Header(), w.Header()); diff != "" {
			t.Errorf("%s: header (-malformed +%s):\n%s", name, name, diff)
		}
	}
}

// The validator's own scopes are named, groups have no such attribute.
func TestScopesOfThePool(t *testing.T) {
	for _, test := range []struct {
		change func(*validator.Pool)
		want   string
	}{
		{func(p *validator.Pool) { p.RequiredScopes = []string{"admin"} }, `, scope="admin"`},
		{func(p *validator.Pool) { p.AllowedGroups = []string{"admins"} }, `does not allow this request."`},
	} {
		auth := open(t, httpauth.Config{Validator: newValidator(t, nil, func(cfg *validator.Config) { test.change(&cfg.Pools[0]) })})
		w := serve(auth, "Bearer "+mint(nil))
		if got := w.Header().Get("WWW-Authenticate"); w.Code != 403 || !strings.HasSuffix(got, test.want) {
			t.Errorf("status %d, challenge %q, want 403 and ...%s", w.Code, got, test.want)
		}
	}
}

// No keys is not the client's fault, and failing open needs a verified token.
func TestNoKeys(t *testing.T) {
	noKeys := func(cfg *validator.Config) { cfg.Transport = keyServer("") }
	auth := open(t, httpauth.Config{Validator: newValidator(t, nil, noKeys), StalePolicy: httpauth.FailOpen})
	w := serve(auth, "Bearer "+mint(nil))
	if w.Code != 503 || w.Header().Get("Retry-After") != "5" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("status %d, header %v, want 503 with Retry-After and without a challenge", w.Code, w.Header())
	}
	if n := auth.Stats().Decisions[validator.ReasonNoKeys]; n != 1 {
		t.Errorf("Decisions[no_keys] = %d, want 1", n)
	}
}

// In the first week everything is served, and only verified tokens are shown
// to the handler.
func TestReportOnly(t *testing.T) {
	stale := fmt.Errorf("no tick: %w", revocation.ErrStale)
	reportOnly := func(cfg *validator.Config) { cfg.ReportOnly = true }
	good := "Bearer " + mint(nil)
	for _, test := range []struct {
		name        string
		cfg         httpauth.Config
		deny        error
		auth        []string
		body        string
		reason      validator.Reason
		servedStale uint64
		unenforced  uint64
	}{
		{"good", httpauth.Config{}, nil, []string{good}, "user-1", validator.ReasonOK, 0, 0},
		{"revoked", httpauth.Config{}, revocation.ErrRevoked, []string{good}, "user-1", validator.ReasonRevoked, 0, 1},
		{"revoked, and a scope", httpauth.Config{Scopes: []string{"x"}}, revocation.ErrRevoked, []string{good}, "user-1", validator.ReasonRevoked, 0, 1},
		{"stale", httpauth.Config{}, stale, []string{good}, "user-1", validator.ReasonStale, 0, 1},
		{"stale, failing open", httpauth.Config{StalePolicy: httpauth.FailOpen}, stale, []string{good}, "user-1", validator.ReasonStale, 1, 0},
		{"scope", httpauth.Config{Scopes: []string{"x"}}, nil, []string{good}, "user-1", validator.ReasonMissingScope, 0, 1},
		{"no header", httpauth.Config{}, nil, nil, "nobody", validator.ReasonNoCredentials, 0, 1},
		{"two headers", httpauth.Config{}, nil, []string{good, good}, "nobody", validator.ReasonInvalidRequest, 0, 1},
		{"forged", httpauth.Config{}, nil, []string{good[:len(good)-8] + "AAAAAAAA"}, "nobody", validator.ReasonBadSignature, 0, 1},
		{"expired", httpauth.Config{}, nil, []string{"Bearer " + mint(map[string]any{"exp": 1})}, "nobody", validator.ReasonExpired, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.Validator = newValidator(t, test.deny, reportOnly)
			auth := open(t, test.cfg)
			w := serve(auth, test.auth...)
			if w.Code != 200 || w.Body.String() != test.body || len(w.Header()) != 1 {
				t.Errorf("status %d, body %q, header %v, want 200, %q", w.Code, w.Body, w.Header(), test.body)
			}
			stats := auth.Stats()
			if stats.Decisions[test.reason] != 1 || stats.ServedStale != test.servedStale || stats.Unenforced != test.unenforced {
				t.Errorf("stats %+v, want one %v, ServedStale %d, Unenforced %d", stats, test.reason, test.servedStale, test.unenforced)
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	v := newValidator(t, nil, nil)
	for _, test := range []struct {
		cfg  httpauth.Config
		want string
	}{
		{httpauth.Config{}, "Config.Validator is nil"},
		{httpauth.Config{Validator: v, StalePolicy: 9}, "Config.StalePolicy is 9"},
		{httpauth.Config{Validator: v, Realm: `a"b`}, "Config.Realm is"},
		{httpauth.Config{Validator: v, Realm: `a\b`}, "Config.Realm is"},
		{httpauth.Config{Validator: v, Realm: "a\r\nb"}, "Config.Realm is"},
		{httpauth.Config{Validator: v, Realm: "a\x7fb"}, "Config.Realm is"},
		{httpauth.Config{Validator: v, Realm: "é"}, "Config.Realm is"},
		{httpauth.Config{Validator: v, Scopes: []string{"a b"}}, `Config.Scopes: scope "a b"`},
	} {
		if auth, err := httpauth.New(test.cfg); auth != nil || err == nil || !strings.HasPrefix(err.Error(), "httpauth: "+test.want) {
			t.Errorf("New = %v, %v, want an error with %q", auth, err, test.want)
		}
	}
}

func TestConfigIsCopied(t *testing.T) {
	scopes := []string{"openid"}
	auth := open(t, httpauth.Config{Validator: newValidator(t, nil, nil), Scopes: scopes})
	scopes[0] = "x"
	if w := serve(auth, "Bearer "+mint(nil)); w.Code != 200 {
		t.Errorf("status %d after the caller changed its slice, want 200", w.Code)
	}
}

func TestStalePolicyNames(t *testing.T) {
	var zero httpauth.StalePolicy
	if zero != httpauth.FailClosed {
		t.Error("the zero policy does not fail closed")
	}
	for policy, name := range map[httpauth.StalePolicy]string{httpauth.FailClosed: "fail-closed", httpauth.FailOpen: "fail-open", httpauth.AskCognito: "ask-cognito", 9: "policy(9)"} {
		if got := policy.String(); got != name {
			t.Errorf("String = %q, want %q", got, name)
		}
	}
}
