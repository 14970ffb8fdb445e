// Package scripttest has what the test scripts of the binaries have in common.
package scripttest

import (
	"errors"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// Setup is for every script.
func Setup(env *testscript.Env) {
	// The race detector makes every process linger for a second.
	env.Setenv("GORACE", "atexit_sleep_ms=0")
}

// Exits is the command
//
//	exits CODE COMMAND...  runs a command, which must exit with CODE
func Exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("running %v: %v", args[1:], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v exits with %d, want %d", args[1:], got, want)
	}
}

// Terminate is the command
//
//	terminate  sends SIGTERM to the newest command in the background
func Terminate(ts *testscript.TestScript, neg bool, args []string) {
	commands := ts.BackgroundCmds()
	if neg || len(args) > 0 || len(commands) == 0 {
		ts.Fatalf("usage: terminate, after a command with &")
	}
	ts.Check(commands[len(commands)-1].Process.Signal(syscall.SIGTERM))
}
