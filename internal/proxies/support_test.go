//go:build linux

package proxies_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/internal/safebuf"
)

// limit bounds every wait. Nothing takes nearly as long.
const limit = 40 * time.Second

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

// file returns a file of deploy/ with from replaced by to, all of which must be
// there: what is tested is what is shipped.
func file(t *testing.T, name string, replace map[string]string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for from, to := range replace {
		if !strings.Contains(text, from) {
			t.Fatalf("deploy/%s has no %q to replace", name, from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	return text
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shortDir is short enough for the path of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // t.TempDir() is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// process is a child whose output is shown if the test fails.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func run(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	return runTo(t, name, cmd, nil)
}

// runTo sends what the process prints to stdout, if that is not nil.
func runTo(t *testing.T, name string, cmd *exec.Cmd, stdout *os.File) *process {
	t.Helper()
	var out safebuf.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if stdout != nil {
		cmd.Stdout = stdout
	}
	// Whatever happens to the test, its children end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		cmd.Wait() // how it ended is for those to judge who wait for what it does
	}()
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("end of the output of %s:\n%s", name, out.End())
		}
	})
	return p
}

// end sends a signal, and returns when the process is gone.
func (p *process) end(sig syscall.Signal) {
	p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(limit):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// gateProcess is a gate as it is installed: the binary with deploy/gate's
// file.
type gateProcess struct {
	t       *testing.T
	binary  string
	config  string
	metrics string
	// The three interfaces over TCP, for those who can't use a socket.
	forwardAddr, extAuthzAddr, checkAddr string
	dir                                  string
	*process
}

// forward and check are its sockets.
func (g *gateProcess) forward() string { return filepath.Join(g.dir, "gate.sock") }
func (g *gateProcess) check() string   { return filepath.Join(g.dir, "check.sock") }

func (g *gateProcess) extAuthzSocket() string { return filepath.Join(g.dir, "authz.sock") }

func buildGate(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "revoked-gate")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/seed-4e8dee1b/revoked/cmd/revoked-gate")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the gate: %v\n%s", err, out)
	}
	return binary
}

func startGate(t *testing.T, w *gatetest.World) *gateProcess {
	t.Helper()
	dir := shortDir(t)
	g := &gateProcess{
		t: t, binary: buildGate(t), dir: dir, metrics: freeAddr(t),
		forwardAddr: freeAddr(t), extAuthzAddr: freeAddr(t), checkAddr: freeAddr(t),
	}
	both := func(socket, addr string) string { return fmt.Sprintf("[%q, %q]", "unix:"+socket, addr) }
	text := file(t, "gate/gate.yaml", map[string]string{
		`["unix:/run/revoked/gate.sock"]`:  both(g.forward(), g.forwardAddr),
		`["127.0.0.1:9011"]`:               both(g.extAuthzSocket(), g.extAuthzAddr),
		`["unix:/run/revoked/check.sock"]`: both(g.check(), g.checkAddr),
		"127.0.0.1:9091":                   g.metrics,
		"eu-west-1_AbC123\n":               w.Pool.ID() + "\n    jwks_url: " + w.Pool.JWKSURL() + "\n",
		"1example23456789":                 gatetest.ClientID,
	})
	// As soon as NATS is gone for 3 s the denylist is stale.
	text += "max_staleness: 3s\nnats: {url: " + w.NATS.URL() + "}\n"
	g.config = write(t, filepath.Join(dir, "gate.yaml"), text)
	g.start()
	return g
}

// start starts the process and waits until it is ready.
func (g *gateProcess) start() {
	g.t.Helper()
	g.process = run(g.t, "gate", exec.Command(g.binary, "serve", "--config", g.config))
	eventually(g.t, "the gate is ready", func() bool {
		select {
		case <-g.done:
			g.t.Fatal("the gate has ended")
		default:
		}
		resp, err := client.Get("http://" + g.metrics + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// proxy is one that runs.
type proxy struct {
	name, addr, version string
}

// find returns a binary, also where only root's PATH leads.
func find(name string) (string, bool) {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, true
		}
	}
	return "", false
}

func version(ctx context.Context, path, flag string) string {
	out, err := exec.CommandContext(ctx, path, flag).CombinedOutput()
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first
}

// way is how a proxy reaches the gate: by a socket as the files of deploy/ say,
// by TCP, or, to compare with, not at all.
type way struct{ socket, addr string }

// change says what to replace in a proxy's file, in which scheme comes before
// the path of the socket, and asking and without are how it asks and does not.
func (w way) change(scheme, asking, without string) map[string]string {
	const path = "/run/revoked/gate.sock"
	switch {
	case w.socket != "":
		return map[string]string{path: w.socket}
	case w.addr != "":
		return map[string]string{scheme + path: w.addr}
	}
	return map[string]string{asking: without}
}

func startNginx(t *testing.T, u *upstream, g *gateProcess) proxy {
	t.Helper()
	return startNginxWay(t, u, way{socket: g.forward()})
}

func startNginxWay(t *testing.T, u *upstream, gate way) proxy {
	t.Helper()
	change := gate.change("unix:", "auth_request /_revoked;", "")
	path, ok := find("nginx")
	if !ok {
		t.Fatal("nginx is not installed: run make test-proxies")
	}
	dir, addr := t.TempDir(), freeAddr(t)
	change["127.0.0.1:8080"], change["127.0.0.1:8000"] = addr, u.addr
	site := write(t, filepath.Join(dir, "api.conf"), file(t, "nginx/api.conf", change))
	user := "" // as the user of the test
	if os.Getuid() == 0 {
		user = "user root;"
	}
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	conf := write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(
		"daemon off; %s worker_processes 1; pid %s; error_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n%sinclude %s;\n}\n",
		user, filepath.Join(dir, "pid"), temp.String(), site))
	run(t, "nginx", exec.Command(path, "-e", "stderr", "-p", dir, "-c", conf))
	return await(t, proxy{"nginx", addr, version(t.Context(), path, "-v")})
}

func startCaddy(t *testing.T, u *upstream, g *gateProcess) proxy {
	t.Helper()
	return startCaddyWay(t, u, way{socket: g.forward()})
}

func startCaddyWay(t *testing.T, u *upstream, gate way) proxy {
	t.Helper()
	// Without a gate: a matcher that nothing matches.
	change := gate.change("unix/", "forward_auth unix", "forward_auth /nothing-is-here unix")
	path, ok := find("caddy")
	if !ok {
		t.Fatal("caddy is not installed: run make test-proxies")
	}
	dir, addr := t.TempDir(), freeAddr(t)
	change["127.0.0.1:8080"], change["127.0.0.1:8000"] = addr, u.addr
	conf := write(t, filepath.Join(dir, "Caddyfile"), "{\n\tadmin off\n}\n"+file(t, "caddy/Caddyfile", change))
	cmd := exec.Command(path, "run", "--config", conf, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	run(t, "caddy", cmd)
	return await(t, proxy{"caddy", addr, "caddy " + version(t.Context(), path, "version")})
}

func await(t *testing.T, p proxy) proxy {
	t.Helper()
	eventually(t, p.name+" listens", func() bool {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return p
}
