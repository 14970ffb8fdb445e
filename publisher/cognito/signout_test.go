package cognito_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// signedOut fails the test unless exactly the given tokens are refused.
func (w *world) signedOut(t *testing.T, want bool, tokens cognitotest.Tokens) {
	t.Helper()
	if got := w.srv.Check(tokens.AccessToken) != nil; got != want {
		t.Errorf("access token refused by Cognito: %t, want %t", got, want)
	}
}

func TestSignOutUser(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	local, federated := w.signIn(w.public), w.signInOAuth(w.grace.Username, "openid")
	for range 2 { // a repetition is harmless
		if err := w.pool.SignOutUser(t.Context(), w.ada.Subject); err != nil {
			t.Fatalf("SignOutUser of a local user: %v", err)
		}
	}
	w.signedOut(t, true, local)
	w.signedOut(t, false, federated)
	if calls := w.srv.Calls("ListUsers"); calls != 2 {
		t.Errorf("%d calls of ListUsers for two sign-outs, want 2", calls)
	}
	if err := w.pool.SignOutUser(t.Context(), w.grace.Subject); err != nil {
		t.Fatalf("SignOutUser of a federated user: %v", err)
	}
	w.signedOut(t, true, federated)
}

// Anybody may sign up with another user's sub as username. Cognito prefers
// the username, so sending the sub would sign out the wrong user.
func TestSignOutUserIsNotFooledByUsername(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for name, victim := range map[string]*cognitotest.User{"local": w.ada, "federated": w.grace} {
		t.Run(name, func(t *testing.T) {
			impostor := must(w.emulated.CreateUser(cognitotest.UserConfig{Username: victim.Subject}))
			hers := w.signInOAuth(victim.Username, "openid")
			theirs := w.signInOAuth(impostor.Username, "openid")
			if err := w.pool.SignOutUser(t.Context(), victim.Subject); err != nil {
				t.Fatalf("SignOutUser: %v", err)
			}
			w.signedOut(t, true, hers)
			w.signedOut(t, false, theirs)
		})
	}
}

func TestSignOutUserNotFound(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	must(w.emulated.CreateUser(cognitotest.UserConfig{Username: "impostor", Subject: "b"}))
	must(0, w.emulated.DeleteUser(w.ada.Username))
	for name, sub := range map[string]string{
		"never there":     "2f1d3c4b-0000-4000-8000-000000000000",
		"deleted":         w.ada.Subject,
		"only a username": "impostor",
		"quotation mark":  `a"="b`,
		"backslash":       `b\`,
		"both":            `\"="b`,
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, "SignOutUser", w.pool.SignOutUser(t.Context(), sub),
				publisher.CognitoError{Op: "ListUsers", Code: "UserNotFoundException", Err: publisher.ErrUserNotFound})
		})
	}
	if calls := w.srv.Calls("AdminUserGlobalSignOut"); calls != 0 {
		t.Errorf("%d sign-outs, want none", calls)
	}
}

func TestSignOutUserMalformed(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for _, sub := range []string{"", "a b", "a\n", "\x00", "\xff", strings.Repeat("x", 129)} {
		wantError(t, fmt.Sprintf("SignOutUser(%q)", sub), w.pool.SignOutUser(t.Context(), sub),
			publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: cognito.CodeMalformed})
	}
	if stats := w.pool.Stats(); stats.Attempts != 0 {
		t.Errorf("%d requests sent, want none", stats.Attempts)
	}
}

// The user found is gone when the sign-out arrives. It may be a stale search,
// so it is not proof that nobody is there; the next attempt will tell.
func TestSignOutUserDeletedMeanwhile(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	w.srv.Fail("AdminUserGlobalSignOut", cognitotest.Failure{Code: "UserNotFoundException", Count: 1})
	wantError(t, "SignOutUser", w.pool.SignOutUser(t.Context(), w.ada.Subject),
		publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "UserNotFoundException", Retry: true})
}

// Too many federated users to walk through: not found, but no proof either.
func TestSignOutUserUnproven(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for i := range 60*50 + 1 {
		must(w.emulated.CreateUser(cognitotest.UserConfig{Username: fmt.Sprintf("u%04d", i), Provider: "Google"}))
	}
	wantError(t, "SignOutUser", w.pool.SignOutUser(t.Context(), "nobody"),
		publisher.CognitoError{Op: "ListUsers", Code: publisher.CodeUnproven})
}
