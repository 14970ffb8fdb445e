package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
)

// The test binary is revoked if it is called so.
func TestMain(m *testing.M) {
	if os.Args[0] == "revoked" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

func revoked(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: exe, Args: append([]string{"revoked"}, args...), Env: env}
}

// outcome runs a command to its end.
func outcome(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := revoked(t, env, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errOut.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), 0
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "revoked.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const pools = `
pools:
  - id: eu-west-1_Test12345
    endpoint: http://127.0.0.1:1
    jwks_url: http://127.0.0.1:1/jwks.json
    clients: [{id: client1}]
`

func TestWrongCommandLineOrConfiguration(t *testing.T) {
	good := configFile(t, pools)
	for _, tc := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"unknown command", nil, []string{"dance"}, "unknown argument"},
		{"unknown flag", nil, []string{"serve", "--fast"}, "unknown flag"},
		{"no key", []string{"NATS_URL=nats://127.0.0.1:1"}, []string{"serve", "--config", good}, "REVOKED_API_KEY is missing"},
		{"no nats", []string{"REVOKED_API_KEY=0123456789abcdef0123456789abcdef"}, []string{"serve", "--config", good}, "NATS_URL"},
		{"no auth beyond loopback", []string{"NATS_URL=nats://127.0.0.1:1", "REVOKED_ADMIN_ADDR=0.0.0.0:0"},
			[]string{"serve", "--insecure-no-auth", "--config", good}, "loopback"},
		{"unknown key, with its line", []string{"NATS_URL=nats://127.0.0.1:1"},
			[]string{"config", "check", "--config", configFile(t, pools+"pulic_addr: x\n")}, "pulic_addr"},
		{"no such file", nil, []string{"serve", "--config", "/nonexistent.yaml"}, "--config"},
		{"replicas", nil, []string{"provision", "--replicas", "9"}, "--replicas"},
		{"output", nil, []string{"version", "-o", "xml"}, "-o"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, errOut, code := outcome(t, tc.env, tc.args...); code != 2 || !strings.Contains(errOut, tc.want) {
				t.Errorf("exit %d, stderr %q, want 2 and %q", code, errOut, tc.want)
			}
		})
	}
}

func TestConfigCheckMasksSecrets(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef"
	out, errOut, code := outcome(t, []string{"NATS_URL=nats://user:hunter2@127.0.0.1:1", "REVOKED_API_KEY=" + key},
		"config", "check", "--config", configFile(t, pools))
	if code != 0 || !strings.Contains(out, "eu-west-1_Test12345") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	for _, secret := range []string{key, "hunter2"} {
		if strings.Contains(out+errOut, secret) {
			t.Errorf("the output shows %q:\n%s%s", secret, out, errOut)
		}
	}
}

func TestVersion(t *testing.T) {
	out, _, code := outcome(t, nil, "version", "-o", "json")
	var v struct{ Version, Go string }
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 || v.Version == "" || v.Go == "" {
		t.Errorf("version -o json = %q (exit %d), %v", out, code, err)
	}
}

// From an empty NATS server to a service that is ready, and back to nothing.
func TestProvisionServeStop(t *testing.T) {
	nats := natsdev.Run(t)
	cfg := configFile(t, pools)
	env := []string{
		"NATS_URL=" + nats.URL(), "REVOKED_API_KEY=0123456789abcdef0123456789abcdef",
		"REVOKED_PUBLIC_ADDR=127.0.0.1:0", "REVOKED_ADMIN_ADDR=127.0.0.1:0", "REVOKED_METRICS_ADDR=127.0.0.1:0",
	}
	first, errOut, code := outcome(t, env, "provision", "--config", cfg)
	if code != 0 || !strings.Contains(first, "stream ready: epoch ") {
		t.Fatalf("provision: exit %d\n%s%s", code, first, errOut)
	}
	again, errOut, code := outcome(t, env, "provision", "--config", cfg)
	if code != 0 || strings.Fields(again)[3] != strings.Fields(first)[3] {
		t.Fatalf("provision again: exit %d, %q, then %q\n%s", code, first, again, errOut)
	}

	serve := revoked(t, env, "serve", "--config", cfg)
	logs, err := serve.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	defer serve.Process.Kill()
	lines := bufio.NewScanner(logs)
	var listening struct{ Metrics, Message string }
	for listening.Message != "listening" && lines.Scan() {
		json.Unmarshal(lines.Bytes(), &listening) // lines of other shapes do not matter
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()
	deadline := time.Now().Add(30 * time.Second)
	for ready := false; !ready; {
		if time.Now().After(deadline) {
			t.Fatal("not ready within 30 s")
		}
		if resp, err := http.Get(listening.Metrics + "/readyz"); err == nil {
			ready = resp.StatusCode == http.StatusOK
			resp.Body.Close()
		}
	}
	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-drained
	if err := serve.Wait(); err != nil {
		t.Errorf("serve after SIGTERM: %v, want exit code 0", err)
	}
}
