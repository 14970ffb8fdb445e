package validator_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

const (
	poolID   = "eu-west-1_AbC123"
	poolIss  = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123"
	jwksURL  = poolIss + "/.well-known/jwks.json"
	clientID = "client-1"
)

// Keys are generated once: under the race detector each takes a while.
var (
	keyA = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	keyB = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
)

func newKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// claims returns those of a fresh access token, with changes on top; a nil
// value removes the claim.
func claims(changes map[string]any) map[string]any {
	now := time.Now().Unix()
	return change(map[string]any{
		"iss": poolIss, "sub": "user-1", "token_use": "access", "client_id": clientID,
		"scope": "openid orders/read", "jti": "jti-1", "origin_jti": "session-1",
		"username": "jane", "cognito:groups": []string{"staff", "night"}, "version": 2,
		"auth_time": now, "iat": now, "exp": now + 3600,
	}, changes)
}

// idClaims returns those of a fresh ID token.
func idClaims(changes map[string]any) map[string]any {
	return change(claims(map[string]any{
		"token_use": "id", "aud": clientID, "cognito:username": "jane-id",
		"client_id": nil, "scope": nil, "username": nil, "version": nil,
	}), changes)
}

func change(m, changes map[string]any) map[string]any {
	maps.Copy(m, changes)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

// mint signs claims as Cognito does.
func mint(key *rsa.PrivateKey, kid string, claims map[string]any) string {
	return sign(key, mustJSON(map[string]any{"alg": "RS256", "kid": kid}), mustJSON(claims))
}

// sign makes a token of any header and payload, with a valid RS256 signature.
func sign(key *rsa.PrivateKey, header, payload []byte) string {
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(rs256(key, input))
}

func rs256(key *rsa.PrivateKey, input string) []byte {
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return signature
}

// jwk returns a key as Cognito publishes it, with changes on top.
func jwk(key *rsa.PrivateKey, kid string, changes map[string]any) map[string]any {
	return change(map[string]any{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}, changes)
}

func jwks(keys ...map[string]any) string {
	return string(mustJSON(map[string]any{"keys": keys}))
}

// cognito is a fake transport: it answers key requests without a network, so
// that it works inside of a synctest bubble.
type cognito struct {
	mu     sync.Mutex // guards the fields below
	docs   map[string]string
	status int           // 0 means 200
	err    error         // instead of an answer
	cut    bool          // the connection breaks in the middle of the answer
	delay  time.Duration // before the answer; cut short by the request's context
	linger time.Duration // after the request's context ended
	asked  []time.Time   // one for each request
	open   int           // answers whose body was not closed
}

func publish(doc string) *cognito {
	return &cognito{docs: map[string]string{jwksURL: doc}}
}

func (c *cognito) set(change func(*cognito)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *cognito) requests() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Time(nil), c.asked...)
}

func (c *cognito) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.asked = append(c.asked, time.Now())
	doc, found := c.docs[r.URL.String()]
	status, err, delay, linger, cut := c.status, c.err, c.delay, c.linger, c.cut
	c.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		time.Sleep(linger)
		return nil, r.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	if status == 0 {
		status = http.StatusOK
	}
	if !found {
		status = http.StatusNotFound
	}
	header := http.Header{"Location": {"https://elsewhere.example/keys"}}
	var body io.Reader = strings.NewReader(doc)
	if cut {
		body = io.MultiReader(body, iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	c.set(func(c *cognito) { c.open++ })
	return &http.Response{StatusCode: status, Header: header, Body: answerBody{body, c}, Request: r}, nil
}

type answerBody struct {
	io.Reader
	from *cognito
}

func (b answerBody) Close() error {
	b.from.set(func(c *cognito) { c.open-- })
	return nil
}

// denylist answers every Check with err, and keeps what it was asked.
type denylist struct {
	mu    sync.Mutex
	err   error
	asked []revocation.Token
}

func (d *denylist) Check(tok revocation.Token) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, tok)
	return d.err
}

// config returns a configuration with one pool whose kid "a" is keyA, and
// without a network.
func config() validator.Config {
	return validator.Config{
		Pools:     []validator.Pool{{ID: poolID, ClientIDs: []string{clientID}}},
		Denylist:  &denylist{},
		Transport: publish(jwks(jwk(keyA(), "a", nil))),
	}
}

// open returns a validator that is closed when the test ends.
func open(t testing.TB, cfg validator.Config) *validator.Validator {
	t.Helper()
	v, err := validator.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(v.Close)
	return v
}

// want validates token and compares the reason. It also checks what holds for
// every outcome: the class of the error, and when there is a token.
func want(t *testing.T, v *validator.Validator, token string, reason validator.Reason) *validator.Verified {
	t.Helper()
	tok, err := v.Validate(context.Background(), token)
	if got := validator.ReasonOf(err); got != reason {
		t.Fatalf("Validate = %v (%v), want %v\ntoken: %.300q", got, err, reason, token)
	}
	if hasToken := reason == validator.ReasonOK || reason == validator.ReasonStale; (tok != nil) != hasToken {
		t.Fatalf("Validate with %v returned token %v, want one: %v", reason, tok, hasToken)
	}
	classes := map[string]bool{
		"ErrInvalidToken":      errors.Is(err, validator.ErrInvalidToken),
		"ErrInsufficientScope": errors.Is(err, validator.ErrInsufficientScope),
		"ErrNoKeys":            errors.Is(err, validator.ErrNoKeys),
		"ErrStale":             errors.Is(err, revocation.ErrStale),
	}
	maps.DeleteFunc(classes, func(_ string, is bool) bool { return !is })
	class := "ErrInvalidToken"
	switch reason {
	case validator.ReasonMissingScope:
		class = "ErrInsufficientScope"
	case validator.ReasonNoKeys:
		class = "ErrNoKeys"
	case validator.ReasonStale:
		class = "ErrStale"
	case validator.ReasonOK:
		class = ""
	}
	if class == "" && len(classes) > 0 || class != "" && (len(classes) != 1 || !classes[class]) {
		t.Fatalf("error of %v wraps %v, want %q", reason, classes, class)
	}
	return tok
}
