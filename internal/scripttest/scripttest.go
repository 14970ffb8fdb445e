// Package scripttest tests binaries as processes of their own, above all by
// scripts.
package scripttest

import (
	"errors"
	"maps"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Commands are those of a binary's own scripts, by name.
type Commands map[string]func(ts *testscript.TestScript, neg bool, args []string)

// Run runs the scripts in dir after setup, with own commands, with those of
// package testscript, and with
//
//	exits CODE COMMAND...  runs a command, which must exit with CODE
//	terminate              sends SIGTERM to the newest command in the background
func Run(t *testing.T, dir string, setup func(*testscript.Env), own Commands) {
	t.Helper()
	commands := maps.Clone(own)
	commands["exits"], commands["terminate"] = exits, terminate
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// The race detector makes every process linger for a second.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			setup(env)
			return nil
		},
		Cmds: commands,
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
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

func terminate(ts *testscript.TestScript, neg bool, args []string) {
	commands := ts.BackgroundCmds()
	if neg || len(args) > 0 || len(commands) == 0 {
		ts.Fatalf("usage: terminate, after a command with &")
	}
	ts.Check(commands[len(commands)-1].Process.Signal(syscall.SIGTERM))
}
