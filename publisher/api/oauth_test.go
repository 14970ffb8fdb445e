package api_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// testPeer is where the requests of package httptest come from.
const testPeer = "192.0.2.1"

func TestRefreshToken(t *testing.T) {
	tests := []struct {
		name string
		form url.Values
		want publisher.Presented
	}{
		{
			"alone",
			url.Values{"token": {refresh}, "client_id": {app}},
			publisher.Presented{Pool: pool, ClientID: app, RefreshToken: refresh, Address: testPeer, Operator: "client " + app},
		},
		{
			"with a hint that is wrong and a parameter that nobody knows",
			url.Values{"token": {refresh}, "client_id": {app}, "token_type_hint": {"access_token"}, "x": {"y"}},
			publisher.Presented{Pool: pool, ClientID: app, RefreshToken: refresh, Address: testPeer, Operator: "client " + app},
		},
		{
			"with the access token of its session",
			url.Values{"token": {refresh}, "client_id": {app}, "access_token": {access}},
			publisher.Presented{
				Pool: pool, ClientID: app, RefreshToken: refresh, AccessToken: access, Session: "origin-1", Address: testPeer, Operator: "client " + app,
			},
		},
		{
			"with an access token that was revoked already",
			url.Values{"token": {refresh}, "client_id": {app}, "access_token": {accessRevoked}},
			publisher.Presented{Pool: pool, ClientID: app, RefreshToken: refresh, Address: testPeer, Operator: "client " + app},
		},
		{
			"with an access token that has expired", // as of an app that nobody has used for an hour
			url.Values{"token": {refresh}, "client_id": {app}, "access_token": {accessExpired}},
			publisher.Presented{Pool: pool, ClientID: app, RefreshToken: refresh, Address: testPeer, Operator: "client " + app},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.form(tt.form)
			wantRevoked(t, a, "denied", "done")
			if diff := cmp.Diff([]publisher.Presented{tt.want}, w.fake.sessions); diff != "" {
				t.Errorf("presented (-want +got):\n%s", diff)
			}
		})
	}
}

func wantRevoked(t *testing.T, a answer, local, cognito string) {
	t.Helper()
	if a.status != http.StatusOK || a.body != "" {
		t.Errorf("answer = %v, want an empty 200", a)
	}
	if got := a.header.Get("Revoked-Local"); got != local {
		t.Errorf("Revoked-Local = %q, want %q", got, local)
	}
	if got := a.header.Get("Revoked-Cognito"); got != cognito {
		t.Errorf("Revoked-Cognito = %q, want %q", got, cognito)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", got)
	}
}

func TestAccessTokenAsToken(t *testing.T) {
	w := newWorld(t)
	w.fake.leg = publisher.LegNotApplicable
	wantRevoked(t, w.form(url.Values{"token": {access}, "client_id": {app}}), "denied", "")
	want := []publisher.Request{{
		Target:    revocation.Target{Kind: revocation.KindToken, Pool: pool, ID: "jti-1"},
		ExpiresAt: moment.Unix(), Operator: "client " + app,
	}}
	if diff := cmp.Diff(want, w.fake.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// RFC 7009, section 2.2: a token that means nothing is no error. None of these
// may revoke anything.
func TestTokensThatMeanNothing(t *testing.T) {
	tests := []struct{ name, token, local string }{
		{"no token at all", "garbage", "unknown"},
		{"four parts", "a.b.c.d", "unknown"},
		{"characters of no token", "a\x00b.c.d", "unknown"},
		{"a JWT that nobody signed", "a.b.c", "unknown"},
		{"an expired access token", accessExpired, "unknown"},
		{"the access token of another client", accessVault, "unknown"},
		{"the access token of another pool", accessForeign, "unknown"},
		{"the ID token of another client", idTokenVault, "unknown"},
		{"an access token without jti", accessNoIDs, "unknown"},
		{"an access token that was revoked already", accessSpent, "denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			wantRevoked(t, w.form(url.Values{"token": {tt.token}, "client_id": {app}}), tt.local, "")
			w.fake.quiet(t)
		})
	}
}

func TestUnknownRefreshToken(t *testing.T) {
	tests := []struct {
		name, accessToken string
		err               error
		local, cognito    string
	}{
		{"not accepted by Cognito", "", publisher.ErrUnknownToken, "unknown", ""},
		{"of a session without a name", "", publisher.ErrNoSession, "unknown", ""},
		{"beside an access token without session", accessNoIDs, publisher.ErrNoSession, "unknown", ""},
		{"a repeated request", accessRevoked, publisher.ErrUnknownToken, "denied", "done"},
		{"beside a token that was revoked by itself", accessSpent, publisher.ErrUnknownToken, "unknown", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.fake.err = tt.err
			form := url.Values{"token": {refresh}, "client_id": {app}, "access_token": {tt.accessToken}}
			wantRevoked(t, w.form(form), tt.local, tt.cognito)
		})
	}
}

func TestRequestsRefused(t *testing.T) {
	with := func(name, value string) url.Values {
		form := url.Values{"token": {refresh}, "client_id": {app}}
		form.Set(name, value)
		return form
	}
	tests := []struct {
		name   string
		body   string
		edit   func(*http.Request)
		status int
		code   string
	}{
		{"no token", with("token", "").Encode(), nil, 400, "invalid_request"},
		{"no client", with("client_id", "").Encode(), nil, 400, "invalid_request"},
		{"a repeated token", "token=a&token=b&client_id=" + app, nil, 400, "invalid_request"},
		{"a repeated parameter that nobody knows", with("x", "1").Encode() + "&x=2", nil, 400, "invalid_request"},
		{"a broken escape", "token=%zz&client_id=" + app, nil, 400, "invalid_request"},
		{"a semicolon", "token=a;client_id=" + app, nil, 400, "invalid_request"},
		{"no body", "", nil, 400, "invalid_request"},
		{"a parameter in the URL", with("x", "1").Encode(), func(r *http.Request) { r.URL.RawQuery = "token=x" }, 400, "invalid_request"},
		{"JSON", with("x", "1").Encode(), header("Content-Type", "application/json"), 400, "invalid_request"},
		{"no content type", with("x", "1").Encode(), header("Content-Type"), 400, "invalid_request"},
		{"a body over 64 KiB", with("x", strings.Repeat("x", 64<<10)).Encode(), nil, 413, "invalid_request"},
		{"client_secret in the body", with("client_secret", "x").Encode(), nil, 400, "invalid_request"},
		{"an ID token as access token", with("access_token", idToken).Encode(), nil, 400, "invalid_request"},
		{"garbage as access token", with("access_token", "garbage").Encode(), nil, 400, "invalid_request"},
		{"the access token of another client", with("access_token", accessVault).Encode(), nil, 400, "invalid_request"},
		{"an expired access token of another client", with("access_token", expiredVault).Encode(), nil, 400, "invalid_request"},
		{"the access token of another pool", with("access_token", accessForeign).Encode(), nil, 400, "invalid_request"},
		{"an access token beside an access token", "token=" + access + "&access_token=" + access + "&client_id=" + app, nil, 400, "invalid_request"},
		{"an ID token", with("token", idToken).Encode(), nil, 400, "unsupported_token_type"},
		{"an access token while there are no keys", with("token", noKeys).Encode(), nil, 503, "temporarily_unavailable"},
		{"beside an access token while there are no keys", with("access_token", noKeys).Encode(), nil, 503, "temporarily_unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.rawForm(tt.body, func(r *http.Request) {
				if tt.edit != nil {
					tt.edit(r)
				}
			})
			a.wantOAuthError(t, tt.status, tt.code)
			w.fake.quiet(t)
		})
	}
}

func TestFailuresOfTheService(t *testing.T) {
	tests := []struct {
		name string
		err  error
		says string
	}{
		{"the budget is spent", publisher.ErrBusy, "not revoked"},
		{"Cognito is out of reach", &publisher.CognitoError{Op: "Refresh", Code: "unreachable", Retry: true}, "not revoked"},
		{"Cognito refuses our secret", &publisher.CognitoError{Op: "Refresh", Code: "x", Err: publisher.ErrClientRefused}, "not revoked"},
		{"nothing is durable", &publisher.NotDurableError{Cause: errBroken}, "not revoked"},
		{"only the fast path", &publisher.NotDurableError{FastOnly: true, Cause: errBroken}, "not stored"},
		{"anything else", errBroken, "not revoked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.fake.err = tt.err
			a := w.form(url.Values{"token": {refresh}, "client_id": {app}})
			a.wantOAuthError(t, http.StatusServiceUnavailable, "temporarily_unavailable")
			if !strings.Contains(a.body, tt.says) {
				t.Errorf("body = %s, want %q in it", a.body, tt.says)
			}
			if strings.Contains(a.body, errBroken.Error()) {
				t.Errorf("body shows the cause: %s", a.body)
			}
		})
	}
}

func TestAnswerWaitsForCognito(t *testing.T) {
	for _, later := range []publisher.LegState{publisher.LegDone, publisher.LegPending, publisher.LegFailed} {
		w := newWorld(t)
		w.fake.leg, w.fake.later = publisher.LegPending, later
		wantRevoked(t, w.form(url.Values{"token": {refresh}, "client_id": {app}}), "denied", string(later))
	}
}

// An app that signs its user out often goes away at once.
func TestClientGoesAway(t *testing.T) {
	w := newWorld(t)
	w.fake.blocked = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan answer)
	go func() {
		answered <- w.form(url.Values{"token": {refresh}, "client_id": {app}}, func(r *http.Request) { *r = *r.WithContext(ctx) })
	}()
	cancel()
	close(w.fake.blocked)
	select {
	case a := <-answered:
		wantRevoked(t, a, "denied", "done")
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
	}
	if len(w.fake.sessions) != 1 || w.fake.ctxErr != nil {
		t.Errorf("sessions %+v with context error %v, want one, and none", w.fake.sessions, w.fake.ctxErr)
	}
}
