package cognito_test

import (
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

const scopeAPI = "aws.cognito.signin.user.admin"

func TestAccessTokenRevoked(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for name, test := range map[string]struct {
		tokens   cognitotest.Tokens
		getUser  int
		userInfo int
	}{
		"API sign-in":     {w.signIn(w.public), 1, 0},
		"managed login":   {w.signInOAuth("ada", "openid", "email"), 0, 1},
		"both scopes":     {w.signInOAuth("ada", "openid", scopeAPI), 1, 0},
		"federated login": {w.signInOAuth(w.grace.Username, "openid"), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			getUser, userInfo := w.srv.Calls("GetUser"), w.srv.Calls("/oauth2/userInfo")
			for _, want := range []bool{false, true} {
				if want {
					must(0, w.pool.RevokeToken(t.Context(), w.public.ID, test.tokens.RefreshToken))
				}
				got, err := w.pool.AccessTokenRevoked(t.Context(), test.tokens.AccessToken)
				if got != want || err != nil {
					t.Errorf("AccessTokenRevoked = %t, %v, want %t", got, err, want)
				}
			}
			if calls := w.srv.Calls("GetUser") - getUser; calls != 2*test.getUser {
				t.Errorf("%d calls of GetUser, want %d", calls, 2*test.getUser)
			}
			if calls := w.srv.Calls("/oauth2/userInfo") - userInfo; calls != 2*test.userInfo {
				t.Errorf("%d calls of userInfo, want %d", calls, 2*test.userInfo)
			}
		})
	}
}

func TestAccessTokenRevokedUnsettled(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	bare := must(cognito.New(w.config(func(c *cognito.Config) { c.UserInfoURL = "" })))
	gone := must(w.emulated.CreateUser(cognitotest.UserConfig{Username: "gone"}))
	goneTokens := must(w.emulated.SignIn(w.public.ID, gone.Username))
	must(0, w.emulated.DeleteUser(gone.Username))
	forged := func(token string) string { return token[:len(token)-4] + "AAAA" }
	for name, test := range map[string]struct {
		pool  *cognito.Pool
		token string
		want  publisher.CognitoError
	}{
		"no endpoint":      {bare, w.signInOAuth("ada", "openid").AccessToken, publisher.CognitoError{Op: "GetUser", Code: cognito.CodeScope}},
		"other scopes":     {w.pool, w.signInOAuth("ada", "email").AccessToken, publisher.CognitoError{Op: "GetUser", Code: cognito.CodeScope}},
		"ID token":         {w.pool, w.signIn(w.public).IDToken, publisher.CognitoError{Op: "GetUser", Code: cognito.CodeScope}},
		"deleted user":     {w.pool, goneTokens.AccessToken, publisher.CognitoError{Op: "GetUser", Code: "UserNotFoundException", Err: publisher.ErrUserNotFound}},
		"forged":           {w.pool, forged(w.signIn(w.public).AccessToken), publisher.CognitoError{Op: "GetUser", Code: "NotAuthorizedException"}},
		"forged login":     {w.pool, forged(w.signInOAuth("ada", "openid").AccessToken), publisher.CognitoError{Op: "userInfo", Code: "invalid_token"}},
		"not a JWT":        {w.pool, "abc", publisher.CognitoError{Op: "GetUser", Code: "NotAuthorizedException"}},
		"odd characters":   {w.pool, "a b", publisher.CognitoError{Op: "GetUser", Code: cognito.CodeMalformed}},
		"broken claims":    {w.pool, "e30.!!!.e30", publisher.CognitoError{Op: "GetUser", Code: cognito.CodeMalformed}},
		"claims without":   {w.pool, "e30.e30.e30", publisher.CognitoError{Op: "GetUser", Code: "NotAuthorizedException"}},
		"claims of a list": {w.pool, "e30.W10.e30", publisher.CognitoError{Op: "GetUser", Code: "NotAuthorizedException"}},
	} {
		t.Run(name, func(t *testing.T) {
			revoked, err := test.pool.AccessTokenRevoked(t.Context(), test.token)
			if revoked {
				t.Errorf("AccessTokenRevoked = true")
			}
			wantError(t, "AccessTokenRevoked", err, test.want)
		})
	}
}

// An expired token is refused whether it was revoked or not. At the last
// second the clocks decide, so it is not sent at all.
func TestAccessTokenRevokedExpired(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	local, login := w.signIn(w.public), w.signInOAuth("ada", "openid")
	// The emulator's clock runs ahead; the adapter learns so by any call.
	w.srv.Advance(time.Hour - 2*time.Second)
	must(0, w.pool.RevokeToken(t.Context(), w.public.ID, local.RefreshToken))
	for name, token := range map[string]string{"API sign-in": local.AccessToken, "managed login": login.AccessToken} {
		revoked, err := w.pool.AccessTokenRevoked(t.Context(), token)
		if revoked {
			t.Errorf("%s: AccessTokenRevoked = true for an expired token", name)
		}
		wantError(t, name, err, publisher.CognitoError{Op: "GetUser", Code: cognito.CodeExpired})
	}
	if calls := w.srv.Calls("GetUser") + w.srv.Calls("/oauth2/userInfo"); calls != 0 {
		t.Errorf("asked Cognito %d times, want never", calls)
	}
}

// The local clock is behind, so the token looks alive until GetUser answers.
func TestAccessTokenRevokedExpiredAtCognito(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	tokens := w.signIn(w.public)
	w.srv.Advance(2 * time.Hour)
	revoked, err := w.pool.AccessTokenRevoked(t.Context(), tokens.AccessToken)
	if revoked {
		t.Errorf("AccessTokenRevoked = true for an expired token")
	}
	wantError(t, "AccessTokenRevoked", err, publisher.CognitoError{Op: "GetUser", Code: cognito.CodeExpired})
}
