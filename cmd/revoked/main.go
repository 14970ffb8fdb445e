// Command revoked is the revoke service: it tells Cognito and every API node
// that a token, a session or a user is revoked.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/cli"
)

func main() { os.Exit(cli.Run(rootCommand())) }

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
	}
	root.AddCommand(serveCommand(), provisionCommand(), configCommand(), cli.Healthcheck("revoked", "http://127.0.0.1:9090/readyz"))
	cli.Root(root)
	return root
}
