// Package cli is what the command lines of revoked, revoked-gate and
// revoked-dev have in common: exit codes, what is said about a wrong command
// line, and the command version.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/build"
	"github.com/seed-4e8dee1b/revoked/internal/config"
)

// The exit codes.
const (
	ExitOK      = 0
	ExitFailure = 1
	ExitUsage   = 2 // a wrong command line or configuration: nothing was done
)

// UsageError is a wrong command line.
type UsageError struct{ error }

// Usagef makes a [UsageError].
func Usagef(text string, args ...any) error {
	return UsageError{fmt.Errorf(text, args...)}
}

// Root finishes the root of a binary's commands: its version, how errors are
// told, and the command version.
func Root(root *cobra.Command) {
	root.Version = build.Current().Version
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return UsageError{err} })
	root.AddCommand(versionCommand(root.Name()))
	if root.RunE == nil {
		group(root)
	}
}

// group makes cmd, which has commands below it, print its help.
func group(cmd *cobra.Command) {
	cmd.Args = NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// NoArgs refuses arguments. Those of a command with commands below it are taken
// for one that is misspelled.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasAvailableSubCommands() {
		return Usagef("unknown argument %q: %s takes none", args[0], cmd.CommandPath())
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			names = append(names, c.Name())
		}
	}
	return Usagef("unknown command %q: it is one of %s", args[0], strings.Join(names, ", "))
}

// ConfigCheck returns the command config, with check below it, which prints
// the text.
func ConfigCheck(check *cobra.Command, text func() ([]byte, error)) *cobra.Command {
	check.Use, check.Args = "check", NoArgs
	check.RunE = func(cmd *cobra.Command, _ []string) error {
		out, err := text()
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(out)
		return err
	}
	cmd := &cobra.Command{Use: "config", Short: "Look at the configuration", Example: check.Example}
	group(cmd)
	cmd.AddCommand(check)
	return cmd
}

// Run executes root until SIGTERM or Ctrl-C end the context of its commands,
// and returns the exit code. A second signal ends the process at once.
func Run(root *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitOK
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", root.Name(), err)
	if _, wrong := errors.AsType[*config.Error](err); wrong {
		return ExitUsage
	}
	if _, wrong := errors.AsType[UsageError](err); wrong {
		fmt.Fprintf(os.Stderr, "Try: %s --help\n", cmd.CommandPath())
		return ExitUsage
	}
	return ExitFailure
}
