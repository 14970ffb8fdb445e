package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/dev"
)

// The test binary is revoked-dev if it is called so: the demo starts its nodes
// under that name.
func TestMain(m *testing.M) {
	if os.Args[0] == "revoked-dev" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// revokedDev runs the command and returns its output and exit code.
func revokedDev(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	cmd := &exec.Cmd{
		Path: exe, Args: append([]string{"revoked-dev"}, args...),
		Env: append(os.Environ(), env...), Stdout: &out, Stderr: &errOut,
	}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errOut.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), 0
}

func TestDemoHolds(t *testing.T) {
	t.Parallel()
	out, errOut, code := revokedDev(t, []string{"DEMO_REPEATS=5", "DEMO_BREAK="}, "demo")
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errOut)
	}
	for i, want := range append(dev.DemoSteps(), "") {
		if want != "" && !strings.Contains(out, fmt.Sprintf("%d. ", i+1)) {
			t.Errorf("no line for step %d (%s)", i+1, want)
		}
	}
	for _, want := range []string{"Cognito alone:", "revoked: ", "network calls made by nodes per request: 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
}

// A demo that can't fail proves nothing: each step, broken on purpose, is
// noticed and named.
func TestDemoNoticesEveryBrokenStep(t *testing.T) {
	t.Parallel()
	steps := dev.DemoSteps()
	if len(steps) < 9 {
		t.Fatalf("only %d steps", len(steps))
	}
	for _, name := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errOut, code := revokedDev(t, []string{"DEMO_REPEATS=2", "DEMO_BREAK=" + name}, "demo")
			if code != 1 {
				t.Fatalf("exit code %d, want 1\n%s\n%s", code, out, errOut)
			}
			if want := fmt.Sprintf("step %q did not hold", name); !strings.Contains(errOut, want) {
				t.Errorf("stderr lacks %q:\n%s\n%s", want, errOut, out)
			}
			if !strings.Contains(out, "FAILED") {
				t.Errorf("stdout doesn't show the failure:\n%s", out)
			}
		})
	}
}

// A demo that is interrupted has not held, and no step is blamed for it; what is
// to be left running is ended that way.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, until string
		args        []string
		code        int
	}{
		{"demo", "3. problem", []string{"demo"}, 1},
		{"run", "Everything is up", []string{"run"}, 0},
		{"emulator", "Cognito emulator on", []string{"--cognito-only", "--listen", "127.0.0.1:0"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var errOut bytes.Buffer
			cmd := &exec.Cmd{Path: exe, Args: append([]string{"revoked-dev"}, tt.args...), Stderr: &errOut, Env: append(os.Environ(), "GORACE=atexit_sleep_ms=0")}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			lines := bufio.NewScanner(stdout)
			signaled := false
			for lines.Scan() {
				all.WriteString(lines.Text() + "\n")
				if !signaled && strings.Contains(lines.Text(), tt.until) {
					signaled = true
					cmd.Process.Signal(syscall.SIGTERM)
				}
			}
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d\n%s\n%s", code, tt.code, all.String(), errOut.String())
			}
			if strings.Contains(all.String(), "FAILED") {
				t.Errorf("a step is blamed:\n%s", all.String())
			}
			if tt.code == 1 && !strings.Contains(errOut.String(), "interrupted") {
				t.Errorf("stderr %q does not say why", errOut.String())
			}
		})
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		env  string
		args []string
		want string
	}{
		{"DEMO_BREAK=nonsense", []string{"demo"}, "no such step"},
		{"DEMO_REPEATS=0", []string{"demo"}, "DEMO_REPEATS"},
		{"DEMO_REPEATS=many", []string{"demo"}, "DEMO_REPEATS"},
		{"X=", []string{"demo", "now"}, "unknown argument"},
		{"X=", []string{"--no-such-flag"}, "unknown flag"},
		{"X=", []string{"dance"}, "unknown"},
		{"X=", []string{"--listen", "127.0.0.1:0"}, "goes with --cognito-only"},
	} {
		out, errOut, code := revokedDev(t, []string{tc.env}, tc.args...)
		if code != 2 || !strings.Contains(errOut, tc.want) {
			t.Errorf("%s %v: exit %d, stderr %q (stdout %q), want 2 and %q", tc.env, tc.args, code, errOut, out, tc.want)
		}
	}
}
