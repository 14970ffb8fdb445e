package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const configFlag = "YAML file with listeners, pools and rules"

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
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := gate.Load(path, config.Environ())
			if err != nil {
				return err
			}
			log := cfg.Log()
			log.NoColor = os.Getenv("NO_COLOR") != ""
			cfg.Logger, cfg.Version = log.Logger(os.Stderr), version
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
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the configuration",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var path string
	check := &cobra.Command{
		Use:   "check",
		Short: "Print the configuration in force; exit 2 if it is wrong",
		Long: `check reads file and environment as serve does, opens nothing and calls nobody.
It prints the configuration in force, or everything that is wrong with it: the
line, the reason and the remedy.`,
		Example: `  revoked-gate config check --config gate.yaml`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := gate.Load(path, config.Environ())
			if err != nil {
				return err
			}
			text, err := cfg.YAML()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	check.Flags().StringVar(&path, "config", "", configFlag)
	cmd.AddCommand(check)
	return cmd
}

func versionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, that of Go and that of the wire format",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			switch output {
			case "json":
				return json.NewEncoder(out).Encode(map[string]any{
					"version": version, "go": runtime.Version(), "wire": revocation.WireVersion,
				})
			case "table":
				_, err := fmt.Fprintf(out, "revoked-gate %s (%s, wire format %d)\n", version, runtime.Version(), revocation.WireVersion)
				return err
			}
			return usageError{fmt.Errorf("-o %q: give table or json", output)}
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}
