package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Who reads the log may end, as when a log shipper is restarted: the process
// goes on, and still ends in order. Where nobody looks at a terminal, the log has
// no colors.
func TestLogWithoutReader(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "revoked.yaml")
	if err := os.WriteFile(file, []byte(`{public_addr: "127.0.0.1:0", admin_addr: "127.0.0.1:0", metrics_addr: "127.0.0.1:0",
log_format: console, pools: [{id: eu-west-1_AbC123, endpoint: "http://127.0.0.1:1", jwks_url: "http://127.0.0.1:1/", clients: [{id: a}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: exe, Args: []string{"revoked", "serve", "--config", file}, Stderr: w}
	cmd.Env = append(os.Environ(), "NATS_URL=nats://127.0.0.1:1", "GORACE=atexit_sleep_ms=0",
		"REVOKED_API_KEY="+strings.Repeat("0123456789abcdef", 2), "REVOKED_SEAL_KEYS="+strings.Repeat("5ea1", 16), "AWS_REGION=eu-west-1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { cmd.Process.Kill() })
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	lines := bufio.NewScanner(r)
	for lines.Scan() && !strings.Contains(lines.Text(), "listening") {
		if strings.Contains(lines.Text(), "\x1b") {
			t.Errorf("colors in a pipe: %q", lines.Text())
		}
	}
	r.Close()
	cmd.Process.Signal(syscall.SIGTERM) // which it writes about
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ended by %v, want exit code 0", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("does not end")
	}
}
