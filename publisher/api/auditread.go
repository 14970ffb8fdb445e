package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/audit"
)

const (
	auditLimit    = 100
	maxAuditLimit = 1000
)

// auditEntry is an entry as the API shows it.
type auditEntry struct {
	Sequence uint64 `json:"sequence"`
	audit.Entry
}

// readAudit serves GET /v1/audit.
func (a *admin) readAudit(w http.ResponseWriter, r *http.Request) {
	q, err := auditQuery(r)
	if err == nil {
		// What was shown is on record before it is shown.
		e := a.cfg.auditor.entry(r.Context(), opReadAudit)
		e.Outcome = audit.Accepted
		if err = a.cfg.Audit.Record(r.Context(), e); err != nil {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	page, err := a.cfg.Audit.Read(r.Context(), q)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	shown := struct {
		Entries []auditEntry `json:"entries"`
		// Next is the before of the next page; absent on the last.
		Next string `json:"next,omitempty"`
	}{Entries: []auditEntry{}}
	for _, e := range page.Entries {
		shown.Entries = append(shown.Entries, auditEntry{e.Sequence, e.Entry})
	}
	if page.Next != 0 {
		shown.Next = strconv.FormatUint(page.Next, 10)
	}
	writeJSON(w, "application/json", http.StatusOK, shown)
}

func auditQuery(r *http.Request) (audit.Query, error) {
	given, err := readQuery(r, "actor", "operation", "outcome", "act", "target", "since", "until", "before", "limit")
	if err != nil {
		return audit.Query{}, err
	}
	q := audit.Query{
		Actor: given["actor"], Operation: given["operation"], Act: given["act"], Target: given["target"],
		Outcome: audit.Outcome(given["outcome"]), Limit: auditLimit,
	}
	switch q.Outcome {
	case "", audit.Intended, audit.Accepted, audit.Refused, audit.Failed:
	default:
		return q, malformed("outcome", "The outcome is one of intended, accepted, refused, failed.")
	}
	for name, to := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if text := given[name]; text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				return q, malformed(name, "It is not a time such as 2030-01-02T15:04:05Z.")
			}
		}
	}
	if text := given["before"]; text != "" {
		if q.Before, err = strconv.ParseUint(text, 10, 64); err != nil || q.Before == 0 {
			return q, malformed("before", "It is not the next of a page.")
		}
	}
	if text := given["limit"]; text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > maxAuditLimit {
			return q, malformed("limit", "The limit is not a number from 1 to 1000.")
		}
	}
	return q, nil
}
