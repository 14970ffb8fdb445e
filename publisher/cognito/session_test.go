package cognito_test

import (
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func TestRevokeToken(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for name, client := range map[string]*cognitotest.Client{"public": w.public, "secret": w.vault, "rotating": w.rotating} {
		t.Run(name, func(t *testing.T) {
			tokens, other := w.signIn(client), w.signIn(client)
			for range 2 { // a repetition is harmless
				if err := w.pool.RevokeToken(t.Context(), client.ID, tokens.RefreshToken); err != nil {
					t.Fatalf("RevokeToken: %v", err)
				}
			}
			if w.srv.Check(tokens.AccessToken) == nil {
				t.Errorf("Cognito still accepts the session's access token")
			}
			if err := w.srv.Check(other.AccessToken); err != nil {
				t.Errorf("Cognito refuses another session's access token: %v", err)
			}
		})
	}
}

func TestRevokeTokenRefused(t *testing.T) {
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Clients[0].Secret = "not-the-secret" })
	tokens := w.signIn(w.public)
	for name, test := range map[string]struct {
		clientID, token string
		want            publisher.CognitoError
	}{
		"wrong secret":    {w.vault.ID, w.signIn(w.vault).RefreshToken, publisher.CognitoError{Code: "UnauthorizedException", Err: publisher.ErrClientRefused}},
		"another client":  {w.public.ID, w.signIn(w.bare).RefreshToken, publisher.CognitoError{Code: "UnauthorizedException", Err: publisher.ErrClientRefused}},
		"no such client":  {"nobody", tokens.RefreshToken, publisher.CognitoError{Code: "UnauthorizedException", Err: publisher.ErrClientRefused}},
		"revocation off":  {w.bare.ID, w.signIn(w.bare).RefreshToken, publisher.CognitoError{Code: "UnsupportedOperationException", Err: publisher.ErrRevocationDisabled}},
		"access token":    {w.public.ID, tokens.AccessToken, publisher.CognitoError{Code: "UnsupportedTokenTypeException", Err: publisher.ErrUnsupportedToken}},
		"ID token":        {w.public.ID, tokens.IDToken, publisher.CognitoError{Code: "UnsupportedTokenTypeException", Err: publisher.ErrUnsupportedToken}},
		"odd characters":  {w.public.ID, "a b\n", publisher.CognitoError{Code: cognito.CodeMalformed, Err: publisher.ErrUnsupportedToken}},
		"empty":           {w.public.ID, "", publisher.CognitoError{Code: cognito.CodeMalformed, Err: publisher.ErrUnsupportedToken}},
		"empty client id": {"", tokens.RefreshToken, publisher.CognitoError{Code: "InvalidParameterException"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.Op = "RevokeToken"
			wantError(t, "RevokeToken", w.pool.RevokeToken(t.Context(), test.clientID, test.token), test.want)
		})
	}
	// Success does not prove that a token meant anything.
	garbage := strings.Repeat("x.", 4) + "x"
	if err := w.pool.RevokeToken(t.Context(), w.public.ID, garbage); err != nil {
		t.Errorf("RevokeToken of what looks like a refresh token: %v", err)
	}
}

func TestRefresh(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for name, test := range map[string]struct {
		client  *cognitotest.Client
		rotates bool
	}{
		"public":   {w.public, false},
		"secret":   {w.vault, false},
		"rotating": {w.rotating, true},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := w.signIn(test.client)
			fresh, err := w.pool.Refresh(t.Context(), test.client.ID, tokens.RefreshToken)
			if err != nil {
				t.Fatalf("Refresh: %v", err)
			}
			if err := w.srv.Check(fresh.AccessToken); err != nil || fresh.AccessToken == tokens.AccessToken {
				t.Errorf("Refresh gave an access token that is old or refused: %v", err)
			}
			if rotated := fresh.RefreshToken != tokens.RefreshToken; rotated != test.rotates || fresh.RefreshToken == "" {
				t.Errorf("Refresh gave another refresh token: %t, want %t", rotated, test.rotates)
			}
			if _, err := w.pool.Refresh(t.Context(), test.client.ID, fresh.RefreshToken); err != nil {
				t.Errorf("Refresh with the newest refresh token: %v", err)
			}
		})
	}
}

func TestRefreshRefused(t *testing.T) {
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.Clients[0].Secret = "not-the-secret" })
	revoked, used, deleted := w.signIn(w.public), w.signIn(w.rotating), w.signInOAuth(w.grace.Username, "openid")
	must(0, w.pool.RevokeToken(t.Context(), w.public.ID, revoked.RefreshToken))
	must(w.pool.Refresh(t.Context(), w.rotating.ID, used.RefreshToken))
	must(0, w.emulated.DeleteUser(w.grace.Username))
	grant := func(code string) publisher.CognitoError {
		return publisher.CognitoError{Code: code, Err: publisher.ErrInvalidGrant}
	}
	for name, test := range map[string]struct {
		clientID, token string
		want            publisher.CognitoError
	}{
		"revoked":        {w.public.ID, revoked.RefreshToken, grant("NotAuthorizedException")},
		"access token":   {w.public.ID, revoked.AccessToken, grant("NotAuthorizedException")},
		"used up":        {w.rotating.ID, used.RefreshToken, grant("RefreshTokenReuseException")},
		"deleted user":   {w.public.ID, deleted.RefreshToken, grant("UserNotFoundException")},
		"another client": {w.bare.ID, w.signIn(w.public).RefreshToken, grant("NotAuthorizedException")},
		"odd characters": {w.public.ID, "a/b", grant(cognito.CodeMalformed)},
		"wrong secret": {w.vault.ID, w.signIn(w.vault).RefreshToken,
			publisher.CognitoError{Code: "NotAuthorizedException", Err: publisher.ErrClientRefused}},
		"no such client": {"nobody", revoked.RefreshToken,
			publisher.CognitoError{Code: "ResourceNotFoundException", Err: publisher.ErrClientRefused}},
	} {
		t.Run(name, func(t *testing.T) {
			fresh, err := w.pool.Refresh(t.Context(), test.clientID, test.token)
			test.want.Op = "GetTokensFromRefreshToken"
			wantError(t, "Refresh", err, test.want)
			if fresh != (publisher.Refreshed{}) {
				t.Errorf("Refresh returned tokens with the error")
			}
		})
	}
}

// A lost answer may have used up the token, so the SDK must not send it again:
// the repetition would be refused and the successor be out of reach.
func TestRefreshIsNotRepeatedBlindly(t *testing.T) {
	w := newWorld(t, cognitotest.Config{}, func(c *cognito.Config) { c.MaxAttempts = 3 })
	const op = "GetTokensFromRefreshToken"
	for name, test := range map[string]struct {
		failure cognitotest.Failure
		code    string
		calls   int
	}{
		"dropped":   {cognitotest.Failure{Drop: true, AfterEffect: true}, cognito.CodeUnreachable, 1},
		"internal":  {cognitotest.Failure{Code: "InternalErrorException"}, "InternalErrorException", 1},
		"throttled": {cognitotest.Failure{Code: "TooManyRequestsException"}, "TooManyRequestsException", 3},
	} {
		t.Run(name, func(t *testing.T) {
			w.srv.Fail(op, test.failure)
			defer w.srv.Heal(op)
			before := w.srv.Calls(op)
			_, err := w.pool.Refresh(t.Context(), w.rotating.ID, w.signIn(w.rotating).RefreshToken)
			wantError(t, "Refresh", err, publisher.CognitoError{Op: op, Code: test.code, Retry: true})
			if calls := w.srv.Calls(op) - before; calls != test.calls {
				t.Errorf("sent %d times, want %d", calls, test.calls)
			}
		})
	}
}
