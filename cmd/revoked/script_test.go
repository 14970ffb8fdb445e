package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/scripttest"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"revoked": main})
}

// TestScripts runs the command as a process of its own. Beyond the commands of
// scripttest there are:
//
//	nats                      starts an empty NATS server and sets NATS_URL
//	freeaddr VARIABLE...      sets each to an address that nobody listens on
//	await STATUS URL [TEXT]   waits until URL answers with STATUS, and with TEXT in its body
//	post STATUS URL BODY      sends JSON with the API key
//	cognito FILE              starts an emulator and writes a configuration for it
//	collector                 starts a receiver of OTLP and sets COLLECTOR
//	received SPAN...          waits until it has these spans; ! received: none
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata", func(env *testscript.Env) {
		env.Setenv("KEY", "0123456789abcdef0123456789abcdef")
		env.Setenv("SEAL", strings.Repeat("5ea1", 16))
	}, scripttest.Commands{
		"nats":      cmdNATS,
		"cognito":   cmdCognito,
		"freeaddr":  cmdFreeAddr,
		"await":     cmdAwait,
		"post":      cmdPost,
		"collector": cmdCollector,
		"received":  cmdReceived,
	})
}

func cmdNATS(ts *testscript.TestScript, _ bool, _ []string) {
	srv, err := natsdev.Start(natsdev.Config{StoreDir: ts.MkAbs("jetstream")})
	ts.Check(err)
	ts.Defer(srv.Stop)
	ts.Setenv("NATS_URL", srv.URL())
}

func cmdCognito(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: cognito FILE")
	}
	srv, err := cognitotest.Start(cognitotest.Config{})
	ts.Check(err)
	ts.Defer(srv.Close)
	demo, err := srv.SeedDemo()
	ts.Check(err)
	text := fmt.Sprintf("pools: [{id: %s, endpoint: '%s', jwks_url: '%s', clients: [{id: %s}]}]\n",
		demo.Pool.ID(), srv.URL(), demo.Pool.JWKSURL(), demo.Client.ID)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func cmdFreeAddr(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer ln.Close() // all at once, so that they differ
		ts.Setenv(name, ln.Addr().String())
	}
}

func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: await STATUS URL [TEXT]")
	}
	text := ""
	if len(args) == 3 {
		text = args[2]
	}
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	last := "no answer"
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-again.C {
		resp, err := http.Get(args[1])
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		if strconv.Itoa(resp.StatusCode) == args[0] && strings.Contains(string(body), text) {
			return
		}
		last = resp.Status + " " + string(body)
	}
	ts.Fatalf("%s does not answer %s with %q within 30 s: %s", args[1], args[0], text, last)
}

func cmdPost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: post STATUS URL BODY")
	}
	req, err := http.NewRequest(http.MethodPost, args[1], strings.NewReader(args[2]))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("KEY"))
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if strconv.Itoa(resp.StatusCode) != args[0] {
		ts.Fatalf("%s answers %s %s, want %s", args[1], resp.Status, body, args[0])
	}
}

func TestLogWithoutReader(t *testing.T) {
	scripttest.ServeWithoutReader(t, "revoked", `{public_addr: "127.0.0.1:0", admin_addr: "127.0.0.1:0", metrics_addr: "127.0.0.1:0",
log_format: console, pools: [{id: eu-west-1_AbC123, endpoint: "http://127.0.0.1:1", jwks_url: "http://127.0.0.1:1/", clients: [{id: a}]}]}`,
		"REVOKED_API_KEY="+strings.Repeat("0123456789abcdef", 2), "REVOKED_SEAL_KEYS="+strings.Repeat("5ea1", 16), "AWS_REGION=eu-west-1")
}
