// Command revoked-gate decides about requests for services that are not
// written in Go: proxies and services ask it whether a token is good and not
// revoked.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/cli"
)

func main() { os.Exit(cli.Run(rootCommand())) }

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
	}
	root.AddCommand(serveCommand(), configCommand(), cli.Healthcheck("revoked-gate", "http://127.0.0.1:9091/readyz"))
	cli.Root(root)
	return root
}
