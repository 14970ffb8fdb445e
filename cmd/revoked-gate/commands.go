package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/build"
	"github.com/seed-4e8dee1b/revoked/internal/cli"
	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/otlp"
	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberotel"
)

const configFlag = "YAML `FILE` with listeners, pools and rules; required"

func serveCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer proxies and services until SIGTERM or Ctrl-C",
		Long: `serve opens the listeners of the configuration at once and refuses every request
that needs a token until NATS and the pools' keys have been reached; /readyz says
what is missing. A configuration that is wrong or can't be read is exit code 2,
and nothing is served: proxies then refuse. It stops gracefully: /readyz first,
then decisions under way, then the rest.`,
		Example: `  NATS_URL=nats://nats:4222 revoked-gate serve --config gate.yaml`,
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := gate.Load(path, config.Environ())
			if err != nil {
				return err
			}
			cfg.Logger, cfg.Version = cli.ServerLogger(cfg.Log()), build.Current().Version
			traces, err := otlp.Start(cmd.Context(), otlp.Config{
				Name: "revoked-gate", Version: cfg.Version, Instance: cfg.Node, Environ: config.Environ(), Logger: cfg.Logger,
			})
			if err != nil {
				return err
			}
			defer traces.Close()
			cfg.Applied = subscriberotel.Applied(traces.Provider())
			g, err := gate.Start(cfg)
			if err != nil {
				return err
			}
			return errors.Join(g.Wait(cmd.Context()), g.Close())
		},
	}
	cmd.Flags().StringVar(&path, "config", "", configFlag)
	return cmd
}

func configCommand() *cobra.Command {
	var path string
	check := &cobra.Command{
		Short: "Print the configuration in force; exit 2 if it is wrong",
		Long: `check reads file and environment as serve does, opens nothing and calls nobody.
It prints the configuration in force, or everything that is wrong with it: the
line, the reason and the remedy.`,
		Example: `  revoked-gate config check --config gate.yaml`,
	}
	check.Flags().StringVar(&path, "config", "", configFlag)
	return cli.ConfigCheck(check, func() ([]byte, error) {
		cfg, err := gate.Load(path, config.Environ())
		if err != nil {
			return nil, err
		}
		return cfg.YAML()
	})
}
