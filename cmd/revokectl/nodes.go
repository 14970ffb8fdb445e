package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

func (a *app) nodesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "Show the nodes that follow the stream",
		Long: `Show every node that has reported to the service: how far its view is, and what
it does with tokens while its view is stale.

A silent node counts in receipts until its lease ends, when it is sure to refuse
what it can't vouch for; or, if it serves while stale, until it is removed.`,
		Example: `  revokectl nodes
  revokectl nodes -o json | jq -r '.nodes[] | select(.silent) | .node'
  revokectl nodes remove orders ip-10-0-3-7`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			nodes, raw, err := c.Nodes(ctx)
			if err != nil {
				return fmt.Errorf("listing nodes: %w", err)
			}
			if a.output == formatJSON {
				return a.printJSON(raw)
			}
			return a.printNodes(nodes)
		},
	}
	cmd.AddCommand(a.removeNodeCommand())
	return cmd
}

func (a *app) printNodes(nodes []client.Node) error {
	rows := [][]string{{"SERVICE", "NODE", "STATE", "STALENESS", "SEQUENCE", "ACTS", "POLICY", "UP", "HEARD", "NOTE"}}
	for _, n := range nodes {
		staleness, up, heard, state := "", "", "", n.State
		if !n.AsOf.IsZero() && !n.LastHeard.IsZero() {
			// As it was when it said so.
			staleness = max(0, n.LastHeard.Sub(n.AsOf.Time)).Round(100 * time.Millisecond).String()
		}
		if !n.StartedAt.IsZero() {
			up = max(0, time.Since(n.StartedAt.Time)).Round(time.Second).String()
		}
		if !n.LastHeard.IsZero() {
			heard = ago(n.LastHeard.Time)
		}
		note := n.Detail
		switch {
		case n.Unproven:
			state, note = "unproven", "may accept revoked tokens; remove it if it is gone"
		case n.Silent:
			state = "silent"
		}
		rows = append(rows, []string{
			n.Service, n.Node, state, staleness, strconv.FormatUint(n.Sequence, 10), strconv.FormatUint(n.Acts, 10), n.Policy, up, heard, note,
		})
	}
	if len(nodes) == 0 {
		fmt.Fprintln(a.stderr, "revokectl: no node has reported")
	}
	return a.printTable(rows)
}

func (a *app) removeNodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove SERVICE NODE",
		Short: "Take a silent node out of the fleet, because it serves nobody",
		Long: `Take the silent processes of a node out of the fleet, on your word that they
serve nobody any more. Nobody can tell that from afar: a node that serves while
stale, and is only out of reach, accepts revoked tokens. One that reports again
is back by itself.`,
		Example:           `  revokectl nodes remove orders ip-10-0-3-7`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" || args[1] == "" {
				return usagef("the service or the node is empty")
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			n, err := c.RemoveNode(ctx, args[0], args[1])
			if err != nil {
				return fmt.Errorf("removing a node: %w", err)
			}
			if a.output == formatJSON {
				return a.printJSON(map[string]int{"removed": n})
			}
			return a.printTable([][]string{{"removed", strconv.Itoa(n)}})
		},
	}
}
