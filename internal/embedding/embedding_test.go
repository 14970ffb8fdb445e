package embedding_test

import (
	"context"
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
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/embedding"
	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// Every way of embedding serves a valid token, refuses a request without one,
// and refuses the token once its session is revoked.
func TestEmbedding(t *testing.T) {
	gin.SetMode(gin.TestMode)
	w := newWorld(t)
	for name, handler := range map[string]http.Handler{
		"net/http":   embedding.NetHTTP(w.auth),
		"chi":        embedding.Chi(w.auth),
		"gin":        embedding.Gin(w.auth),
		"echo":       embedding.Echo(w.auth),
		"golang-jwt": embedding.GolangJWT(jwt.NewParser(jwt.WithValidMethods([]string{"RS256"})), w.key, w.deny),
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := w.pool.SignIn(w.client, w.user.Username)
			if err != nil {
				t.Fatal(err)
			}
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
			check("valid token", tokens.AccessToken, 200, "orders of "+w.user.Subject)
			check("no token", "", 401, "")
			w.revoke(t, tokens.AccessToken)
			check("revoked session", tokens.AccessToken, 401, "")
		})
	}
}

// world is a stream, a user pool and a node's denylist.
type world struct {
	pool   *cognitotest.Pool
	client string
	user   *cognitotest.User
	bus    *publisher.NATSBus
	deny   *subscriber.Subscriber
	valid  *validator.Validator
	auth   *httpauth.Auth
}

func newWorld(t *testing.T) *world {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	srv, err := cognitotest.Start(cognitotest.Config{})
	must(err)
	t.Cleanup(func() { srv.Close() })
	w := &world{}
	w.pool, err = srv.CreatePool(cognitotest.PoolConfig{})
	must(err)
	client, err := w.pool.CreateClient(cognitotest.ClientConfig{})
	must(err)
	w.client = client.ID
	w.user, err = w.pool.CreateUser(cognitotest.UserConfig{Username: "jane"})
	must(err)

	broker := natsdev.Run(t)
	nc, err := nats.Connect(broker.URL())
	must(err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(err)
	names, err := stream.NewNames("")
	must(err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	info, err := stream.Provision(ctx, js, stream.Settings{Names: names})
	must(err)
	w.bus, err = publisher.NewNATSBus(nc, "")
	must(err)
	beat := revocation.Message{Beat: &revocation.Beat{ServiceID: "test", Epoch: info.Epoch, Version: revocation.WireVersion}}
	must(w.bus.AppendBeat(ctx, beat.Encode(), time.Hour))

	w.deny, err = subscriber.Open(ctx, subscriber.Config{Servers: broker.URL(), Service: "orders"})
	must(err)
	t.Cleanup(func() { w.deny.Close() })
	w.valid, err = validator.New(validator.Config{
		Pools:    []validator.Pool{{ID: w.pool.ID(), ClientIDs: []string{w.client}, JWKSURL: w.pool.JWKSURL()}},
		Denylist: w.deny,
	})
	must(err)
	t.Cleanup(func() { w.valid.Close() })
	must(w.valid.WaitForKeys(ctx))
	w.auth, err = httpauth.New(httpauth.Config{Validator: w.valid})
	must(err)
	return w
}

// revoke ends the session of a token, and waits until the node enforces it.
func (w *world) revoke(t *testing.T, accessToken string) {
	t.Helper()
	tok, err := w.valid.Validate(t.Context(), accessToken)
	if err != nil {
		t.Fatal(err)
	}
	act := revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Add(time.Hour).Unix(),
		Target: revocation.Target{Kind: revocation.KindSession, Pool: w.pool.ID(), ID: tok.Token().OriginJTI},
	}
	m := revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{act}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := w.bus.AppendAct(ctx, m.Encode(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := w.deny.AwaitEnforced(ctx, act); err != nil {
		t.Fatal(err)
	}
}

// key finds the key of a token in the pool's JWKS.
func (w *world) key(token *jwt.Token) (any, error) {
	resp, err := http.Get(w.pool.JWKSURL())
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
