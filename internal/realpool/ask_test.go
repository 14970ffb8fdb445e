package realpool_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/realpool"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

const password = "Correct-horse-battery-1"

// world is a pool with a test user.
func world(t *testing.T, config cognitotest.ClientConfig) (*cognitotest.Server, *cognitotest.Pool, realpool.User) {
	t.Helper()
	srv, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	pool, err := srv.CreatePool(cognitotest.PoolConfig{ID: "eu-west-1_RealPool1"})
	if err != nil {
		t.Fatal(err)
	}
	config.Name = "tested"
	client, err := pool.CreateClient(config)
	if err != nil {
		t.Fatal(err)
	}
	other, err := pool.CreateClient(cognitotest.ClientConfig{Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.CreateUser(cognitotest.UserConfig{Username: "tester", Password: password}); err != nil {
		t.Fatal(err)
	}
	return srv, pool, realpool.User{
		Pool: pool.ID(), ClientID: client.ID, ClientSecret: client.Secret, Username: "tester", Password: password,
		OtherClientID: other.ID, Endpoint: srv.URL(),
	}
}

// ask returns a line for each answer.
func ask(t *testing.T, user realpool.User) []string {
	t.Helper()
	answers, err := realpool.Ask(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, a := range answers {
		if a.Question == "" || a.Answer == "" || a.Means == "" {
			t.Errorf("an answer is incomplete: %+v", a)
		}
		lines = append(lines, fmt.Sprintf("%s: %s: %s", a.Verdict, a.Question, a.Answer))
	}
	text := strings.Join(lines, "\n")
	t.Log(text)
	for _, secret := range []string{password, "eyJ", user.Username} {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("an answer has %q", secret)
		}
	}
	return lines
}

func want(t *testing.T, lines []string, starts ...string) {
	t.Helper()
next:
	for _, start := range starts {
		for _, line := range lines {
			if strings.HasPrefix(line, start) {
				continue next
			}
		}
		t.Errorf("no answer begins with %q", start)
	}
}

func TestClientThatRotates(t *testing.T) {
	t.Parallel()
	_, _, user := world(t, cognitotest.ClientConfig{RotateRefreshTokens: true, GenerateSecret: true})
	want(t, ask(t, user),
		"ok: issuer host of the pool's tokens: https://cognito-idp.eu-west-1",
		"ok: Date header versus iat: iat is ",
		"ok: origin_jti across refresh and rotation: it stays over a refresh that rotated",
		"ok: auth_time across refresh: it stays",
		"ok: RevokeToken with a token that means nothing: ",
		"ok: RevokeToken with a token of another app client: ",
		"ok: RevokeToken on a refresh token that was rotated: ",
		"ok: GetUser with an access token whose session was revoked: NotAuthorizedException",
		"ok: second RevokeToken",
		"not asked: claims of machine-to-machine tokens",
		"not asked: tokens after AdminDeleteUser",
		"not asked: shape and delay of CloudTrail",
		"not asked: HTTP status of TooManyRequestsException",
	)
}

func TestClientThatDoesNotRotate(t *testing.T) {
	t.Parallel()
	_, _, user := world(t, cognitotest.ClientConfig{})
	user.OtherClientID = ""
	want(t, ask(t, user),
		"ok: origin_jti across refresh and rotation: it stays over a refresh; the app client does not rotate",
		"not asked: RevokeToken with a token of another app client",
		"not asked: RevokeToken on a refresh token that was rotated",
		"ok: RevokeToken with the newest refresh token: success",
		"ok: GetUser with an access token whose session was revoked: NotAuthorizedException (HTTP status 400)",
		"ok: second RevokeToken with the same token: success",
	)
}

// A pool against our rules is told apart from one that is as they assume.
func TestClientWithoutRevocation(t *testing.T) {
	t.Parallel()
	_, _, user := world(t, cognitotest.ClientConfig{DisableTokenRevocation: true})
	want(t, ask(t, user),
		"differs: origin_jti across refresh and rotation: the token has no origin_jti",
		"differs: RevokeToken with the newest refresh token: UnsupportedOperationException",
		"not asked: second RevokeToken",
	)
}

// With a refresh token alone there is no password to give away.
func TestGivenARefreshToken(t *testing.T) {
	t.Parallel()
	_, pool, user := world(t, cognitotest.ClientConfig{})
	signedIn, err := pool.SignIn(user.ClientID, user.Username)
	if err != nil {
		t.Fatal(err)
	}
	user.Username, user.Password, user.RefreshToken = "", "", signedIn.RefreshToken
	want(t, ask(t, user), "ok: origin_jti", "ok: second RevokeToken")
}

func TestWrongUsers(t *testing.T) {
	t.Parallel()
	srv, _, good := world(t, cognitotest.ClientConfig{})
	for name, tt := range map[string]struct {
		edit func(*realpool.User)
		text string
	}{
		"no pool":        {func(u *realpool.User) { u.Pool = "x" }, "pool"},
		"no client":      {func(u *realpool.User) { u.ClientID = "" }, "client_id"},
		"no credential":  {func(u *realpool.User) { u.Password = "" }, "password"},
		"two of them":    {func(u *realpool.User) { u.RefreshToken = "a" }, "keep one"},
		"plain http":     {func(u *realpool.User) { u.Endpoint = "http://example.com" }, "unencrypted"},
		"wrong password": {func(u *realpool.User) { u.Password = "Wrong-horse-battery-2" }, "NotAuthorizedException"},
	} {
		user := good
		tt.edit(&user)
		answers, err := realpool.Ask(t.Context(), user)
		if err == nil || answers != nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: answers %v, error %v, want one with %q", name, answers, err, tt.text)
		}
		if err != nil && user.Password != "" && strings.Contains(err.Error(), user.Password) {
			t.Errorf("%s: the error has the password", name)
		}
	}
	srv.Close()
	if _, err := realpool.Ask(t.Context(), good); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("without Cognito: %v", err)
	}
}
