package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/cli"
	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/otlp"
	"github.com/seed-4e8dee1b/revoked/internal/service"
)

func serveCommand() *cobra.Command {
	var set settings
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the revoke service until SIGTERM or Ctrl-C",
		Long: `serve opens three listeners: for apps (POST /oauth2/revoke, the drop-in for
Cognito's endpoint), for operators (/v1/revocations, needs the API key), and for
probes (/livez, /readyz, /metrics).

It starts without NATS and without Cognito: /readyz is 503, with the reason,
until NATS is connected, the stream is verified and the service's own denylist
is fresh. It stops gracefully: /readyz first, then requests, then the rest.

With --probe it revokes a canary each minute, a token that nobody has, and asks
every node until each has proven that it refuses it. What it finds is in the
metrics revoked_service_probe_*, and who is missing in the log.`,
		Example: `  REVOKED_API_KEY=... NATS_URL=nats://nats:4222 revoked serve --config revoked.yaml
  revoked serve --config revoked.yaml --probe          # and measure each minute
  REVOKED_PROBE_INTERVAL=15s revoked serve --config revoked.yaml`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := set.load()
			if err != nil {
				return err
			}
			cfg.Logger = cli.ServerLogger(cfg.Log())
			traces, err := otlp.Start(cmd.Context(), otlp.Config{
				Name: "revoked", Version: cfg.Version, Instance: cfg.ServiceID, Environ: config.Environ(), Logger: cfg.Logger,
			})
			if err != nil {
				return err
			}
			defer traces.Close()
			cfg.Tracer = traces.Provider()
			svc, err := service.Start(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return errors.Join(svc.Wait(cmd.Context()), svc.Close())
		},
	}
	set.bind(cmd)
	return cmd
}
