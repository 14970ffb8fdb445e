// Command revoked-gate decides about requests for services that are not
// written in Go: proxies and services ask it whether a token is good and not
// revoked.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/config"
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
	fmt.Fprintf(os.Stderr, "revoked-gate: %v\n", err)
	if _, wrong := errors.AsType[*config.Error](err); wrong {
		return 2
	}
	if _, wrong := errors.AsType[usageError](err); wrong {
		fmt.Fprintln(os.Stderr, "Try: revoked-gate --help")
		return 2
	}
	return 1
}

// usageError is a wrong command line.
type usageError struct{ error }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "revoked-gate",
		Short: "Let proxies and services ask whether a Cognito token is good and not revoked",
		Long: `revoked-gate runs beside a proxy or a service and answers, from memory, whether a
request's Amazon Cognito token is good and not revoked: as forward-auth for nginx,
Caddy, Traefik and HAProxy, as ext_authz for Envoy, and as POST /v1/check for
everything else. docs/gate.md says how to set each of them up.

Exit codes: 0 ok, 1 failure, 2 wrong command line or configuration.`,
		Example: `  revoked-gate config check --config gate.yaml
  NATS_URL=nats://nats:4222 revoked-gate serve --config gate.yaml`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(serveCommand(), configCommand(), versionCommand())
	return root
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown argument %q", args[0])}
	}
	return nil
}
