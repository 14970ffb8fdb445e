package main

import (
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func (a *app) liftCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "lift ID...",
		Short: "Undo revocations, by their ids",
		Long: `Undo revocations: nodes accept again what no other revocation refuses. What
Cognito has ended stays ended. The revocations stay listed, with who lifted them
and why. To lift what is lifted already changes nothing.`,
		Example: `  revokectl lift 3f2a9c0d5e6b47188a9b0c1d2e3f4051 --reason "wrong user"
  revokectl list --kind group --state open -o json | jq -r '.revocations[].id' | xargs revokectl lift`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids := make([]revocation.ActID, len(args))
			for i, arg := range args {
				var err error
				if ids[i], err = parseID(arg); err != nil {
					return err
				}
			}
			if !utf8.ValidString(reason) {
				return usagef("--reason is not UTF-8")
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			return a.lift(cmd, c, ids, reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for other operators to read; no personal data")
	return cmd
}

// lift goes on with the others if one fails, and returns the first error.
func (a *app) lift(cmd *cobra.Command, c *client.Client, ids []revocation.ActID, reason string) error {
	var lifted []client.Revocation
	var failed error
	for _, id := range ids {
		ctx, cancel := a.interruptible(cmd.Context())
		rev, err := c.Lift(ctx, id, reason)
		cancel()
		switch {
		case err == nil:
			lifted = append(lifted, rev)
		case failed == nil:
			failed = fmt.Errorf("lifting revocation %s: %w", id, err)
		default:
			a.report(fmt.Errorf("lifting revocation %s: %w", id, err), cmd.CommandPath())
		}
		if cmd.Context().Err() != nil {
			break
		}
	}
	var err error
	switch {
	case len(lifted) == 0:
	case len(ids) == 1:
		err = a.printRevocation(lifted[0])
	default:
		err = a.printList(lifted)
	}
	if failed != nil {
		return failed
	}
	return err
}

func parseID(arg string) (revocation.ActID, error) {
	id, err := revocation.ParseActID(arg)
	if err != nil {
		return id, usagef("the ID of a revocation is 32 lower-case hexadecimal digits, as list and revoke print it")
	}
	return id, nil
}
