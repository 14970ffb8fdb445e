// Command revoked-dev runs the whole of revoked on loopback: NATS JetStream, a
// Cognito emulator, the revoke service and sample API nodes. It is for trying
// things out and for tests, never for production.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/cli"
	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/dev"
)

func main() { os.Exit(run()) }

// run returns the exit code: 0 if all went well, 1 if not, 2 for wrong usage.
func run() int { return cli.Run(rootCommand()) }

// leftRunning is for what goes on until it is interrupted: that is its proper
// end, even while it starts.
func leftRunning(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // see above
	}
	return err
}

// finished is for what has an end of its own: interrupted, it has proven nothing.
func finished(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	return err
}

func rootCommand() *cobra.Command {
	var cognitoOnly bool
	var listen string
	root := &cobra.Command{
		Use:   "revoked-dev",
		Short: "All of revoked on loopback, to try things out",
		Long: `revoked-dev runs NATS JetStream, a Cognito emulator, the revoke service and
three sample API nodes on loopback addresses. Nothing of it is for production.

Exit codes: 0 ok (for what goes on until then, Ctrl-C and SIGTERM included), 1
failure, interruption or a step that did not hold, 2 wrong command line or
environment.`,
		Example: `  revoked-dev demo                  # the story of a revocation, step by step
  revoked-dev run                   # leave everything up and print what to try
  revoked-dev --cognito-only        # just the emulator, for tests in any language`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cognitoOnly && cmd.Flags().Changed("listen") {
				return cli.Usagef("--listen goes with --cognito-only")
			}
			if !cognitoOnly {
				return cmd.Help()
			}
			return leftRunning(cmd.Context(), dev.RunCognito(cmd.Context(), listen, cmd.OutOrStdout()))
		},
	}
	root.Flags().BoolVar(&cognitoOnly, "cognito-only", false, "serve only the Cognito emulator, with the demo pool, until interrupted")
	root.Flags().StringVar(&listen, "listen", dev.CognitoAddr, "`HOST:PORT` of the emulator, with --cognito-only")
	root.AddCommand(runCommand(), demoCommand(), receiptsCommand(), nodeCommand())
	cli.Root(root)
	return root
}

func runCommand() *cobra.Command {
	var probe time.Duration
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Leave everything up, and print URLs, users and lines to try",
		Long: `run starts everything on 127.0.0.1, at its usual ports where they are free, prints addresses, users, an API
key and lines to paste into another terminal, and goes on until Ctrl-C or SIGTERM.
What was revoked is forgotten then.`,
		Example: `  revoked-dev run
  revoked-dev run --probe 10s       # and measure all the time how soon nodes refuse`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if probe != 0 && probe < time.Second {
				return cli.Usagef("--probe %v: give at least 1s", probe)
			}
			log := cli.Logger(config.Log{Level: "info", Format: "console"})
			return leftRunning(cmd.Context(), dev.Run(cmd.Context(), cmd.OutOrStdout(), log, probe))
		},
	}
	cmd.Flags().DurationVar(&probe, "probe", 0, "revoke a canary as often, and measure how soon the nodes enforce it; 0 for never")
	return cmd
}

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Tell the story of a revocation; exit 0 only if every step held",
		Long: `demo signs in, revokes at Cognito alone (the nodes go on accepting), revokes
with revoked (the nodes refuse), kills and restarts a node, signs a user out
everywhere, and counts what the nodes send. Each step prints what was expected
and what happened; the first that does not hold ends it with exit code 1.

DEMO_BREAK=<step> breaks a step on purpose, to see that it is noticed.
DEMO_REPEATS=<n> is how often the time to refusal is measured (default 50).`,
		Example: `  revoked-dev demo
  DEMO_BREAK=revoke DEMO_REPEATS=5 revoked-dev demo   # exit code 1, at step 4`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			repeats, err := repeatsFrom(os.Getenv("DEMO_REPEATS"))
			if err != nil {
				return err
			}
			broken := os.Getenv("DEMO_BREAK")
			if broken != "" && !slices.Contains(dev.DemoSteps(), broken) {
				return cli.Usagef("DEMO_BREAK=%s: no such step; the steps are %s", broken, strings.Join(dev.DemoSteps(), ", "))
			}
			return finished(cmd.Context(), dev.RunDemo(cmd.Context(), dev.DemoConfig{Out: cmd.OutOrStdout(), Break: broken, Repeats: repeats}))
		},
	}
}

func receiptsCommand() *cobra.Command {
	cfg := dev.ReceiptsConfig{}
	cmd := &cobra.Command{
		Use:   "receipts",
		Short: "Show receipts over a fleet of processes, one of them frozen; takes two minutes",
		Long: `receipts starts a fleet of node processes, revokes sessions with revokectl --wait,
freezes a node (kill -STOP) and lets it go on, and fails unless every receipt says
what is true. It needs a Unix system.`,
		Example: `  revoked-dev receipts
  revoked-dev receipts --nodes 5 --revokectl bin/revokectl`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.Nodes < 2 || cfg.Nodes > 200 {
				return cli.Usagef("--nodes %d: give a number from 2 to 200", cfg.Nodes)
			}
			cfg.Out = cmd.OutOrStdout()
			return finished(cmd.Context(), dev.RunReceipts(cmd.Context(), cfg))
		},
	}
	cmd.Flags().IntVar(&cfg.Nodes, "nodes", 20, "`N` node processes, 2 to 200")
	cmd.Flags().StringVar(&cfg.Revokectl, "revokectl", "revokectl", "`PATH` of the revokectl command")
	return cmd
}

func repeatsFrom(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1000 {
		return 0, cli.Usagef("DEMO_REPEATS=%q: give a number from 1 to 1000", s)
	}
	return n, nil
}

// nodeCommand is one sample API node; run and demo start it as processes.
func nodeCommand() *cobra.Command {
	var cfg dev.NodeConfig
	cmd := &cobra.Command{
		Use:    "node",
		Short:  "One sample API node; ends when its standard input does",
		Hidden: true,
		Args:   cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() { // ends with the process
				io.Copy(io.Discard, os.Stdin)
				cancel()
			}()
			return leftRunning(ctx, dev.RunNode(ctx, cfg, cmd.OutOrStdout()))
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Name, "name", "node", "name of the node")
	f.StringVar(&cfg.Listen, "listen", "127.0.0.1:0", "address to listen on")
	f.StringVar(&cfg.NATS, "nats", "", "NATS URLs")
	f.StringVar(&cfg.Pool, "pool", "", "user pool id")
	f.StringVar(&cfg.JWKS, "jwks", "", "URL of the pool's keys")
	f.StringVar(&cfg.Client, "client", "", "app client whose tokens are accepted")
	f.StringVar((*string)(&cfg.Sabotage), "sabotage", "", "be wrong in one way, for tests")
	return cmd
}
