package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

// Exit codes, as documented for the command.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitDenied      = 4
	exitNotEnforced = 5
)

// app is one run of the command. One goroutine uses it.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	// Global flags.
	url          string
	output       format
	timeout      time.Duration
	insecureHTTP bool

	// begun says that the command line was understood and a command runs.
	begun bool
}

// usageError says that the command was called wrongly. Nothing was sent.
type usageError struct{ problem string }

func (e *usageError) Error() string { return e.problem }

func usagef(text string, args ...any) error {
	return &usageError{problem: fmt.Sprintf(text, args...)}
}

// errNotEnforced: the service accepted the revocation without claiming that it
// is in force.
var errNotEnforced = errors.New("accepted, but not denied yet: nodes may still accept the target")

// run executes one command line and returns the exit code.
func run(args []string, a *app) int {
	if err := refuseTokens(args); err != nil {
		a.report(err, "revokectl")
		return exitUsage
	}
	root := a.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitOK
	}
	if _, ok := errors.AsType[*usageError](err); !ok && !a.begun {
		// What cobra finds wrong before it runs a command is the caller's.
		err = &usageError{problem: err.Error()}
	}
	a.report(err, cmd.CommandPath())
	return exitCode(err)
}

func exitCode(err error) int {
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if errors.Is(err, errNotEnforced) || errors.Is(err, errNotMet) {
		return exitNotEnforced
	}
	if problem, ok := errors.AsType[*client.ProblemError](err); ok {
		switch {
		case problem.Status == http.StatusUnauthorized, problem.Status == http.StatusForbidden:
			return exitDenied
		case problem.Status == http.StatusNotFound && problem.FromService:
			return exitNotFound
		}
	}
	return exitFailure
}

// report writes the message of an error and what to do about it.
func (a *app) report(err error, command string) {
	var lines []string
	if _, ok := errors.AsType[*usageError](err); ok {
		// Suggestions of cobra span lines and begin with tabs.
		text := strings.ReplaceAll(strings.TrimRight(err.Error(), "\n"), "\t", "  ")
		lines = strings.Split(text, "\n")
		lines = append(lines, "See "+command+" --help.")
	} else {
		lines = a.explain(err)
	}
	for i, line := range lines {
		lines[i] = printable(line)
	}
	fmt.Fprintln(a.stderr, "revokectl: "+strings.Join(lines, "\n"))
}

// interruptible returns a context that ends with the timeout, or when the user
// interrupts the command.
func (a *app) interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := interrupts(parent)
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	return ctx, func() {
		cancel()
		stop()
	}
}

// interrupts returns a context that ends when the user interrupts the command.
func interrupts(parent context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
}
