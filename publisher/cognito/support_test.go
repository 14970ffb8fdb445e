package cognito_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// world is an emulator with one pool, clients of every sort, the local user
// ada and the federated user grace, and the adapter in front of it.
type world struct {
	srv      *cognitotest.Server
	emulated *cognitotest.Pool
	public   *cognitotest.Client
	vault    *cognitotest.Client // with a secret
	rotating *cognitotest.Client // with a secret
	bare     *cognitotest.Client // revocation off
	ada      *cognitotest.User
	grace    *cognitotest.User
	pool     *cognito.Pool
}

// newWorld starts an emulator. configure may change the adapter's
// configuration, which does not retry.
func newWorld(t *testing.T, emulator cognitotest.Config, configure ...func(*cognito.Config)) *world {
	t.Helper()
	srv := must(cognitotest.Start(emulator))
	t.Cleanup(srv.Close)
	w := &world{srv: srv, emulated: must(srv.CreatePool(cognitotest.PoolConfig{}))}
	create := func(c cognitotest.ClientConfig) *cognitotest.Client { return must(w.emulated.CreateClient(c)) }
	w.public = create(cognitotest.ClientConfig{CallbackURLs: []string{"https://app.example/callback"}})
	w.vault = create(cognitotest.ClientConfig{GenerateSecret: true})
	w.rotating = create(cognitotest.ClientConfig{GenerateSecret: true, RotateRefreshTokens: true})
	w.bare = create(cognitotest.ClientConfig{DisableTokenRevocation: true})
	w.ada = must(w.emulated.CreateUser(cognitotest.UserConfig{Username: "ada"}))
	w.grace = must(w.emulated.CreateUser(cognitotest.UserConfig{Username: "grace", Provider: "Google"}))
	w.pool = must(cognito.New(w.config(configure...)))
	return w
}

func (w *world) config(configure ...func(*cognito.Config)) cognito.Config {
	config := cognito.Config{
		PoolID:      w.emulated.ID(),
		AWS:         aws.Config{Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", "")},
		Endpoint:    w.srv.URL(),
		UserInfoURL: w.srv.URL() + "/oauth2/userInfo",
		Clients: []cognito.Client{
			{ID: w.vault.ID, Secret: w.vault.Secret},
			{ID: w.rotating.ID, Secret: w.rotating.Secret},
		},
		Limits:      unlimited,
		MaxAttempts: 1,
	}
	for _, change := range configure {
		change(&config)
	}
	return config
}

// unlimited keeps the limiter out of tests of something else.
var unlimited = cognito.Limits{
	UserToken: 1e6, UserUpdate: 1e6, UserList: 1e6, UserAuthentication: 1e6, UserRead: 1e6, UserPoolClientRead: 1e6,
}

// signIn starts a session of ada.
func (w *world) signIn(client *cognitotest.Client) cognitotest.Tokens {
	return must(w.emulated.SignIn(client.ID, w.ada.Username))
}

// signInOAuth starts a session as managed login does, whose access token has
// these scopes.
func (w *world) signInOAuth(username string, scopes ...string) cognitotest.Tokens {
	return must(w.emulated.SignInWith(cognitotest.SignInOptions{
		ClientID: w.public.ID, Username: username, Scopes: scopes,
	}))
}

// must unwraps the result of a set-up step that can't fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// wantError fails the test unless err is a CognitoError like want.
func wantError(t *testing.T, doing string, err error, want publisher.CognitoError) {
	t.Helper()
	got, ok := errors.AsType[*publisher.CognitoError](err)
	if !ok {
		t.Errorf("%s: error %v, want %+v", doing, err, want)
		return
	}
	if *got != want {
		t.Errorf("%s: error %+v, want %+v", doing, *got, want)
	}
}
