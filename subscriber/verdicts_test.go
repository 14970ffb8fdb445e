package subscriber

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/verdicts"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"          //nolint:depguard // the test puts the two together, as a service does
	"github.com/seed-4e8dee1b/revoked/validator/httpauth" //nolint:depguard // likewise
)

// The whole of a node agrees with docs/verdicts.md: acts come over the stream,
// a signed token over HTTP. Check and the middleware are asked about the same
// token at the same moment.
func TestVerdictsOfCheckAndTheMiddleware(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range verdicts.Table() {
		for _, c := range s.Cases {
			t.Run(s.Title+"/"+c.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(time.Unix(verdicts.T-1, 0)))
					w := newWorld(t)
					for _, a := range c.Acts {
						w.send(w.storeAct(a))
					}
					w.pass(time.Second) // to T, with a tick
					checkVerdict(t, w.s, c)
					checkAnswer(t, w.s, c, key)
				})
			})
		}
	}
}

// checkVerdict asks Check.
func checkVerdict(t *testing.T, s *Subscriber, c verdicts.Case) {
	t.Helper()
	tok, err := c.Read()
	if c.Malformed != "" {
		if !errors.Is(err, revocation.ErrMalformed) {
			t.Errorf("TokenFromClaims(%s) = %v, want ErrMalformed", c.JSON(), err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	err = s.Check(tok)
	refused, ok := errors.AsType[*revocation.RevokedError](err)
	switch {
	case c.RefusedBy == "" && err != nil:
		t.Errorf("Check(%s) = %v, want nil", c.JSON(), err)
	case c.RefusedBy != "" && (!ok || !strings.Contains(c.RefusedBy, verdicts.Label(refused.Act))):
		t.Errorf("Check(%s) = %v, want ErrRevoked by one of %q", c.JSON(), err, c.RefusedBy)
	}
}

// checkAnswer asks the middleware.
func checkAnswer(t *testing.T, s *Subscriber, c verdicts.Case, key *rsa.PrivateKey) {
	t.Helper()
	cfg := validator.Config{Denylist: s, Transport: keyServer{&key.PublicKey}}
	for _, id := range verdicts.Pools() {
		pool := validator.Pool{ID: id, AnyClient: true, TokenUses: []validator.TokenUse{validator.AccessToken, validator.IDToken}}
		for _, iss := range verdicts.Issuers() {
			if iss.Pool == id {
				pool.Issuers, pool.JWKSURL = append(pool.Issuers, iss.URL), iss.URL+"/keys"
			}
		}
		cfg.Pools = append(cfg.Pools, pool)
	}
	v, err := validator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	// The pools share a key: one that lacks it yet would make it another's.
	if err := v.WaitForKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	auth, err := httpauth.New(httpauth.Config{Validator: v})
	if err != nil {
		t.Fatal(err)
	}
	served := false
	handler := auth.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }))
	// The second time the validator knows the token.
	for range 2 {
		served = false
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+sign(t, c.JSON(), key))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		want := http.StatusUnauthorized
		if c.Accepted() && c.Strict == "" {
			want = http.StatusOK
		}
		challenge := answer.Header().Get("WWW-Authenticate")
		if answer.Code != want || served != (want == http.StatusOK) || !served && !strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("the middleware answers %d %q to %s, served %v; want %d", answer.Code, challenge, c.JSON(), served, want)
		}
	}
}

// sign makes a JWT of a payload (RFC 7515, section 7.1).
func sign(t *testing.T, payload []byte, key *rsa.PrivateKey) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","kid":"a"}`)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

// keyServer answers every key request with one key.
type keyServer struct{ key *rsa.PublicKey }

func (s keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	jwks := `{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"a","e":"AQAB","n":"` +
		base64.RawURLEncoding.EncodeToString(s.key.N.Bytes()) + `"}]}`
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(jwks)), Request: r}, nil
}
