package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

// printRevocation prints all that is known of one revocation. The first column
// has the names of the JSON fields.
func (a *app) printRevocation(r client.Revocation) error {
	if a.output == formatJSON {
		return a.printJSON(r)
	}
	rows := [][]string{
		{"id", r.ID},
		{"kind", r.Kind},
		{"target", r.Target},
		{"pool", r.Pool},
		{"except_session", r.ExceptSession},
		{"state", r.State},
		{"lift", liftText(r.Lift)},
		{"denied", deniedText(r.Denied)},
	}
	rows = append(rows, receiptRows(r.Receipt)...)
	rows = append(rows, [][]string{
		{"cognito", cognitoText(r.Cognito)},
		{"accepted_at", r.AcceptedAt.String()},
		{"basis", r.Basis},
		{"cutoff", r.Cutoff.String()},
		{"not_before", remark(r.NotBefore, "sign in again from then on")},
		{"expires_at", remark(r.ExpiresAt, expiryRemark(r))},
		{"standing_until", remark(r.StandingUntil, standingRemark(r.Cognito))},
		{"keep_until", r.KeepUntil.String()},
		{"reason", r.Reason},
		{"operator", r.Operator},
		{"note", r.Note},
	}...)
	known := rows[:0]
	for _, row := range rows {
		if row[1] != "" {
			known = append(known, row)
		}
	}
	return a.printTable(known)
}

func liftText(l *client.Lift) string {
	if l == nil {
		return ""
	}
	text := "at " + l.At.String()
	if l.Operator != "" {
		text += " by " + l.Operator
	}
	if l.Reason != "" {
		text += ": " + l.Reason
	}
	return text
}

func deniedText(d client.Denied) string {
	if d.Sequence == 0 {
		return "not yet"
	}
	if d.At.IsZero() {
		return fmt.Sprintf("sequence %d", d.Sequence)
	}
	return fmt.Sprintf("sequence %d at %s", d.Sequence, d.At)
}

func cognitoText(l client.Leg) string {
	text := strings.ReplaceAll(l.State, "_", " ")
	if l.Code != "" {
		text += " (" + l.Code + ")"
	}
	if !l.DoneAt.IsZero() {
		text += " at " + l.DoneAt.String()
	}
	if l.Attempts > 0 {
		text += fmt.Sprintf(", attempts: %d", l.Attempts)
	}
	if !l.NextTry.IsZero() {
		text += ", next at " + l.NextTry.String()
	}
	return text
}

func remark(t client.Time, text string) string {
	if t.IsZero() {
		return ""
	}
	return t.String() + " (" + text + ")"
}

// expiryRemark says what ends then: the service extends a revocation for as
// long as Cognito may confirm it and has not.
func expiryRemark(r client.Revocation) string {
	if r.State == "open" && r.Cognito.State != "not_applicable" {
		return "extended until Cognito confirms"
	}
	return "no token of it can be left then"
}

func standingRemark(l client.Leg) string {
	if l.State == "not_applicable" {
		return "Cognito can't confirm it: nodes refuse it until then"
	}
	return "Cognito has not confirmed: nodes refuse it at least until then"
}

// printList prints one revocation per line.
func (a *app) printList(list []client.Revocation) error {
	if a.output == formatJSON {
		return a.printJSON(map[string][]client.Revocation{"revocations": list})
	}
	rows := [][]string{{"ID", "ACCEPTED", "KIND", "TARGET", "POOL", "STATE", "DENIED", "COGNITO", "EXPIRES"}}
	for _, r := range list {
		sequence := ""
		if r.Denied.Sequence > 0 {
			sequence = strconv.FormatUint(r.Denied.Sequence, 10)
		}
		rows = append(rows, []string{
			r.ID, r.AcceptedAt.String(), r.Kind, r.Target, r.Pool, r.State, sequence, r.Cognito.State, r.ExpiresAt.String(),
		})
	}
	if len(list) == 0 {
		fmt.Fprintln(a.stderr, "revokectl: there are no revocations")
	}
	return a.printTable(rows)
}

// printTable aligns rows. An empty cell becomes a dash, so that a script can
// count columns.
func (a *app) printTable(rows [][]string) error {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = printable(cell)
			if cell == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return a.write(out.Bytes())
}

// printJSON prints v on several lines, with every character outside strings
// and most inside as they are.
func (a *app) printJSON(v any) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return a.write(printableJSON(out.Bytes()))
}

func (a *app) write(data []byte) error {
	if _, err := a.stdout.Write(data); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// printable replaces what could move the cursor, hide text or reorder it by
// escapes: what the service stores comes from tokens and from other people.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// printableJSON does the same for a JSON text, and keeps its meaning: there,
// all but the line breaks between values are within strings.
func printableJSON(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		switch {
		case unicode.IsPrint(r) || r == '\n':
			b.WriteRune(r)
		case r > 0xffff:
			// RFC 8259, section 7: beyond the basic plane, a surrogate pair.
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
