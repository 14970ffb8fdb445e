package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/realpool"
	"github.com/seed-4e8dee1b/revoked/internal/scripttest"
	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

const (
	adminKey    = "key-of-an-admin-0001"
	operatorKey = "key-of-an-operator-1"
	viewerKey   = "key-of-a-viewer-0001"
	bounded     = 30 * time.Second // longest wait for any condition
)

// realService is the revoke service with what it needs, and an API node.
type realService struct {
	demo    cognitotest.DemoPool
	cognito string // URL
	svc     *service.Service
	node    *subscriber.Subscriber
}

func startRealService(t *testing.T) *realService {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	srv := natsdev.Run(t)
	nc, err := nats.Connect(srv.URL())
	must(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(err)
	names, err := stream.NewNames("")
	must(err)
	_, err = stream.Provision(t.Context(), js, stream.Settings{Names: names})
	must(err)
	must(stream.ProvisionOwn(t.Context(), js, stream.Settings{Names: names}))

	cognito, err := cognitotest.Start(cognitotest.Config{})
	must(err)
	t.Cleanup(cognito.Close)
	r := &realService{cognito: cognito.URL()}
	r.demo, err = cognito.SeedDemo()
	must(err)

	hash := func(key string) service.KeyHash {
		sum := sha256.Sum256([]byte(key))
		return service.KeyHash(hex.EncodeToString(sum[:]))
	}
	cfg := service.Default()
	cfg.PublicAddr, cfg.AdminAddr, cfg.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.APIKeys = []service.Key{
		{ID: "alice", Role: "admin", SHA256: hash(adminKey)},
		{ID: "oncall", Role: "operator", SHA256: hash(operatorKey)},
		{ID: "dashboard", Role: "viewer", SHA256: hash(viewerKey)},
	}
	cfg.RateLimit = 1000
	cfg.InsecureEphemeralSealKey = true
	cfg.ServiceID = "revoked-1"
	cfg.NATS.URL = srv.URL()
	cfg.Pools = []service.Pool{{
		ID: r.demo.Pool.ID(), Endpoint: cognito.URL(), JWKSURL: r.demo.Pool.JWKSURL(),
		Clients: []service.Client{{ID: r.demo.Client.ID}},
	}}
	r.svc, err = service.Start(t.Context(), cfg)
	must(err)
	t.Cleanup(func() { r.svc.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), bounded)
	defer cancel()
	must(r.svc.WaitReady(ctx))
	r.node, err = subscriber.Open(ctx, subscriber.Config{Servers: srv.URL(), Service: "orders", Node: "orders-1"})
	must(err)
	t.Cleanup(func() { r.node.Close() })
	return r
}

// TestScriptsOnRealService runs the command against the revoke service itself.
// Beyond the commands of scripttest there are:
//
//	mint FILE [CLAIM=VALUE...]  writes a fresh access token of grace, with these claims
//	signin FILE                 signs grace in and writes her access token; sets SUB, JTI and SESSION
//	testuser FILE               writes who grace is, for doctor --real-pool
//	as admin|operator|viewer    presents the API key of that role from now on
//	node refuses|accepts FILE   waits until an API node does so
//	keep VARIABLE PREFIX        sets it to the second word of the line of stdout that begins with PREFIX
func TestScriptsOnRealService(t *testing.T) {
	r := startRealService(t)
	scripttest.Run(t, "testdata/service", func(env *testscript.Env) {
		env.Setenv("REVOKED_URL", r.svc.AdminURL())
		env.Setenv("REVOKED_API_KEY", adminKey)
		env.Setenv("POOL", r.demo.Pool.ID())
		env.Setenv("CLIENT", r.demo.Client.ID)
	}, scripttest.Commands{
		"mint":     r.cmdMint,
		"signin":   r.cmdSignIn,
		"testuser": r.cmdTestUser,
		"as":       cmdAs,
		"node":     r.cmdNode,
		"keep":     cmdKeep,
	})
}

func (r *realService) cmdMint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: mint FILE [CLAIM=VALUE...]")
	}
	o := cognitotest.MintOptions{ClientID: r.demo.Client.ID, Username: r.demo.Grace.Username, Extra: map[string]any{}}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		switch {
		case name == "client_id":
			o.ClientID = value
		case name == "cognito:groups":
			o.Groups = []string{value}
		case name == "token_use":
			o.TokenUse = value
		case value == "":
			o.Extra[name] = nil
		default:
			o.Extra[name] = value
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(r.demo.Pool.Mint(o)), 0o600))
}

func (r *realService) cmdSignIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: signin FILE")
	}
	tokens, err := r.demo.Pool.SignIn(r.demo.Client.ID, r.demo.Grace.Username)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(tokens.AccessToken), 0o600))
	tok := claimsIn(ts, tokens.AccessToken)
	ts.Setenv("SUB", tok.Subject)
	ts.Setenv("JTI", tok.JTI)
	ts.Setenv("SESSION", tok.OriginJTI)
}

func (r *realService) cmdTestUser(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: testuser FILE")
	}
	text, err := json.Marshal(realpool.User{
		Pool: r.demo.Pool.ID(), ClientID: r.demo.Client.ID, Username: r.demo.Grace.Username, Password: cognitotest.DemoPassword, Endpoint: r.cognito,
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

func cmdAs(ts *testscript.TestScript, _ bool, args []string) {
	key := map[string]string{"admin": adminKey, "operator": operatorKey, "viewer": viewerKey}[strings.Join(args, " ")]
	if key == "" {
		ts.Fatalf("usage: as admin|operator|viewer")
	}
	ts.Setenv("REVOKED_API_KEY", key)
}

func (r *realService) cmdNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || args[0] != "refuses" && args[0] != "accepts" {
		ts.Fatalf("usage: node refuses|accepts FILE")
	}
	tok := claimsIn(ts, ts.ReadFile(args[1]))
	want := args[0] == "refuses"
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(bounded); errors.Is(r.node.Check(tok), revocation.ErrRevoked) != want; <-again.C {
		if time.Now().After(deadline) {
			ts.Fatalf("the node answers %v to the token of %s", r.node.Check(tok), args[1])
		}
	}
}

func cmdKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep VARIABLE PREFIX")
	}
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == args[1] {
			ts.Setenv(args[0], words[1])
			return
		}
	}
	ts.Fatalf("no line begins with %s", args[1])
}

// claimsIn reads a token without verifying it.
func claimsIn(ts *testscript.TestScript, token string) revocation.Token {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		ts.Fatalf("no token: it has %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	ts.Check(err)
	claims := map[string]any{}
	ts.Check(json.Unmarshal(payload, &claims))
	tok, err := revocation.TokenFromClaims(claims)
	ts.Check(err)
	return tok
}
