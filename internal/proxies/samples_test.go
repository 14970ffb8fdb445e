//go:build linux

package proxies_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// TestSamples runs the services under examples/ beside a gate.
func TestSamples(t *testing.T) {
	if os.Getenv("REVOKED_TEST_PROXIES") == "" {
		t.Skip("needs other languages: run make test-proxies")
	}
	w, err := gatetest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	g := startGate(t, w)
	samples := make(map[string]string) // address by language
	if python, ok := find("python3"); ok {
		cmd := exec.Command(python, "../../examples/python/orders.py")
		cmd.Env = append(os.Environ(), "CHECK_SOCKET="+g.check(), "PORT=0")
		samples["python"] = startSample(t, "python", cmd)
	} else {
		t.Run("python", func(t *testing.T) { t.Skip("python3 is not installed") })
	}
	if dir, why := nodeDir(t); why == "" {
		node, _ := find("node")
		cmd := exec.Command(node, filepath.Join(dir, "orders.mjs"))
		cmd.Env = append(os.Environ(), "CHECK_SOCKET="+g.check(), "PORT=0", "POOL_ID="+w.Pool.ID(),
			"CLIENT_ID="+gatetest.ClientID, "JWKS_FILE="+download(t, w.Pool.JWKSURL()))
		samples["node"] = startSample(t, "node", cmd)
	} else {
		t.Run("node", func(t *testing.T) { t.Skip(why) })
	}

	good := w.Token(cognitotest.MintOptions{OriginJTI: "good", Subject: "jane-sub"})
	revoked := w.Token(cognitotest.MintOptions{OriginJTI: "gone"})
	old := w.Token(cognitotest.MintOptions{IssuedAt: time.Now().Add(-2 * time.Hour), ExpiresAt: time.Now().Add(-time.Hour)})
	unscoped := w.Token(cognitotest.MintOptions{Scope: "other"})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if _, err := w.Revoke(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	type step struct {
		name, path, token string
		want              int
	}
	try := func(steps []step) {
		for language, addr := range samples {
			for _, s := range steps {
				t.Run(language+"/"+s.name, func(t *testing.T) {
					code, _, body := call{method: "GET", path: s.path, token: s.token}.do(t, addr)
					if code != s.want {
						t.Errorf("status %d, want %d", code, s.want)
					}
					if served := strings.Contains(string(body), "jane-sub"); served != (s.want == 200) {
						t.Errorf("body %s beside status %d", body, code)
					}
				})
			}
		}
	}
	awaitAll := func(what, token string, code int) {
		for language, addr := range samples {
			eventually(t, what+" in "+language, func() bool {
				got, _, _ := call{method: "GET", path: "/orders/1", token: token}.do(t, addr)
				return got == code
			})
		}
	}
	awaitAll("the revoked session is refused", revoked, http.StatusUnauthorized)
	try([]step{
		{"valid", "/orders/1", good, 200},
		{"no token", "/orders/1", "", 401},
		{"no JWT", "/orders/1", "x", 401},
		{"expired", "/orders/1", old, 401},
		{"revoked", "/orders/1", revoked, 401},
		{"wrong scope", "/orders/1", unscoped, 403},
	})
	lambda(t, g, good, revoked)
	w.NATS.Stop()
	awaitAll("stale", good, http.StatusServiceUnavailable)
	try([]step{
		{"stale, closed", "/orders/1", good, 503},
		{"stale, open", "/catalog/1", good, 200},
		{"stale, open, revoked", "/catalog/1", revoked, 401},
		{"stale, open, expired", "/catalog/1", old, 401},
	})
	g.end(syscall.SIGKILL)
	try([]step{
		{"gate down", "/orders/1", good, 503},
		{"gate down, open when stale", "/catalog/1", good, 503},
		{"gate down, no token", "/orders/1", "", 401},
	})
}

// startSample starts a service that prints its address first.
func startSample(t *testing.T, name string, cmd *exec.Cmd) string {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	p := runTo(t, name, cmd, in)
	in.Close()
	line := make(chan string, 1)
	go func() {
		first, _ := bufio.NewReader(out).ReadString('\n')
		line <- first
	}()
	select {
	case first := <-line:
		if addr, ok := strings.CutPrefix(strings.TrimSpace(first), "http://"); ok {
			return addr
		}
		<-p.done
		t.Fatalf("%s prints %q, want its address", name, first)
	case <-time.After(limit):
		t.Fatalf("%s does not print its address", name)
	}
	return ""
}

// nodeDir returns a directory with the Node sample and what it needs, or why
// there is none.
func nodeDir(t *testing.T) (dir, why string) {
	t.Helper()
	if _, ok := find("node"); !ok {
		return "", "node is not installed"
	}
	npm, ok := find("npm")
	if !ok {
		return "", "npm is not installed"
	}
	dir = t.TempDir()
	for _, name := range []string{"package.json", "orders.mjs"} {
		text, err := os.ReadFile(filepath.Join("../../examples/node", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(text))
	}
	cmd := exec.CommandContext(t.Context(), npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "aws-jwt-verify could not be installed: " + err.Error() + "\n" + string(out)
	}
	return dir, ""
}

func download(t *testing.T, url string) string {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	doc, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(t.TempDir(), "jwks.json"), string(doc))
}

// lambda calls the authorizer as API Gateway does.
func lambda(t *testing.T, g *gateProcess, good, revoked string) {
	t.Helper()
	node, ok := find("node")
	if !ok {
		t.Run("lambda", func(t *testing.T) { t.Skip("node is not installed") })
		return
	}
	path, err := filepath.Abs("../../examples/lambda/authorizer.mjs")
	if err != nil {
		t.Fatal(err)
	}
	const script = `import(process.argv[1]).then((m) => m.handler(JSON.parse(process.argv[2]))).then((r) => console.log(JSON.stringify(r)), (e) => console.log("threw"))`
	for _, tt := range []struct{ name, url, token, want string }{
		{"valid", "http://" + g.checkAddr + "/v1/check", good, `"isAuthorized":true`},
		{"revoked", "http://" + g.checkAddr + "/v1/check", revoked, `"isAuthorized":false`},
		{"no token", "http://" + g.checkAddr + "/v1/check", "", `"isAuthorized":false`},
		{"gate down", "http://127.0.0.1:1/v1/check", good, "threw"},
	} {
		t.Run("lambda/"+tt.name, func(t *testing.T) {
			event := map[string]any{
				"rawPath": "/orders/1", "requestContext": map[string]any{"http": map[string]any{"method": "GET"}},
				"headers": map[string]string{},
			}
			if tt.token != "" {
				event["headers"] = map[string]string{"authorization": "Bearer " + tt.token}
			}
			body, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), node, "-e", script, path, string(body))
			cmd.Env = append(os.Environ(), "CHECK_URL="+tt.url)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("the authorizer answers %s, %v, want %s", out, err, tt.want)
			}
		})
	}
}
