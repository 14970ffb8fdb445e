package scripttest

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

// ServeWithoutReader runs the command serve of the binary under test, with
// log_format: console and NATS out of reach, and fails the test unless it goes on
// when the reader of its log ends, as when a log shipper is restarted, and then
// ends in order. Where nobody looks at a terminal, the log has no colors.
func ServeWithoutReader(t *testing.T, binary, config string, env ...string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: exe, Args: []string{binary, "serve", "--config", file}, Stderr: w}
	cmd.Env = append(append(os.Environ(), "NATS_URL=nats://127.0.0.1:1", "GORACE=atexit_sleep_ms=0"), env...)
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
