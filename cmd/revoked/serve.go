package main

import (
	"errors"
	"io"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

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
is fresh. It stops gracefully: /readyz first, then requests, then the rest.`,
		Example: `  REVOKED_API_KEY=... NATS_URL=nats://nats:4222 revoked serve --config revoked.yaml`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := set.load()
			if err != nil {
				return err
			}
			cfg.Logger = logger(cfg, os.Stderr)
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

// logger writes what the configuration asks for; its level was checked.
func logger(cfg service.Config, out io.Writer) zerolog.Logger {
	if cfg.LogFormat == "console" {
		out = zerolog.ConsoleWriter{Out: out, NoColor: os.Getenv("NO_COLOR") != ""}
	}
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}
