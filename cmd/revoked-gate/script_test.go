package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-4e8dee1b/revoked/internal/scripttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"revoked-gate": main})
}

// TestScripts runs the command as a process of its own. Beyond the commands of
// scripttest there are:
//
//	absolute FILE          replaces SOCKET in FILE by the path of gate.sock
//	await SOCKET           waits until a gate answers on the unix socket
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata", func(*testscript.Env) {}, scripttest.Commands{
		"absolute": func(ts *testscript.TestScript, _ bool, args []string) {
			text := strings.ReplaceAll(ts.ReadFile(args[0]), "SOCKET", ts.MkAbs("gate.sock"))
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
		},
		"await": func(ts *testscript.TestScript, _ bool, args []string) {
			client := &http.Client{Transport: unixTransport(ts.MkAbs(args[0]))}
			defer client.CloseIdleConnections()
			for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				if resp, err := client.Get("http://gate/auth"); err == nil {
					resp.Body.Close()
					if resp.StatusCode != http.StatusForbidden {
						ts.Fatalf("GET /auth without a description: %s, want 403", resp.Status)
					}
					return
				}
			}
			ts.Fatalf("nobody answers at %s", args[0])
		},
	})
}

func unixTransport(path string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
}

func TestLogWithoutReader(t *testing.T) {
	scripttest.ServeWithoutReader(t, "revoked-gate", `{forward_auth: {listen: ["127.0.0.1:0"]}, metrics_addr: "127.0.0.1:0", service: orders,
log_format: console, pools: [{id: eu-west-1_AbC123, clients: [a], jwks_url: "http://127.0.0.1:1/"}], rules: [{path: /}]}`)
}
