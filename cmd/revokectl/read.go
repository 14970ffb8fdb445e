package main

import (
	"fmt"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/spf13/cobra"
)

func (a *app) getCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show one revocation",
		Long: `Show one revocation by its id: whether nodes were told, how far Cognito is, and
when it ends.`,
		Example: `  revokectl get 3f2a9c0d5e6b47188a9b0c1d2e3f4051
  revokectl get 3f2a9c0d5e6b47188a9b0c1d2e3f4051 -o json | jq -r .cognito.state`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := revocation.ParseActID(args[0])
			if err != nil {
				return usagef("the ID of a revocation is 32 lower-case hexadecimal digits, as list and revoke print it")
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			rev, err := c.Get(ctx, id)
			if err != nil {
				return fmt.Errorf("reading revocation %s: %w", id, err)
			}
			return a.printRevocation(rev)
		},
	}
}

func (a *app) listCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List revocations, the newest first",
		Long: `List revocations, the newest first. A column that the service left empty shows
a dash.`,
		Example: `  revokectl list
  revokectl list --limit 100 -o json | jq -r '.revocations[] | select(.state == "open") | .id'`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return usagef("--limit is %d, not 1 or more", limit)
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			list, err := c.List(ctx, limit)
			if err != nil {
				return fmt.Errorf("listing revocations: %w", err)
			}
			return a.printList(list)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many to list at most")
	return cmd
}
