package main

import (
	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/build"
	"github.com/seed-4e8dee1b/revoked/internal/cli"
	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// settings are the flags that every command with a configuration takes.
type settings struct {
	path                       string
	public, admin, meta, debug string // addresses; empty leaves what file or environment say
	insecureNoAuth             bool
	ephemeralSealKey           bool
	probe                      bool
}

func (s *settings) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.path, "config", "", "YAML `FILE`; without it the environment alone")
	flags.StringVar(&s.public, "public-addr", "", "`HOST:PORT` for apps (default 127.0.0.1:8080)")
	flags.StringVar(&s.admin, "admin-addr", "", "`HOST:PORT` for operators (default 127.0.0.1:8081)")
	flags.StringVar(&s.meta, "metrics-addr", "", "`HOST:PORT` for probes and metrics (default 127.0.0.1:9090)")
	flags.BoolVar(&s.probe, "probe", false,
		"revoke a canary each minute, or probe.interval, and measure how soon every node enforces it")
	flags.StringVar(&s.debug, "debug-addr", "", "`HOST:PORT` on loopback for profiles, such as 127.0.0.1:6060 (default none)")
	flags.BoolVar(&s.insecureNoAuth, "insecure-no-auth", false,
		"serve the admin API without REVOKED_API_KEY; only on a loopback address")
	flags.BoolVar(&s.ephemeralSealKey, "insecure-ephemeral-seal-key", false,
		"seal stored refresh tokens by a key that is lost at exit, instead of REVOKED_SEAL_KEYS; for development")
}

func (s *settings) load() (service.Config, error) {
	return service.Load(s.path, config.Environ(), func(c *service.Config) {
		c.Version = build.Current().Version
		c.InsecureNoAuth = s.insecureNoAuth
		c.InsecureEphemeralSealKey = s.ephemeralSealKey
		if s.probe && c.Probe.Interval == 0 {
			c.Probe.Interval = service.DefaultProbeInterval
		}
		for _, o := range []struct {
			flag string
			addr *string
		}{{s.public, &c.PublicAddr}, {s.admin, &c.AdminAddr}, {s.meta, &c.MetricsAddr}, {s.debug, &c.DebugAddr}} {
			if o.flag != "" {
				*o.addr = o.flag
			}
		}
	})
}

func configCommand() *cobra.Command {
	var set settings
	check := &cobra.Command{
		Short: "Print the configuration in force, secrets masked; exit 2 if it is wrong",
		Long: `check reads file, environment and flags as serve does, opens nothing and calls
nobody. It prints the configuration in force with secrets masked, or everything
that is wrong with it.`,
		Example: `  revoked config check --config revoked.yaml`,
	}
	set.bind(check)
	return cli.ConfigCheck(check, func() ([]byte, error) {
		cfg, err := set.load()
		if err != nil {
			return nil, err
		}
		return cfg.YAML()
	})
}
