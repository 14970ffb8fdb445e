package askcognito_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/askcognito"
)

// stale is a denylist that was cut off.
type stale struct{}

func (stale) Check(revocation.Token) error { return revocation.ErrStale }

// world is a user pool and a validator whose denylist is stale.
type world struct {
	srv    *cognitotest.Server
	pool   *cognitotest.Pool
	client string
	v      *validator.Validator
	cfg    askcognito.Config
}

func newWorld(t *testing.T) *world {
	t.Helper()
	srv, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	w := &world{srv: srv}
	if w.pool, err = srv.CreatePool(cognitotest.PoolConfig{}); err != nil {
		t.Fatal(err)
	}
	client, err := w.pool.CreateClient(cognitotest.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	w.client = client.ID
	if _, err := w.pool.CreateUser(cognitotest.UserConfig{Username: "jane"}); err != nil {
		t.Fatal(err)
	}
	w.v, err = validator.New(validator.Config{
		Pools: []validator.Pool{{
			ID: w.pool.ID(), AnyClient: true, JWKSURL: w.pool.JWKSURL(),
			TokenUses: []validator.TokenUse{validator.AccessToken, validator.IDToken},
		}},
		Denylist: stale{},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.v.Close() })
	if err := w.v.WaitForKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.cfg = askcognito.Config{
		Pools: []askcognito.Pool{{ID: w.pool.ID(), Endpoint: srv.URL() + "/", UserInfoURL: srv.URL() + "/oauth2/userInfo"}},
		Rate:  1000,
		// Real time: no answer is still good at the next question.
		CacheFor: time.Nanosecond,
	}
	return w
}

func (w *world) asker(t *testing.T) *askcognito.Asker {
	t.Helper()
	a, err := askcognito.New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ask verifies a token, which the denylist can't vouch for, and asks about it.
func (w *world) ask(t *testing.T, a *askcognito.Asker, token string) error {
	t.Helper()
	tok, err := w.v.Validate(t.Context(), token)
	if !errors.Is(err, revocation.ErrStale) || tok == nil {
		t.Fatalf("Validate = %v, want a stale token", err)
	}
	err = a.Ask(t.Context(), token, tok)
	if err != nil && strings.Contains(err.Error(), token) {
		t.Errorf("the error repeats the token: %v", err)
	}
	return err
}

func (w *world) signIn(t *testing.T) cognitotest.Tokens {
	t.Helper()
	tokens, err := w.pool.SignIn(w.client, "jane")
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestCognitoDecides(t *testing.T) {
	for _, endpoint := range []struct{ name, scope string }{
		{"GetUser", "aws.cognito.signin.user.admin"},
		{"/oauth2/userInfo", "openid email"},
	} {
		for name, end := range map[string]func(*world, cognitotest.Tokens) error{
			"session revoked": func(w *world, tokens cognitotest.Tokens) error {
				return w.pool.RevokeToken(w.client, tokens.RefreshToken)
			},
			"user signed out": func(w *world, _ cognitotest.Tokens) error { return w.pool.SignOut("jane") },
			"user disabled":   func(w *world, _ cognitotest.Tokens) error { return w.pool.DisableUser("jane") },
			"user deleted":    func(w *world, _ cognitotest.Tokens) error { return w.pool.DeleteUser("jane") },
		} {
			t.Run(endpoint.name+", "+name, func(t *testing.T) {
				w := newWorld(t)
				a := w.asker(t)
				session := w.signIn(t)
				tok, _ := w.v.Validate(t.Context(), session.AccessToken)
				token := w.pool.Mint(cognitotest.MintOptions{
					ClientID: w.client, Username: "jane", Scope: endpoint.scope, OriginJTI: tok.Token().OriginJTI,
				})
				if err := w.ask(t, a, token); err != nil {
					t.Fatalf("Ask before = %v, want nil", err)
				}
				if err := end(w, session); err != nil {
					t.Fatal(err)
				}
				err := w.ask(t, a, token)
				if !errors.Is(err, askcognito.ErrRevoked) || !errors.Is(err, revocation.ErrRevoked) {
					t.Errorf("Ask after = %v, want ErrRevoked", err)
				}
				calls := w.srv.Calls(endpoint.name)
				if got := a.Stats(); calls != 2 || got.Calls != 2 || got.Accepted != 1 || got.Refused != 1 {
					t.Errorf("%d calls of %s, stats %+v, want 2 calls, 1 accepted, 1 refused", calls, endpoint.name, got)
				}
			})
		}
	}
}

func TestNotAskable(t *testing.T) {
	w := newWorld(t)
	a := w.asker(t)
	now := time.Now()
	for name, token := range map[string]string{
		"machine":             w.pool.Mint(cognitotest.MintOptions{ClientID: w.client, Scope: "openid"}),
		"ID token":            w.pool.Mint(cognitotest.MintOptions{ClientID: w.client, Username: "jane", TokenUse: "id"}),
		"no usable scope":     w.pool.Mint(cognitotest.MintOptions{ClientID: w.client, Username: "jane", Scope: "orders/read"}),
		"expired within skew": w.pool.Mint(cognitotest.MintOptions{ClientID: w.client, Username: "jane", IssuedAt: now.Add(-time.Hour), ExpiresAt: now.Add(-time.Second)}),
	} {
		if err := w.ask(t, a, token); !errors.Is(err, askcognito.ErrNotAskable) || !errors.Is(err, revocation.ErrStale) {
			t.Errorf("%s: Ask = %v, want ErrNotAskable", name, err)
		}
	}
	w.cfg.Pools[0].UserInfoURL = ""
	openid := w.pool.Mint(cognitotest.MintOptions{ClientID: w.client, Username: "jane", Scope: "openid"})
	if err := w.ask(t, w.asker(t), openid); !errors.Is(err, askcognito.ErrNotAskable) {
		t.Errorf("openid without a userInfo endpoint: Ask = %v, want ErrNotAskable", err)
	}
	w.cfg.Pools[0].ID = "eu-west-1_Other1234"
	if err := w.ask(t, w.asker(t), openid); !errors.Is(err, askcognito.ErrNotAskable) {
		t.Errorf("another pool: Ask = %v, want ErrNotAskable", err)
	}
	if calls := w.srv.Calls("GetUser") + w.srv.Calls("/oauth2/userInfo"); calls != 0 {
		t.Errorf("%d calls, want none", calls)
	}
}

func TestBudgetIsKept(t *testing.T) {
	w := newWorld(t)
	w.cfg.Rate = 0.001 // one now, the next in a quarter of an hour
	a := w.asker(t)
	if err := w.ask(t, a, w.signIn(t).AccessToken); err != nil {
		t.Fatalf("first Ask = %v, want nil", err)
	}
	for range 20 {
		if err := w.ask(t, a, w.signIn(t).AccessToken); !errors.Is(err, askcognito.ErrOverBudget) || !errors.Is(err, revocation.ErrStale) {
			t.Fatalf("Ask over budget = %v, want ErrOverBudget", err)
		}
	}
	if calls, got := w.srv.Calls("GetUser"), a.Stats(); calls != 1 || got.Calls != 1 || got.OverBudget != 20 {
		t.Errorf("%d calls, stats %+v, want 1 call and 20 over budget", calls, got)
	}
}

func TestEqualQuestionsShareACall(t *testing.T) {
	w := newWorld(t)
	w.srv.Fail("GetUser", cognitotest.Failure{Latency: 300 * time.Millisecond})
	w.cfg.CacheFor = 0 // ten seconds
	w.cfg.Timeout = time.Minute
	a := w.asker(t)
	token := w.signIn(t).AccessToken
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			if err := w.ask(t, a, token); err != nil {
				t.Errorf("Ask = %v, want nil", err)
			}
		})
	}
	asking.Wait()
	if err := w.ask(t, a, token); err != nil {
		t.Errorf("Ask of a kept answer = %v, want nil", err)
	}
	if calls := w.srv.Calls("GetUser"); calls != 1 {
		t.Errorf("%d calls for one token, want 1", calls)
	}
	if got := a.Stats(); got.Accepted != 51 || got.Cached == 0 {
		t.Errorf("stats %+v, want 51 accepted, some of them cached", got)
	}
}

func TestBreakerLeavesCognitoAlone(t *testing.T) {
	for name, failure := range map[string]cognitotest.Failure{
		"internal error": {Code: "InternalErrorException"},
		"throttled":      {Code: "TooManyRequestsException"},
		"firewall page":  {Status: 403, Body: "<html>blocked</html>"},
		"cut off":        {Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.srv.Fail("GetUser", failure)
			a := w.asker(t)
			token := w.signIn(t).AccessToken
			for range 30 {
				if err := w.ask(t, a, token); !errors.Is(err, askcognito.ErrUnsettled) || !errors.Is(err, revocation.ErrStale) {
					t.Fatalf("Ask = %v, want ErrUnsettled", err)
				}
			}
			if got := a.Stats(); got.Calls != 3 || !got.Open {
				t.Errorf("stats %+v, want 3 calls and an open breaker", got)
			}
		})
	}
}

func TestTimeoutAndImpatientCaller(t *testing.T) {
	w := newWorld(t)
	w.srv.Fail("GetUser", cognitotest.Failure{Latency: time.Minute})
	w.cfg.Timeout = 50 * time.Millisecond
	a := w.asker(t)
	token := w.signIn(t).AccessToken
	if err := w.ask(t, a, token); !errors.Is(err, askcognito.ErrUnsettled) {
		t.Errorf("Ask of a slow Cognito = %v, want ErrUnsettled", err)
	}
	tok, _ := w.v.Validate(t.Context(), token)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Ask(ctx, token, tok); !errors.Is(err, askcognito.ErrUnsettled) {
		t.Errorf("Ask by a caller who has left = %v, want ErrUnsettled", err)
	}
}

// An answer that is not clearly Cognito's about this user settles nothing.
func TestForeignAnswers(t *testing.T) {
	w := newWorld(t)
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(other.Close)
	for name, serve := range map[string]http.HandlerFunc{
		"another user": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"sub":"somebody","UserAttributes":[{"Name":"sub","Value":"somebody"}]}`)
		},
		"no user":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) },
		"empty":    func(http.ResponseWriter, *http.Request) {},
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		},
		"401 of a proxy": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"wrong user pool": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_token","error_description":"Access token is invalid"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(serve)
			defer srv.Close()
			w.cfg.Pools[0].Endpoint, w.cfg.Pools[0].UserInfoURL = srv.URL, srv.URL
			a := w.asker(t)
			for _, scope := range []string{"openid", "aws.cognito.signin.user.admin"} {
				token := w.pool.Mint(cognitotest.MintOptions{ClientID: w.client, Username: "jane", Scope: scope})
				if err := w.ask(t, a, token); !errors.Is(err, askcognito.ErrUnsettled) {
					t.Errorf("scope %s: Ask = %v, want ErrUnsettled", scope, err)
				}
			}
		})
	}
	if elsewhere != 0 {
		t.Errorf("a redirect was followed %d times, with the token", elsewhere)
	}
}

func TestConfig(t *testing.T) {
	good := askcognito.Pool{ID: "eu-west-1_AbC123"}
	for _, test := range []struct {
		name string
		cfg  askcognito.Config
		want string // in the error; empty: none
	}{
		{"usual", askcognito.Config{Pools: []askcognito.Pool{good}}, ""},
		{"no pools", askcognito.Config{}, "Config.Pools is empty"},
		{"no id", askcognito.Config{Pools: []askcognito.Pool{{}}}, "Pools[0]: ID is empty"},
		{"twice", askcognito.Config{Pools: []askcognito.Pool{good, good}}, "configured twice"},
		{"no region", askcognito.Config{Pools: []askcognito.Pool{{ID: "local"}}}, "set Endpoint"},
		{"plain http", askcognito.Config{Pools: []askcognito.Pool{{ID: good.ID, UserInfoURL: "http://auth.example.com/"}}}, "UserInfoURL \"http://auth.example.com/\" is not https"},
		{"plain http wanted", askcognito.Config{Pools: []askcognito.Pool{{ID: good.ID, UserInfoURL: "http://auth.example.com/", InsecureHTTP: true}}}, ""},
		{"credentials", askcognito.Config{Pools: []askcognito.Pool{{ID: good.ID, Endpoint: "https://a:b@example.com/"}}}, "Endpoint carries credentials"},
		{"no URL", askcognito.Config{Pools: []askcognito.Pool{{ID: good.ID, Endpoint: "example"}}}, "Endpoint is not an https URL"},
		{"negative rate", askcognito.Config{Pools: []askcognito.Pool{good}, Rate: -1}, "Config.Rate is -1"},
		{"negative timeout", askcognito.Config{Pools: []askcognito.Pool{good}, Timeout: -1}, "Config.Timeout"},
		{"long cache", askcognito.Config{Pools: []askcognito.Pool{good}, CacheFor: 11 * time.Second}, "Config.CacheFor is 11s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := askcognito.New(test.cfg)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("New = %v, want %q", err, test.want)
			}
		})
	}
}
