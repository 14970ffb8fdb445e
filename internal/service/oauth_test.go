package service_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func wantAnswer(t *testing.T, a answer, local, cognito string) {
	t.Helper()
	if a.status != http.StatusOK || a.body != "" || a.header.Get("Revoked-Local") != local || a.header.Get("Revoked-Cognito") != cognito {
		t.Errorf("answer = %v, want an empty 200 with Revoked-Local %q, Revoked-Cognito %q", a, local, cognito)
	}
}

func TestOAuthRevoke(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	app, vault := b.demo.Client, b.demo.Vault

	t.Run("refresh token alone", func(t *testing.T) {
		tokens, other := b.signIn(app, b.demo.Ada), b.signIn(app, b.demo.Ada)
		b.accepts(t, tokens.AccessToken)
		wantAnswer(t, b.oauthRevoke(app.ID, "", url.Values{"token": {tokens.RefreshToken}}), "denied", "done")
		b.awaitRefused(t, tokens.AccessToken)
		b.awaitRefused(t, tokens.IDToken)
		b.accepts(t, other.AccessToken)
		if b.cognito.Check(tokens.AccessToken) == nil {
			t.Error("Cognito accepts the access token after Revoked-Cognito: done")
		}
		// The same again: Cognito does not know the token any more.
		wantAnswer(t, b.oauthRevoke(app.ID, "", url.Values{"token": {tokens.RefreshToken}}), "unknown", "")
	})

	t.Run("with the access token of its session", func(t *testing.T) {
		tokens := b.signIn(app, b.demo.Ada)
		refreshes := b.cognito.Calls("GetTokensFromRefreshToken")
		form := url.Values{"token": {tokens.RefreshToken}, "access_token": {tokens.AccessToken}}
		wantAnswer(t, b.oauthRevoke(app.ID, "", form), "denied", "done")
		b.awaitRefused(t, tokens.AccessToken)
		if got := b.cognito.Calls("GetTokensFromRefreshToken"); got != refreshes {
			t.Errorf("%d refreshes, want none", got-refreshes)
		}
		if b.cognito.Check(tokens.AccessToken) == nil {
			t.Error("Cognito accepts the access token after Revoked-Cognito: done")
		}
		// The same again, as after an answer that got lost.
		wantAnswer(t, b.oauthRevoke(app.ID, "", form), "denied", "done")
	})

	t.Run("with an access token that has expired", func(t *testing.T) {
		tokens, other := b.signIn(app, b.demo.Ada), b.signIn(app, b.demo.Ada)
		expired := b.demo.Pool.Mint(cognitotest.MintOptions{
			ClientID: app.ID, Username: b.demo.Ada.Username, OriginJTI: claimsOf(t, other.AccessToken).OriginJTI,
			IssuedAt: time.Now().Add(-2 * time.Hour), ExpiresAt: time.Now().Add(-time.Hour),
		})
		wantAnswer(t, b.oauthRevoke(app.ID, "", url.Values{"token": {tokens.RefreshToken}, "access_token": {expired}}), "denied", "done")
		b.awaitRefused(t, tokens.AccessToken)
		b.accepts(t, other.AccessToken) // what has expired names no session either
	})

	t.Run("access token as token", func(t *testing.T) {
		tokens := b.signIn(app, b.demo.Ada)
		wantAnswer(t, b.oauthRevoke(app.ID, "", url.Values{"token": {tokens.AccessToken}}), "denied", "")
		b.awaitRefused(t, tokens.AccessToken)
		b.accepts(t, tokens.IDToken) // of the same session
		// A revoked token is no authority any more.
		before := b.count(t)
		wantAnswer(t, b.oauthRevoke(app.ID, "", url.Values{"token": {tokens.AccessToken}}), "denied", "")
		if got := b.count(t); got != before {
			t.Errorf("%d revocations, want %d as before", got, before)
		}
	})

	t.Run("confidential client", func(t *testing.T) {
		tokens := b.signIn(vault, b.demo.Grace)
		for _, secret := range []string{"", "wrong"} {
			a := b.oauthRevoke(vault.ID, secret, url.Values{"token": {tokens.RefreshToken}})
			if a.status != http.StatusUnauthorized || !strings.Contains(a.body, "invalid_client") {
				t.Errorf("with secret %q: %v, want 401 invalid_client", secret, a)
			}
		}
		b.accepts(t, tokens.AccessToken)
		wantAnswer(t, b.oauthRevoke(vault.ID, vault.Secret, url.Values{"token": {tokens.RefreshToken}}), "denied", "done")
		b.awaitRefused(t, tokens.AccessToken)
	})
}

// Somebody presents what does not entitle to end Ada's session.
func TestOAuthAbuse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	app := b.demo.Client
	ada, attacker := b.signIn(app, b.demo.Ada), b.signIn(b.demo.Vault, b.demo.Grace)
	claims := claimsOf(t, ada.AccessToken)
	expired := b.demo.Pool.Mint(cognitotest.MintOptions{
		ClientID: app.ID, Username: b.demo.Ada.Username, JTI: claims.JTI, OriginJTI: claims.OriginJTI,
		IssuedAt: time.Now().Add(-2 * time.Hour), ExpiresAt: time.Now().Add(-time.Hour),
	})
	stranger := strangersToken(t, b, claims.JTI, claims.OriginJTI)
	garbage := strings.Replace(attacker.RefreshToken, ".", ".x", 1)
	const refused, ignored = http.StatusBadRequest, http.StatusOK
	tests := []struct {
		name   string
		form   url.Values
		status int
	}{
		{"an expired access token", url.Values{"token": {expired}}, ignored},
		{"an ID token", url.Values{"token": {ada.IDToken}}, refused},
		{"the refresh token of another client", url.Values{"token": {attacker.RefreshToken}}, ignored},
		{"the access token of another client", url.Values{"token": {attacker.AccessToken}}, ignored},
		{"a token that somebody else signed", url.Values{"token": {stranger}}, ignored},
		{"a token with another payload", url.Values{"token": {swapPayload(attacker.AccessToken, ada.AccessToken)}}, ignored},
		{"a refresh token that is none", url.Values{"token": {garbage}}, ignored},
		{"garbage", url.Values{"token": {"garbage"}}, ignored},
		{"garbage beside an expired access token", url.Values{"token": {garbage}, "access_token": {expired}}, ignored},
		{"garbage beside an ID token", url.Values{"token": {garbage}, "access_token": {ada.IDToken}}, refused},
		{"garbage beside another client's access token", url.Values{"token": {garbage}, "access_token": {attacker.AccessToken}}, refused},
		{"garbage beside a stranger's access token", url.Values{"token": {garbage}, "access_token": {stranger}}, refused},
		{"no token beside an access token", url.Values{"access_token": {ada.AccessToken}}, refused},
		{"an ID token of another issuer's claims", url.Values{"token": {swapPayload(attacker.IDToken, ada.IDToken)}}, ignored},
	}
	before := b.count(t)
	for _, tt := range tests {
		a := b.oauthRevoke(app.ID, "", tt.form)
		if a.status != tt.status || a.status == http.StatusOK && a.header.Get("Revoked-Local") != "unknown" {
			t.Errorf("%s: %v, want %d, unknown", tt.name, a, tt.status)
		}
	}
	if got := b.count(t); got != before {
		t.Errorf("%d revocations, want %d as before", got, before)
	}
	b.accepts(t, ada.AccessToken)
	b.accepts(t, attacker.AccessToken)
}

// One token or session that is presented many times at once is revoked once:
// else whoever has one could fill the denylist of every node.
func TestManyRequestsAtOnceMakeOneRevocation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	app := b.demo.Client
	token, session, alone := b.signIn(app, b.demo.Ada), b.signIn(app, b.demo.Ada), b.signIn(app, b.demo.Grace)
	for _, tt := range []struct {
		name string
		form url.Values
	}{
		{"refresh token alone", url.Values{"token": {alone.RefreshToken}}}, // while there is a budget
		{"refresh token beside an access token", url.Values{"token": {session.RefreshToken}, "access_token": {session.AccessToken}}},
		{"access token", url.Values{"token": {token.AccessToken}}},
	} {
		before := b.count(t)
		var requests sync.WaitGroup
		for range 50 {
			requests.Go(func() {
				// Later ones may be told that the budget for learning is spent.
				a := b.oauthRevoke(app.ID, "", maps.Clone(tt.form))
				if a.status != http.StatusOK && (a.status != http.StatusServiceUnavailable || tt.name == "access token") {
					t.Errorf("%s: %v", tt.name, a)
				}
			})
		}
		requests.Wait()
		if got := b.count(t) - before; got != 1 {
			t.Errorf("%s, presented 50 times at once: %d revocations, want 1", tt.name, got)
		}
	}
}

// strangersToken is Ada's token in all but the key: another pool of the same
// emulator has signed it.
func strangersToken(t *testing.T, b *bench, jti, origin string) string {
	t.Helper()
	pool, err := b.cognito.CreatePool(cognitotest.PoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return pool.Mint(cognitotest.MintOptions{
		ClientID: b.demo.Client.ID, Username: "x", Subject: b.demo.Ada.Subject, JTI: jti, OriginJTI: origin,
		Extra: map[string]any{"iss": b.demo.Pool.Issuer()},
	})
}

// swapPayload returns token with the payload of other.
func swapPayload(token, other string) string {
	parts, theirs := strings.Split(token, "."), strings.Split(other, ".")
	return parts[0] + "." + theirs[1] + "." + parts[2]
}

// Without learning, a refresh token alone is refused and nothing is pretended.
func TestNoLearning(t *testing.T) {
	t.Parallel()
	b := newStoppedBench(t)
	b.provision()
	cfg := b.config()
	cfg.LearnSession = "off"
	b.start(cfg)
	b.awaitReady()
	b.openNode()
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	a := b.oauthRevoke(b.demo.Client.ID, "", url.Values{"token": {tokens.RefreshToken}})
	if a.status != http.StatusBadRequest || !strings.Contains(a.body, "access_token") {
		t.Errorf("answer = %v, want 400 that asks for the access token", a)
	}
	b.accepts(t, tokens.AccessToken)
	if n := b.cognito.Calls("GetTokensFromRefreshToken"); n != 0 {
		t.Errorf("%d refreshes, want none", n)
	}
	form := url.Values{"token": {tokens.RefreshToken}, "access_token": {tokens.AccessToken}}
	wantAnswer(t, b.oauthRevoke(b.demo.Client.ID, "", form), "denied", "done")
	b.awaitRefused(t, tokens.AccessToken)
}
