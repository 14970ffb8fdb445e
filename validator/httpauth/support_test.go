package httpauth_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

var key = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// mint returns a fresh access token, with changes to its claims.
func mint(changes map[string]any) string {
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123", "sub": "user-1", "token_use": "access",
		"client_id": "client-1", "scope": "openid", "jti": "jti-1", "origin_jti": "session-1", "iat": now, "exp": now + 3600,
	}
	maps.Copy(claims, changes)
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	input := b64([]byte(`{"alg":"RS256","kid":"a"}`)) + "." + b64(payload)
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, key(), crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return input + "." + b64(signature)
}

// keyServer answers every key request with itself.
type keyServer string

func (s keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(s))), Request: r}, nil
}

func keys() keyServer {
	return keyServer(`{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"a","e":"AQAB","n":"` + b64(key().N.Bytes()) + `"}]}`)
}

// answer is a denylist that always answers the same.
type answer struct{ err error }

func (a answer) Check(revocation.Token) error { return a.err }

// newValidator returns a validator whose denylist answers deny, with a change
// to its configuration that may be nil.
func newValidator(t testing.TB, deny error, change func(*validator.Config)) *validator.Validator {
	t.Helper()
	cfg := validator.Config{
		Pools:     []validator.Pool{{ID: "eu-west-1_AbC123", ClientIDs: []string{"client-1"}}},
		Denylist:  answer{deny},
		Transport: keys(),
	}
	if change != nil {
		change(&cfg)
	}
	v, err := validator.New(cfg)
	if err != nil {
		t.Fatalf("validator.New: %v", err)
	}
	t.Cleanup(v.Close)
	return v
}
