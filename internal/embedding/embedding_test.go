package embedding_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-4e8dee1b/revoked/internal/embedding"
	"github.com/seed-4e8dee1b/revoked/internal/testbed"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// Every way of embedding serves a valid token, refuses a request without one,
// and refuses the token once its session is revoked.
func TestEmbedding(t *testing.T) {
	gin.SetMode(gin.TestMode)
	bed := testbed.New(t, subscriber.Config{})
	auth, err := httpauth.New(httpauth.Config{Validator: bed.Validator})
	if err != nil {
		t.Fatal(err)
	}
	keys := func(token *jwt.Token) (any, error) { return key(bed.Pool.JWKSURL(), token) }
	for name, handler := range map[string]http.Handler{
		"net/http":   embedding.NetHTTP(auth),
		"chi":        embedding.Chi(auth),
		"gin":        embedding.Gin(auth),
		"echo":       embedding.Echo(auth),
		"golang-jwt": embedding.GolangJWT(jwt.NewParser(jwt.WithValidMethods([]string{"RS256"})), keys, bed.Denylist),
	} {
		t.Run(name, func(t *testing.T) {
			session := bed.SignIn(t)
			check := func(what, token string, status int, body string) {
				t.Helper()
				r := httptest.NewRequest(http.MethodGet, "/orders", nil)
				if token != "" {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				rec := httptest.NewRecorder()
				handler.ServeHTTP(rec, r)
				if rec.Code != status || body != "" && rec.Body.String() != body || status != 200 && strings.Contains(rec.Body.String(), "orders of") {
					t.Errorf("%s: %d %q, want %d %q", what, rec.Code, rec.Body, status, body)
				}
			}
			check("valid token", session, 200, "orders of "+bed.User.Subject)
			check("no token", "", 401, "")
			bed.RevokeSession(t, bed.Claims(t, session))
			check("revoked session", session, 401, "")
		})
	}
}

// key finds the key of a token in the pool's JWKS.
func key(jwksURL string, token *jwt.Token) (any, error) {
	resp, err := http.Get(jwksURL)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct{ Kid, N string }
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	for _, k := range set.Keys {
		if k.Kid == token.Header["kid"] {
			n, err := base64.RawURLEncoding.DecodeString(k.N)
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}, err
		}
	}
	return nil, errors.New("no such key")
}

// Every Go block of docs/embedding.md stands, line by line, between two markers
// of a file that compiles, and every marked piece is shown.
func TestGoBlocksAreCompiledCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/embedding.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(page, -1) {
		shown[string(m[1])] = false
	}
	pieces := 0
	for _, name := range []string{"nethttp.go", "chi.go", "gin.go", "echo.go", "golangjwt.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?s)// docs: ([a-z/ -]+)\n(.*?)\t?// docs: end`).FindAllSubmatch(source, -1) {
			pieces++
			code := strings.TrimSpace(strings.ReplaceAll("\n"+string(m[2]), "\n\t", "\n")) + "\n"
			if string(m[1]) == "gin adapter" {
				code = strings.TrimSpace(string(m[2])) + "\n"
			}
			if _, ok := shown[code]; !ok {
				t.Errorf("%s: the code of %q is not in docs/embedding.md:\n%s", name, m[1], code)
			}
			shown[code] = true
		}
	}
	if pieces == 0 {
		t.Error("no marked code found")
	}
	for block, compiled := range shown {
		if !compiled {
			t.Errorf("this block of docs/embedding.md is in no compiled file:\n%s", block)
		}
	}
}
