package cognitotest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func TestRevokeTokenKillsOneSession(t *testing.T) {
	w := newWorld(t, atEpoch)
	first, other := w.signIn(t), w.signIn(t)
	renewed, err := w.refresh(first.RefreshToken)
	if err != nil {
		t.Fatalf("refresh before revocation: %v", err)
	}
	for range 2 { // the second call finds nothing to do and succeeds as well
		if err := w.revoke(first.RefreshToken); err != nil {
			t.Fatalf("RevokeToken: %v", err)
		}
	}
	w.wantDead(t, first)
	w.wantDead(t, &types.AuthenticationResultType{AccessToken: renewed.AccessToken, RefreshToken: first.RefreshToken})
	w.wantAlive(t, other)
}

// wantDead checks that Cognito refuses both tokens as revoked.
func (w *world) wantDead(t *testing.T, tokens *types.AuthenticationResultType) {
	t.Helper()
	_, err := w.refresh(tokens.RefreshToken)
	wantCode(t, "refresh", err, "NotAuthorizedException", "Refresh Token has been revoked")
	wantCode(t, "GetUser", w.getUser(tokens.AccessToken), "NotAuthorizedException", "Access Token has been revoked")
}

func (w *world) wantAlive(t *testing.T, tokens *types.AuthenticationResultType) {
	t.Helper()
	if _, err := w.refresh(tokens.RefreshToken); err != nil {
		t.Errorf("refresh: %v", err)
	}
	if err := w.getUser(tokens.AccessToken); err != nil {
		t.Errorf("GetUser: %v", err)
	}
}

// TestRevokeTokenChecks has cases that fail several checks at once, to pin
// their order.
func TestRevokeTokenChecks(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	unrevocable := must(w.pool.CreateClient(cognitotest.ClientConfig{GenerateSecret: true, DisableTokenRevocation: true}))
	tokens := must(w.pool.SignIn(w.client.ID, "ada"))
	garbage := strings.Repeat("A.", 4) + "A"
	for _, test := range []struct {
		name, client, secret, token, want string
	}{
		{"wrong secret before revocation off", unrevocable.ID, strings.Repeat("x", 24), tokens.AccessToken, "UnauthorizedException"},
		{"no secret", w.vault.ID, "", tokens.AccessToken, "UnauthorizedException"},
		{"secret of a public client", w.client.ID, strings.Repeat("x", 24), tokens.RefreshToken, "UnauthorizedException"},
		{"unknown client", "nobody", "", tokens.RefreshToken, "UnauthorizedException"},
		{"revocation off before token type", unrevocable.ID, unrevocable.Secret, tokens.AccessToken, "UnsupportedOperationException"},
		{"access token", w.client.ID, "", tokens.AccessToken, "UnsupportedTokenTypeException"},
		{"ID token", w.client.ID, "", tokens.IDToken, "UnsupportedTokenTypeException"},
		{"token of another client", w.vault.ID, w.vault.Secret, tokens.RefreshToken, "UnauthorizedException"},
		{"characters no token has", w.client.ID, "", "a b", "InvalidParameterException"},
		{"garbage of the right shape", w.client.ID, "", garbage, ""},
		{"garbage of the right shape at a confidential client", w.vault.ID, w.vault.Secret, garbage, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := &cip.RevokeTokenInput{ClientId: &test.client, Token: &test.token}
			if test.secret != "" {
				in.ClientSecret = &test.secret
			}
			_, err := w.aws.RevokeToken(context.Background(), in)
			if test.want != "" {
				wantCode(t, "RevokeToken", err, test.want, "")
			} else if err != nil {
				t.Errorf("RevokeToken: %v, want success", err)
			}
		})
	}
	if _, err := w.pool.Refresh(w.client.ID, tokens.RefreshToken); err != nil {
		t.Errorf("refresh after refused revocations: %v", err)
	}
}

func TestRevokeTokenErrorsAreTyped(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	err := w.revoke(w.signIn(t).AccessToken)
	if _, ok := errors.AsType[*types.UnsupportedTokenTypeException](err); !ok {
		t.Errorf("revoking an access token: %T %v, want UnsupportedTokenTypeException", err, err)
	}
}

func TestSignOutAndDisable(t *testing.T) {
	for _, test := range []struct {
		name string
		call func(*cip.Client, string, string) error
	}{
		{"AdminUserGlobalSignOut", func(c *cip.Client, pool, name string) error {
			_, err := c.AdminUserGlobalSignOut(context.Background(), &cip.AdminUserGlobalSignOutInput{UserPoolId: &pool, Username: &name})
			return err
		}},
		{"AdminDisableUser", func(c *cip.Client, pool, name string) error {
			_, err := c.AdminDisableUser(context.Background(), &cip.AdminDisableUserInput{UserPoolId: &pool, Username: &name})
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, atEpoch)
			must(w.pool.CreateUser(cognitotest.UserConfig{Username: "grace", Password: password}))
			tokens, grace := w.signIn(t), must(w.pool.SignIn(w.client.ID, "grace"))
			for _, name := range []string{"ada", w.ada.Subject, "ada"} {
				if err := test.call(w.aws, w.pool.ID(), name); err != nil {
					t.Fatalf("for %s: %v", name, err)
				}
			}
			w.wantDead(t, tokens)
			w.wantAlive(t, &types.AuthenticationResultType{AccessToken: &grace.AccessToken, RefreshToken: &grace.RefreshToken})

			if err := w.pool.EnableUser("ada"); err != nil {
				t.Fatal(err)
			}
			w.wantDead(t, tokens)
			// Within the same second a new access token is refused, too.
			wantError(t, "token of the same second", w.srv.Check(must(w.pool.SignIn(w.client.ID, "ada")).AccessToken), "NotAuthorizedException")
			w.srv.Advance(time.Second)
			w.wantAlive(t, w.signIn(t))

			err := test.call(w.aws, w.pool.ID(), "nobody")
			if _, ok := errors.AsType[*types.UserNotFoundException](err); !ok {
				t.Errorf("for nobody: %v, want UserNotFoundException", err)
			}
			err = test.call(w.aws, "eu-west-1_Nowhere", "ada")
			if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
				t.Errorf("in no pool: %v, want ResourceNotFoundException", err)
			}
		})
	}
}

func TestGlobalSignOut(t *testing.T) {
	w := newWorld(t, atEpoch)
	tokens, other := w.signIn(t), w.signIn(t)
	signOut := func(token string) error {
		_, err := w.aws.GlobalSignOut(context.Background(), &cip.GlobalSignOutInput{AccessToken: &token})
		return err
	}
	wantCode(t, "with an ID token", signOut(*tokens.IdToken), "NotAuthorizedException", "Invalid Access Token")
	scoped := must(w.pool.SignInWith(cognitotest.SignInOptions{ClientID: w.client.ID, Username: "ada", Scopes: []string{"openid"}}))
	wantCode(t, "without the scope", signOut(scoped.AccessToken), "NotAuthorizedException", "does not have required scopes")
	if err := signOut(*tokens.AccessToken); err != nil {
		t.Fatalf("GlobalSignOut: %v", err)
	}
	w.wantDead(t, tokens)
	w.wantDead(t, other)
	wantCode(t, "again", signOut(*tokens.AccessToken), "NotAuthorizedException", "Access Token has been revoked")
}

func TestDeletedUser(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	tokens := w.signIn(t)
	remove := func() error {
		_, err := w.aws.AdminDeleteUser(context.Background(), &cip.AdminDeleteUserInput{UserPoolId: new(w.pool.ID()), Username: &w.ada.Username})
		return err
	}
	if err := remove(); err != nil {
		t.Fatalf("AdminDeleteUser: %v", err)
	}
	wantCode(t, "again", remove(), "UserNotFoundException", "")
	wantCode(t, "GetUser", w.getUser(tokens.AccessToken), "UserNotFoundException", "")
	_, err := w.refresh(tokens.RefreshToken)
	wantCode(t, "refresh", err, "UserNotFoundException", "")
	again := must(w.pool.CreateUser(cognitotest.UserConfig{Username: "ada", Password: password}))
	if again.Subject == w.ada.Subject {
		t.Errorf("a user of the same name has the sub of the deleted one")
	}
	_, err = w.refresh(tokens.RefreshToken)
	wantCode(t, "refresh by the namesake", err, "UserNotFoundException", "")
}

func TestFederatedUser(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	user := must(w.pool.CreateUser(cognitotest.UserConfig{Username: "1234", Provider: "Google", Email: "g@example.com"}))
	if user.Username != "Google_1234" {
		t.Errorf("username %q, want Google_1234", user.Username)
	}
	tokens := must(w.pool.SignIn(w.client.ID, user.Username))
	_, c := verified(t, w.pool, tokens.IDToken)
	if ids, _ := c["identities"].([]any); len(ids) != 1 || ids[0].(map[string]any)["userId"] != "1234" {
		t.Errorf("identities %v, want one with userId 1234", c["identities"])
	}
	wantCode(t, "GetUser", w.getUser(&tokens.AccessToken), "NotAuthorizedException", "required scopes")
	wantError(t, "sign-out by sub", w.pool.SignOut(user.Subject), "UserNotFoundException")
	if err := w.pool.SignOut(user.Username); err != nil {
		t.Errorf("sign-out by username: %v", err)
	}
	wantError(t, "the token", w.srv.Check(tokens.AccessToken), "NotAuthorizedException")
}
