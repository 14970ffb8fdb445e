package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// settings are the flags that every command with a configuration takes.
type settings struct {
	path           string
	insecureNoAuth bool
}

func (s *settings) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.path, "config", "", "YAML file; without it the environment alone")
	cmd.Flags().BoolVar(&s.insecureNoAuth, "insecure-no-auth", false,
		"serve the admin API without REVOKED_API_KEY; only on a loopback address")
}

func (s *settings) load() (service.Config, error) {
	cfg, err := service.Load(s.path, environ(), func(c *service.Config) { c.InsecureNoAuth = s.insecureNoAuth })
	cfg.Version = version
	return cfg, err
}

func environ() map[string]string {
	env := make(map[string]string)
	for _, entry := range os.Environ() {
		key, value, _ := strings.Cut(entry, "=")
		env[key] = value
	}
	return env
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the configuration",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var set settings
	check := &cobra.Command{
		Use:     "check",
		Short:   "Print the configuration in force, secrets masked; exit 2 if it is wrong",
		Example: `  revoked config check --config revoked.yaml`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := set.load()
			if err != nil {
				return err
			}
			enc := yaml.NewEncoder(cmd.OutOrStdout())
			if err := enc.Encode(cfg.Masked()); err != nil {
				return err
			}
			key := "not set: serve needs it, or --insecure-no-auth on loopback"
			if cfg.APIKey != "" {
				key = cfg.APIKey.String()
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "# REVOKED_API_KEY: %s\n", key)
			return err
		},
	}
	set.bind(check)
	cmd.AddCommand(check)
	return cmd
}
