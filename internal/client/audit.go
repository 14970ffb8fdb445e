package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// Report is what the service found when it examined what it depends on.
type Report struct {
	// Healthy says that no finding is a failure.
	Healthy  bool      `json:"healthy"`
	Findings []Finding `json:"findings"`
}

// Finding is the answer to one question. Grade is "ok", "warn", "unknown" or
// "fail".
type Finding struct {
	Grade string `json:"grade"`
	Topic string `json:"topic"`
	Found string `json:"found"`
	Fix   string `json:"fix"`
}

// Doctor has the service examine what it depends on, and returns the answer as
// it came, too.
func (c *Client) Doctor(ctx context.Context) (Report, json.RawMessage, error) {
	ans, err := c.read(ctx, get(c.endpoint("doctor")))
	if err != nil {
		return Report{}, nil, err
	}
	var r Report
	if err := ans.decode(&r); err != nil {
		return Report{}, nil, err
	}
	if len(r.Findings) == 0 {
		return Report{}, nil, ans.unreadable(errors.New("it has no findings"))
	}
	return r, ans.body, nil
}

// AuditQuery selects entries. Fields that are empty select all.
type AuditQuery struct {
	Actor, Operation, Outcome, Act, Target string
	Since, Until                           time.Time // inclusive, exclusive
	Limit                                  int       // of all pages together
}

// AuditEntry is one operation that somebody asked for.
type AuditEntry struct {
	Time      Time   `json:"time"`
	Actor     string `json:"actor"`
	From      string `json:"from"`
	Operation string `json:"operation"`
	Outcome   string `json:"outcome"`
	Problem   string `json:"problem"`
	Act       string `json:"act"`
	Kind      string `json:"kind"`
	Target    string `json:"target"`
	Reason    string `json:"reason"`

	// Raw is what the service sent. It must not be modified.
	Raw json.RawMessage `json:"-"`
}

// UnmarshalJSON reads the fields that are known and keeps all.
func (e *AuditEntry) UnmarshalJSON(data []byte) error {
	type fields AuditEntry // without this method
	var f fields
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	*e = AuditEntry(f)
	e.Raw = bytes.Clone(data)
	return nil
}

// MarshalJSON returns Raw: what is printed is what the service sent.
func (e AuditEntry) MarshalJSON() ([]byte, error) {
	if e.Raw == nil {
		return []byte("null"), nil
	}
	return e.Raw, nil
}

// auditPage is the largest page that the service gives.
const auditPage = 1000

// Audit calls each with the entries that the query selects, the newest first,
// page by page; unlimited ignores the query's limit.
func (c *Client) Audit(ctx context.Context, q AuditQuery, unlimited bool, each func([]AuditEntry) error) error {
	left, before := q.Limit, ""
	for {
		size := min(left, auditPage)
		if unlimited {
			size = auditPage
		}
		values := url.Values{"limit": {strconv.Itoa(size)}}
		for name, value := range map[string]string{
			"actor": q.Actor, "operation": q.Operation, "outcome": q.Outcome, "act": q.Act, "target": q.Target, "before": before,
		} {
			if value != "" {
				values.Set(name, value)
			}
		}
		for name, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
			if !t.IsZero() {
				values.Set(name, t.UTC().Format(time.RFC3339))
			}
		}
		u := c.endpoint("audit")
		u.RawQuery = values.Encode()
		ans, err := c.read(ctx, get(u))
		if err != nil {
			return err
		}
		var page struct {
			Entries []AuditEntry `json:"entries"`
			Next    string       `json:"next"`
		}
		if err := ans.decode(&page); err != nil {
			return err
		}
		if page.Entries == nil {
			return ans.unreadable(errors.New("it has no list of entries"))
		}
		if err := each(page.Entries); err != nil {
			return err
		}
		left -= len(page.Entries)
		if page.Next == "" || page.Next == before || left <= 0 && !unlimited {
			return nil
		}
		before = page.Next
	}
}
