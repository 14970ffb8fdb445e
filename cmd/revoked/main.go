// Command revoked is the revoke service: it tells Cognito and every API node
// that a token, a session or a user is revoked.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// version is set by the build.
var version = "dev"

func main() { os.Exit(run()) }

// run returns the exit code: 0 if all went well, 1 if not, 2 for a wrong
// command line or configuration.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	err := rootCommand().ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "revoked: %v\n", err)
	if _, wrong := errors.AsType[*service.ConfigError](err); wrong {
		return 2
	}
	if _, wrong := errors.AsType[usageError](err); wrong {
		fmt.Fprintln(os.Stderr, "Try: revoked --help")
		return 2
	}
	return 1
}

// usageError is a wrong command line.
type usageError struct{ error }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "revoked",
		Short: "Revoke Amazon Cognito tokens, everywhere and at once",
		Long: `revoked tells Amazon Cognito that tokens are revoked and appends each
revocation to a NATS JetStream stream, which every API node follows.

Configuration comes from a YAML file (--config), then the environment, then
flags. Exit codes: 0 ok, 1 failure, 2 wrong command line or configuration.`,
		Example: `  revoked provision --config revoked.yaml       # once, as an administrator of NATS
  revoked config check --config revoked.yaml
  REVOKED_API_KEY_FILE=/run/secrets/key revoked serve --config revoked.yaml`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(serveCommand(), provisionCommand(), configCommand(), versionCommand())
	return root
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown argument %q", args[0])}
	}
	return nil
}
