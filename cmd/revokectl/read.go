package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

func (a *app) getCommand() *cobra.Command {
	var want string
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show one revocation",
		Long: `Show one revocation by its id: whether nodes were told, how far Cognito is, and
when it ends; with --wait, which nodes have proven that they enforce it.`,
		Example: `  revokectl get 3f2a9c0d5e6b47188a9b0c1d2e3f4051
  revokectl get 3f2a9c0d5e6b47188a9b0c1d2e3f4051 --wait all --timeout 2m
  revokectl get 3f2a9c0d5e6b47188a9b0c1d2e3f4051 -o json | jq -r .cognito.state`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID(args[0])
			if err != nil {
				return err
			}
			if err := checkWait(want); err != nil {
				return err
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			rev, err := c.Get(ctx, id)
			if err == nil {
				rev, err = a.await(ctx, c, rev, want)
			}
			if err != nil {
				return fmt.Errorf("reading revocation %s: %w", id, err)
			}
			if err := a.printRevocation(rev); err != nil {
				return err
			}
			return notMet(rev, want)
		},
	}
	waitFlag(cmd, &want)
	return cmd
}

// maxPage is the most that the service lists at once.
const maxPage = 500

func (a *app) listCommand() *cobra.Command {
	var q client.Query
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List revocations, the newest first",
		Long: `List revocations, the newest first. A column that the service left empty shows
a dash.`,
		Example: `  revokectl list
  revokectl list --kind user --state open
  revokectl list --id 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11
  revokectl list --limit 1000 -o json | jq -r '.revocations[] | select(.cognito.state == "failed") | .id'`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case q.Limit < 1:
				return usagef("--limit is %d, not 1 or more", q.Limit)
			case q.Kind != "" && !slices.Contains(kindNames(), q.Kind):
				return usagef("unknown kind %q: it is one of %s", q.Kind, strings.Join(kindNames(), ", "))
			case q.State != "" && !slices.Contains(states, q.State):
				return usagef("unknown state %q: it is one of %s", q.State, strings.Join(states, ", "))
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			list, err := pages(ctx, c, q)
			if err != nil {
				return fmt.Errorf("listing revocations: %w", err)
			}
			return a.printList(list)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&q.Limit, "limit", 50, "list `N` revocations at most")
	flags.StringVar(&q.Kind, "kind", "", "only of this `KIND`: "+strings.Join(kindNames(), ", "))
	flags.StringVar(&q.State, "state", "", "only in this `STATE`: "+strings.Join(states, ", "))
	flags.StringVar(&q.Pool, "pool", "", "only of this user `POOL`")
	flags.StringVar(&q.ID, "id", "", "only of this target: a sub, a jti and so on")
	fixed(cmd, "kind", kindNames()...)
	fixed(cmd, "state", states...)
	return cmd
}

var states = []string{"open", "confirmed", "lifted"}

// pages reads as many pages as the limit takes.
func pages(ctx context.Context, c *client.Client, q client.Query) ([]client.Revocation, error) {
	all := []client.Revocation{}
	for left := q.Limit; left > 0; {
		q.Limit = min(left, maxPage)
		page, err := c.List(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Revocations...)
		left -= len(page.Revocations)
		if q.After = page.Next; q.After == "" || len(page.Revocations) == 0 {
			break
		}
	}
	return all, nil
}
