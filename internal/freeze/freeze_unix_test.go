//go:build unix

package freeze_test

import (
	"bufio"
	"os/exec"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/freeze"
)

func TestStopAndContinue(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 2)
	go func() { // ends with the process
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	say := func(line string) {
		t.Helper()
		if _, err := in.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Errorf("it says %q, want %q", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("it does not say %q", want)
		}
	}
	say("running")
	hear("running")
	if err := freeze.Stop(cmd.Process); err != nil {
		t.Fatal(err)
	}
	say("frozen")
	select {
	case line := <-lines:
		t.Errorf("a frozen process says %q", line)
	case <-time.After(200 * time.Millisecond):
	}
	if err := freeze.Continue(cmd.Process); err != nil {
		t.Fatal(err)
	}
	hear("frozen")
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
