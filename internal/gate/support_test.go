package gate_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// limit bounds every wait. Nothing takes nearly as long.
const limit = 40 * time.Second

// rulesYAML are the rules that most tests use.
const rulesYAML = `
rules:
  - {path: /, scopes: [orders/read]}
  - {path: /public, anonymous: true}
  - {path: /any, clients: [gateclient000000000000000a]}
  - {path: /id, token_use: [id]}
  - {path: /staff, groups: [staff, "night, shift"]}
  - {path: /open, stale_policy: fail-open}
  - {path: /report, scopes: [nobody/has], report_only: true}
  - {path: /write, methods: [POST], scopes: [orders/write]}
`

// world starts what surrounds a gate.
func world(t *testing.T) *gatetest.World {
	t.Helper()
	w, err := gatetest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// socketDir is short enough for the path of a socket.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // t.TempDir() is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// load returns the configuration of a gate for w; more is further YAML.
func load(t *testing.T, w *gatetest.World, more string) gate.Config {
	t.Helper()
	text := fmt.Sprintf("metrics_addr: 127.0.0.1:0\nmax_staleness: 3s\nnats: {url: %q}\npools: [%s]\n%s", w.NATS.URL(), w.PoolYAML(), more)
	path := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := gate.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// start starts a gate with all three interfaces on free ports.
func start(t *testing.T, w *gatetest.World, more string) *gate.Gate {
	t.Helper()
	cfg := load(t, w, "forward_auth: {listen: ['127.0.0.1:0']}\next_authz: {listen: ['127.0.0.1:0']}\ncheck: {listen: ['127.0.0.1:0']}\n"+more)
	cfg.Logger = zerolog.New(zerolog.NewTestWriter(t))
	g, err := gate.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return g
}

// awaitReady waits for /readyz.
func awaitReady(t *testing.T, g *gate.Gate) {
	t.Helper()
	eventually(t, "the gate is ready", func() bool {
		resp, err := client.Get("http://" + g.Addrs("metrics")[0] + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-again.C {
		if holds() {
			return
		}
	}
	t.Fatalf("not within %v: %s", limit, what)
}

// client keeps no connections.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// ask is what nginx does: GET /auth about a request.
func ask(t *testing.T, g *gate.Gate, method, uri string, header http.Header) *http.Response {
	t.Helper()
	return askAt(t, g, "/auth", method, uri, header)
}

func askAt(t *testing.T, g *gate.Gate, at, method, uri string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.Addrs("forward_auth")[0]+at, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"X-Forwarded-Method": {method}, "X-Forwarded-Uri": {uri}}
	for name, values := range header {
		req.Header[name] = append(req.Header[name], values...)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	return resp
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// revoke revokes a session and waits until the gate refuses the token, which
// is one of it.
func revoke(t *testing.T, w *gatetest.World, g *gate.Gate, session, token string) revocation.Act {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	acts, err := w.Revoke(ctx, session)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the revoked session is refused", func() bool {
		return ask(t, g, "GET", "/", bearer(token)).StatusCode == http.StatusUnauthorized
	})
	return acts[0]
}

// metric returns the lines of /metrics that begin with a name.
func metric(t *testing.T, g *gate.Gate, name string) string {
	t.Helper()
	resp, err := client.Get("http://" + g.Addrs("metrics")[0] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, name) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "\n")
}

// unixClient asks over a unix socket.
func unixClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
}

var expired = cognitotest.MintOptions{IssuedAt: time.Now().Add(-2 * time.Hour), ExpiresAt: time.Now().Add(-time.Hour)}
