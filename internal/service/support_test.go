package service_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/safebuf"
	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

const (
	apiKey  = "test-key-0123456789"
	sealKey = "5ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea1"
	bounded = 20 * time.Second // longest wait for any condition
)

// bench is everything that a test of the whole service needs.
type bench struct {
	t       *testing.T
	nats    *natsdev.Server
	cognito *cognitotest.Server
	demo    cognitotest.DemoPool
	svc     *service.Service
	node    *subscriber.Subscriber // an API node's
	log     safebuf.Buffer         // the service's
	secrets []string               // what must not be in it
}

// newBench has NATS, Cognito, the service and a node running.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := newStoppedBench(t)
	b.provision()
	b.start(b.config())
	b.awaitReady()
	b.openNode()
	return b
}

// newStoppedBench has NATS without a stream and Cognito running.
func newStoppedBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		t: t, nats: natsdev.Run(t),
		secrets: []string{apiKey, sealKey, cognitotest.DemoClientSecret, cognitotest.DemoPassword},
	}
	b.startCognito()
	// Whatever a test does, nothing of this reaches the log.
	t.Cleanup(func() {
		for _, s := range append(b.secrets, "@example") {
			if strings.Contains(b.log.String(), s) {
				t.Errorf("the log contains %q", s)
			}
		}
		// As a word: ids in hexadecimal end like that now and then.
		if name := regexp.MustCompile(`\b` + b.demo.Ada.Username + `\b`); name.MatchString(b.log.String()) {
			t.Errorf("the log contains the name of a user")
		}
	})
	return b
}

func (b *bench) startCognito() {
	b.t.Helper()
	srv, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(srv.Close)
	b.cognito = srv
	if b.demo, err = srv.SeedDemo(); err != nil {
		b.t.Fatal(err)
	}
}

// jetStream returns a connection of an administrator, and the names of streams.
func (b *bench) jetStream() (jetstream.JetStream, stream.Names) {
	b.t.Helper()
	nc, err := nats.Connect(b.nats.URL())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.t.Fatal(err)
	}
	names, err := stream.NewNames("")
	if err != nil {
		b.t.Fatal(err)
	}
	return js, names
}

func (b *bench) provision() {
	b.t.Helper()
	js, names := b.jetStream()
	if _, err := stream.Provision(b.t.Context(), js, stream.Settings{Names: names}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) config() service.Config {
	cfg := service.Default()
	cfg.PublicAddr, cfg.AdminAddr, cfg.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.APIKey = apiKey
	cfg.SealKeys = sealKey
	cfg.ServiceID = "revoked-1"
	cfg.CognitoWait = 5 * time.Second
	cfg.CORSOrigins = []string{"https://app.example.com"}
	cfg.NATS.URL = b.nats.URL()
	cfg.Logger = zerolog.New(io.MultiWriter(&b.log, zerolog.NewTestWriter(b.t)))
	cfg.Pools = []service.Pool{{
		ID: b.demo.Pool.ID(), Endpoint: b.cognito.URL(), JWKSURL: b.demo.Pool.JWKSURL(),
		Clients: []service.Client{
			{ID: b.demo.Client.ID},
			{ID: b.demo.Vault.ID, Secret: service.Secret(b.demo.Vault.Secret)},
		},
	}}
	return cfg
}

func (b *bench) start(cfg service.Config) {
	b.t.Helper()
	svc, err := service.Start(b.t.Context(), cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := svc.Close(); err != nil {
			b.t.Errorf("Close: %v", err)
		}
	})
	b.svc = svc
}

func (b *bench) awaitReady() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), bounded)
	defer cancel()
	if err := b.svc.WaitReady(ctx); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) openNode() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), bounded)
	defer cancel()
	node, err := subscriber.Open(ctx, subscriber.Config{Servers: b.nats.URL(), Service: "orders", Node: "orders-1"})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { node.Close() })
	b.node = node
}

func (b *bench) signIn(client *cognitotest.Client, user *cognitotest.User) cognitotest.Tokens {
	b.t.Helper()
	tokens, err := b.demo.Pool.SignIn(client.ID, user.Username)
	if err != nil {
		b.t.Fatal(err)
	}
	b.secrets = append(b.secrets, tokens.AccessToken, tokens.IDToken, tokens.RefreshToken)
	return tokens
}

// claimsOf reads a token of the emulator without verifying it.
func claimsOf(t *testing.T, token string) revocation.Token {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	claims := map[string]any{}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	tok, err := revocation.TokenFromClaims(claims)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// awaitRefused waits until the node refuses the token.
func (b *bench) awaitRefused(t *testing.T, token string) {
	t.Helper()
	tok := claimsOf(t, token)
	waitFor(t, "the node to refuse the token", func() bool {
		return errors.Is(b.node.Check(tok), revocation.ErrRevoked)
	})
}

// accepts fails the test if the node refuses the token.
func (b *bench) accepts(t *testing.T, token string) {
	t.Helper()
	if err := b.node.Check(claimsOf(t, token)); err != nil {
		t.Errorf("the node refuses the token: %v", err)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(bounded)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", bounded, what)
		}
		<-again.C
	}
}

// answer of an HTTP request.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %v %s", a.status, a.header, a.body) }

func (b *bench) do(req *http.Request) answer {
	b.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// oauthRevoke posts a form; secret "" sends no Authorization.
func (b *bench) oauthRevoke(client, secret string, form url.Values) answer {
	b.t.Helper()
	form.Set("client_id", client)
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.svc.PublicURL()+"/oauth2/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		req.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	}
	return b.do(req)
}

// admin sends a request with the API key and decodes the answer.
func (b *bench) admin(method, path string, body, out any) answer {
	b.t.Helper()
	return b.adminAs(apiKey, method, path, body, out)
}

// adminAs likewise with another key or token.
func (b *bench) adminAs(credential, method, path string, body, out any) answer {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.svc.AdminURL()+path, strings.NewReader(string(text)))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+credential)
	a := b.do(req)
	if out != nil {
		if err := json.Unmarshal([]byte(a.body), out); err != nil {
			b.t.Fatalf("%v: %v", err, a)
		}
	}
	return a
}

func (b *bench) get(base, path string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req)
}
