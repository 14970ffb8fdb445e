package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

func (a *app) auditCommand() *cobra.Command {
	var q client.AuditQuery
	var since, until string
	var export bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who did what, the newest first",
		Long: `Show who revoked, lifted, removed nodes or read the audit: when, from where, and
how it ended, what was refused included. It takes the role admin, and is itself
recorded.

With --export every entry that is selected is written as a line of JSON, the
newest first, without a limit.`,
		Example: `  revokectl audit --limit 20
  revokectl audit --actor oncall --since 2026-11-24T00:00:00Z
  revokectl audit --export > audit.ndjson`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Limit < 1 {
				return usagef("--limit is %d, not 1 or more", q.Limit)
			}
			var err error
			for _, f := range []struct {
				flag, text string
				to         *time.Time
			}{{"--since", since, &q.Since}, {"--until", until, &q.Until}} {
				if f.text == "" {
					continue
				}
				if *f.to, err = time.Parse(time.RFC3339, f.text); err != nil {
					return usagef("%s %q is not a time such as 2006-01-02T15:04:05Z", f.flag, f.text)
				}
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			ctx, cancel := a.interruptible(cmd.Context())
			defer cancel()
			var kept []client.AuditEntry
			err = c.Audit(ctx, q, export, func(page []client.AuditEntry) error {
				if !export {
					kept = append(kept, page...)
					return nil
				}
				return a.writeLines(page)
			})
			if err != nil {
				return fmt.Errorf("reading the audit: %w", err)
			}
			if export {
				return nil
			}
			return a.printAudit(kept)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Actor, "actor", "", "only of this key, sub or app client")
	f.StringVar(&q.Operation, "operation", "", "only revoke, lift, remove_node or read_audit")
	f.StringVar(&q.Outcome, "outcome", "", "only intended, accepted, refused or failed")
	f.StringVar(&q.Act, "act", "", "only of the revocation with this `ID`")
	f.StringVar(&q.Target, "target", "", "only of this jti, origin_jti, sub and so on")
	f.StringVar(&since, "since", "", "from this `TIME` on, as 2006-01-02T15:04:05Z")
	f.StringVar(&until, "until", "", "before this `TIME`")
	f.IntVar(&q.Limit, "limit", 50, "show `N` entries at most; --export shows all")
	f.BoolVar(&export, "export", false, "write everything that is selected as lines of JSON")
	return cmd
}

// writeLines writes entries as the service sent them, each on a line.
func (a *app) writeLines(page []client.AuditEntry) error {
	var out bytes.Buffer
	for _, e := range page {
		if err := json.Compact(&out, e.Raw); err != nil {
			return err
		}
		out.WriteByte('\n')
	}
	return a.write(printableJSON(out.Bytes()))
}

func (a *app) printAudit(entries []client.AuditEntry) error {
	if a.output == formatJSON {
		return a.printJSON(map[string][]client.AuditEntry{"entries": entries})
	}
	rows := [][]string{{"TIME", "OPERATION", "OUTCOME", "ACTOR", "FROM", "KIND", "TARGET", "ACT", "PROBLEM", "REASON"}}
	for _, e := range entries {
		rows = append(rows, []string{e.Time.String(), e.Operation, e.Outcome, e.Actor, e.From, e.Kind, e.Target, e.Act, e.Problem, e.Reason})
	}
	if len(entries) == 0 {
		fmt.Fprintln(a.stderr, "revokectl: there are no entries")
	}
	return a.printTable(rows)
}
