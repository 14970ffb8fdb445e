package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// errNotMet: the revocation is denied, and the nodes that were waited for have
// not all proven that they enforce it.
var errNotMet = errors.New("denied, but not proven to be enforced by the nodes that were waited for")

// waitFlag adds --wait to a command.
func waitFlag(cmd *cobra.Command, want *string) {
	cmd.Flags().StringVar(want, "wait", "",
		"wait for nodes to prove that they enforce it, up to --timeout: all, majority or a number; exit code 5 if they don't")
}

func checkWait(want string) error {
	switch want {
	case "", "all", "majority":
		return nil
	}
	if n, err := strconv.Atoi(want); err != nil || n < 1 {
		return usagef("--wait %q: it is all, majority or a number of nodes", want)
	}
	return nil
}

// await asks again until nodes have proven what is wanted or ctx ends, which is
// no error here: the receipt says so.
func (a *app) await(ctx context.Context, c *client.Client, rev client.Revocation, want string) (client.Revocation, error) {
	if want == "" || rev.Receipt != nil && rev.Receipt.Met {
		return rev, nil
	}
	id, err := revocation.ParseActID(rev.ID)
	if err != nil {
		return rev, err
	}
	newest, err := c.Await(ctx, id, want)
	if newest.ID == "" {
		newest = rev
	}
	if newest.Receipt != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		err = nil // the newest answer says how far they are
	}
	return newest, err
}

// notMet is nil unless nodes were waited for in vain.
func notMet(rev client.Revocation, want string) error {
	if want == "" || rev.Receipt != nil && rev.Receipt.Met {
		return nil
	}
	return fmt.Errorf("revocation %s: %w", rev.ID, errNotMet)
}

// receiptRows shows a receipt, the counts first.
func receiptRows(r *client.Receipt) [][]string {
	if r == nil {
		return nil
	}
	counts := fmt.Sprintf("%d/%d", r.Enforced, r.Total)
	if r.P99 != nil {
		counts += ", p99 " + millis(*r.P99)
	}
	if r.P50 != nil {
		counts += ", p50 " + millis(*r.P50)
	}
	if !r.Met {
		counts += " (wait " + r.Wait + ": not met)"
	}
	rows := [][]string{{"enforced", counts}}
	for _, s := range r.Services {
		text := fmt.Sprintf("%s %d/%d", s.Service, s.Enforced, s.Total)
		if s.Expected > 0 {
			text += fmt.Sprintf(", %d expected", s.Expected)
		}
		rows = append(rows, []string{"service", text})
	}
	for _, s := range r.Stragglers {
		text := s.Service + "/" + s.Node + ": " + stragglerText(s.Reason)
		if !s.LastHeard.IsZero() {
			text += ", last heard " + ago(s.LastHeard.Time)
		}
		rows = append(rows, []string{"straggler", text})
	}
	for _, s := range r.Shortfalls {
		rows = append(rows, []string{"not proven", shortfallText(s)})
	}
	return rows
}

func millis(ms float64) string {
	if ms < 10 {
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	}
	return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
}

func ago(t time.Time) string {
	return max(0, time.Since(t)).Round(time.Second).String() + " ago"
}

// stragglerText says in words why a node does not count. What this version
// does not know it shows as it is.
func stragglerText(reason string) string {
	switch reason {
	case "silent":
		return "silent"
	case "unproven":
		return "silent for longer than its lease, and it serves while stale: revokectl nodes remove it if it is gone"
	case "no_answer":
		return "has not answered"
	case "not_live":
		return "its view is not live"
	case "report_only":
		return "reports only, and refuses nothing"
	case "behind":
		return "has not got there in the stream"
	case "not_refused":
		return "its check does not refuse the target by this revocation"
	case "other_epoch":
		return "follows another history of the stream"
	case "unreadable_act":
		return "is too old to read the revocation"
	}
	return strings.ReplaceAll(reason, "_", " ")
}

func shortfallText(s string) string {
	switch s {
	case "no_nodes":
		return "no node has reported"
	case "listening":
		return "this replica of the service has listened for less than one lease: nodes that are silent may be unknown to it"
	case "fewer_than_expected":
		return "a service has fewer nodes than the service's configuration expects"
	case "too_many_nodes":
		return "there are more nodes than the service keeps"
	}
	return strings.ReplaceAll(s, "_", " ")
}
