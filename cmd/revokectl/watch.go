package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

const (
	// firstReconnect and lastReconnect bound the pause before a stream that
	// has ended is asked for again.
	firstReconnect = 500 * time.Millisecond
	lastReconnect  = 15 * time.Second
)

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch",
		Short: "Print revocations and changes of nodes as they happen",
		Long: `Print the nodes, and then a line whenever a revocation is accepted, confirmed or
lifted, Cognito is told, a receipt is complete, or a node comes, goes, falls
silent, becomes stale or live again; until interrupted. It takes the role viewer.

If the connection breaks it is made again, with growing pauses and a message.
What happens in between is not told: see "revokectl list". Receipts are those of
the replica that answers. With -o json each line is an event as the service
sends it.`,
		Example: `  revokectl watch
  revokectl watch -o json | jq -c 'select(.event == "act") | .act'`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			return a.watch(cmd.Context(), c)
		},
	}
}

// watch ends with ctx, an interrupt, or an answer that asking again would not
// change.
func (a *app) watch(parent context.Context, c *client.Client) error {
	ctx, stop := interrupts(parent)
	defer stop()
	w := &watcher{app: a, known: make(map[string]client.Node)}
	pause := firstReconnect
	for {
		err := c.Events(ctx, a.timeout, func(ev client.Event) error {
			if ev.Name == "ready" {
				pause = firstReconnect
			}
			return w.take(ev)
		})
		if ctx.Err() != nil {
			return nil
		}
		asked, again := client.Passing(err)
		if !again {
			return fmt.Errorf("watching: %w", err)
		}
		fmt.Fprintln(a.stderr, "revokectl: "+printable(err.Error())+"; connecting again, what happens until then is not told")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(asked, pause/2+rand.N(pause/2))):
		}
		pause = min(2*pause, lastReconnect)
	}
}

// watcher prints events. After a new connection it prints of the nodes only
// what is different.
type watcher struct {
	*app
	known map[string]client.Node
	seen  map[string]bool // since hello; nil after ready
}

func (w *watcher) take(ev client.Event) error {
	if w.output == formatJSON {
		return w.write(append(printableJSON(ev.Raw), '\n'))
	}
	switch ev.Name {
	case "hello":
		w.seen = make(map[string]bool)
	case "ready":
		for id, n := range w.known {
			if !w.seen[id] {
				delete(w.known, id)
				if err := w.nodeLine(ev, n, "gone"); err != nil {
					return err
				}
			}
		}
		w.seen = nil
	case "node":
		return w.node(ev)
	case "act":
		act := ev.Act
		what := act.Kind + " " + act.Target
		if act.Target == "" {
			what = act.Kind
		}
		return w.line(ev, fmt.Sprintf("%s  %s, %s in %s", act.ID, act.State, what, act.Pool))
	case "leg":
		return w.line(ev, ev.ID+"  cognito "+cognitoText(ev.Cognito))
	case "receipt":
		if ev.Receipt != nil {
			return w.line(ev, ev.ID+"  enforced "+receiptRows(ev.Receipt)[0][1])
		}
	}
	return nil
}

func (w *watcher) node(ev client.Event) error {
	n := ev.Node
	id := n.Service + "/" + n.Node + " " + n.StartedAt.String()
	if ev.Change == "gone" {
		delete(w.known, id)
		return w.nodeLine(ev, n, "gone")
	}
	before, old := w.known[id]
	w.known[id] = n
	if w.seen != nil {
		w.seen[id] = true
	}
	if old && condition(before) == condition(n) && before.Policy == n.Policy {
		return nil
	}
	return w.nodeLine(ev, n, condition(n))
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

func (w *watcher) nodeLine(ev client.Event, n client.Node, change string) error {
	return w.line(ev, n.Service+"/"+n.Node+"  "+change+", "+n.Policy)
}

func (w *watcher) line(ev client.Event, text string) error {
	return w.write([]byte(ev.Time.UTC().Format(time.RFC3339) + "  " + printable(text) + "\n"))
}
