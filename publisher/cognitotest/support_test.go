package cognitotest_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// world is an emulator with one pool, a public and a confidential client,
// the user ada, and an unmodified AWS SDK that talks to it.
type world struct {
	srv    *cognitotest.Server
	pool   *cognitotest.Pool
	client *cognitotest.Client // public
	vault  *cognitotest.Client // confidential
	ada    *cognitotest.User
	aws    *cip.Client
}

const password = "Correct-Horse-1"

// epoch is where manual clocks start.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// atEpoch is an emulator whose clock stands still until Advance.
var atEpoch = cognitotest.Config{Clock: func() time.Time { return epoch }}

func newWorld(t *testing.T, config cognitotest.Config) *world {
	t.Helper()
	srv := must(cognitotest.Start(config))
	t.Cleanup(srv.Close)
	w := &world{srv: srv}
	w.pool = must(srv.CreatePool(cognitotest.PoolConfig{}))
	w.client = must(w.pool.CreateClient(cognitotest.ClientConfig{CallbackURLs: []string{"https://app.example/callback"}}))
	w.vault = must(w.pool.CreateClient(cognitotest.ClientConfig{GenerateSecret: true}))
	w.ada = must(w.pool.CreateUser(cognitotest.UserConfig{
		Username: "ada", Password: password, Email: "ada@example.com", Groups: []string{"admins"},
	}))
	w.aws = newSDK(srv.URL())
	return w
}

// newSDK is the AWS client as an application makes it, but without retries.
func newSDK(url string) *cip.Client {
	return cip.New(cip.Options{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer:      aws.NopRetryer{},
	})
}

// must unwraps the result of a set-up step that can't fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// signIn signs ada in by the SDK.
func (w *world) signIn(t *testing.T) *types.AuthenticationResultType {
	t.Helper()
	out, err := w.aws.InitiateAuth(context.Background(), &cip.InitiateAuthInput{
		AuthFlow:       types.AuthFlowTypeUserPasswordAuth,
		ClientId:       &w.client.ID,
		AuthParameters: map[string]string{"USERNAME": "ada", "PASSWORD": password},
	})
	if err != nil {
		t.Fatalf("InitiateAuth: %v", err)
	}
	return out.AuthenticationResult
}

// refresh uses REFRESH_TOKEN_AUTH.
func (w *world) refresh(refreshToken *string) (*types.AuthenticationResultType, error) {
	out, err := w.aws.InitiateAuth(context.Background(), &cip.InitiateAuthInput{
		AuthFlow:       types.AuthFlowTypeRefreshTokenAuth,
		ClientId:       &w.client.ID,
		AuthParameters: map[string]string{"REFRESH_TOKEN": *refreshToken},
	})
	if err != nil {
		return nil, err
	}
	return out.AuthenticationResult, nil
}

func (w *world) getUser(accessToken *string) error {
	_, err := w.aws.GetUser(context.Background(), &cip.GetUserInput{AccessToken: accessToken})
	return err
}

func (w *world) revoke(refreshToken *string) error {
	_, err := w.aws.RevokeToken(context.Background(), &cip.RevokeTokenInput{Token: refreshToken, ClientId: &w.client.ID})
	return err
}

// wantCode fails the test unless err is an API error with that code and a
// message that contains text.
func wantCode(t *testing.T, doing string, err error, code, text string) {
	t.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("%s: error %v, want %s with %q", doing, err, code, text)
	}
}

type claims map[string]any

// verified checks a token against the pool's published keys and returns its
// key id and claims.
func verified(t *testing.T, pool *cognitotest.Pool, token string) (string, claims) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts, want 3", len(parts))
	}
	var header struct{ Kid, Alg string }
	decodePart(t, parts[0], &header)
	var set struct {
		Keys []struct{ Kid, N, E, Alg, Kty, Use string }
	}
	getJSON(t, pool.JWKSURL(), &set)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for _, k := range set.Keys {
		if k.Kid != header.Kid {
			continue
		}
		key := &rsa.PublicKey{N: bigInt(t, k.N), E: int(bigInt(t, k.E).Int64())}
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], unbase64(t, parts[2])); err != nil {
			t.Fatalf("verifying with key %s: %v", k.Kid, err)
		}
		var c claims
		decodePart(t, parts[1], &c)
		return header.Kid, c
	}
	t.Fatalf("key %s is not among the %d of %s", header.Kid, len(set.Keys), pool.JWKSURL())
	return "", nil
}

func decodePart(t *testing.T, part string, into any) {
	t.Helper()
	if err := json.Unmarshal(unbase64(t, part), into); err != nil {
		t.Fatalf("decoding %q: %v", part, err)
	}
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatalf("decoding %q: %v", s, err)
	}
	return b
}

func bigInt(t *testing.T, s string) *big.Int {
	t.Helper()
	return new(big.Int).SetBytes(unbase64(t, s))
}

func getJSON(t *testing.T, url string, into any) {
	t.Helper()
	resp, body := do(t, must(http.NewRequest(http.MethodGet, url, nil)))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", url, resp.Status)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
}

// do sends a request without following redirects.
func do(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	return resp, readAll(t, resp.Body)
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading the body: %v", err)
	}
	return string(b)
}

// wantError is wantCode for errors of the Go API.
func wantError(t *testing.T, doing string, err error, code string) {
	t.Helper()
	refusal, ok := errors.AsType[*cognitotest.Error](err)
	if !ok || refusal.Code != code {
		t.Errorf("%s: error %v, want %s", doing, err, code)
	}
}
