package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

// minWatch keeps a watch within what a caller may send.
const minWatch = 500 * time.Millisecond

func (a *app) watchCommand() *cobra.Command {
	every := 2 * time.Second
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print a line whenever a node comes, goes or changes its state",
		Long: `Print the nodes, and then a line whenever one comes, goes, falls silent, becomes
stale or live again, until interrupted. It asks the service again and again; a
change that comes and goes between two questions is not seen. With -o json each
line is a node as the service describes it, with the change.`,
		Example: `  revokectl watch
  revokectl watch --every 1s -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < minWatch {
				return usagef("--every is %v, less than %v", every, minWatch)
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			return a.watch(cmd.Context(), c, every)
		},
	}
	cmd.Flags().Var((*positive)(&every), "every", "how often to ask")
	return cmd
}

// watch ends with ctx, an interrupt, or an answer that more questions would not
// change.
func (a *app) watch(parent context.Context, c *client.Client, every time.Duration) error {
	ctx, stop := interrupts(parent)
	defer stop()
	known := map[string]client.Node{}
	failing := false
	for {
		attempt, cancel := context.WithTimeout(ctx, a.timeout)
		nodes, _, err := c.Nodes(attempt)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if problem, ok := errors.AsType[*client.ProblemError](err); ok && problem.Status < 500 && problem.Status != 429 {
				return fmt.Errorf("watching: %w", err)
			}
			if !failing {
				fmt.Fprintln(a.stderr, "revokectl: "+printable(err.Error())+"; asking again")
			}
		default:
			if err := a.printChanges(known, nodes); err != nil {
				return err
			}
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// printChanges prints what is different from known, and updates that.
func (a *app) printChanges(known map[string]client.Node, nodes []client.Node) error {
	seen := map[string]bool{}
	for _, n := range nodes {
		id := n.Service + "/" + n.Node + " " + n.StartedAt.String()
		seen[id] = true
		before, old := known[id]
		known[id] = n
		if old && condition(before) == condition(n) {
			continue
		}
		if err := a.printChange(n, condition(n)); err != nil {
			return err
		}
	}
	for id, n := range known {
		if !seen[id] {
			delete(known, id)
			if err := a.printChange(n, "gone"); err != nil {
				return err
			}
		}
	}
	return nil
}

// condition is what a line is printed for.
func condition(n client.Node) string {
	switch {
	case n.Unproven:
		return "unproven: may accept revoked tokens"
	case n.Silent:
		return "silent"
	case n.Detail != "":
		return n.State + ": " + n.Detail
	}
	return n.State
}

func (a *app) printChange(n client.Node, change string) error {
	now := time.Now().UTC().Format(time.RFC3339)
	if a.output == formatJSON {
		return a.printJSON(struct {
			Time   string      `json:"time"`
			Change string      `json:"change"`
			Node   client.Node `json:"node"`
		}{now, change, n})
	}
	return a.write([]byte(now + "  " + printable(n.Service+"/"+n.Node+"  "+change+", "+n.Policy) + "\n"))
}
