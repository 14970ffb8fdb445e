package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

const (
	// pageSize is how many entries one request to the store asks for.
	pageSize = 500
	// maxScanned bounds the entries that one call looks at.
	maxScanned = 20 * pageSize
)

// Query selects entries. Fields that are empty select all.
type Query struct {
	Actor, Operation, Act, Target string
	Outcome                       Outcome
	Since, Until                  time.Time // inclusive, exclusive
	// Limit is the largest number of entries; required.
	Limit int
	// Before continues a list: only entries with a lower sequence.
	Before uint64
}

// Found is an entry with its place in the stream.
type Found struct {
	Sequence uint64
	Entry
}

// Page is a part of the answer to a query, the newest entry first.
type Page struct {
	Entries []Found
	// Next is what Before must be for the next page; 0 if there is no more. A
	// page may be short, or empty, and have a next one: a call looks at a
	// bounded number of entries.
	Next uint64
}

// Read answers a query. An entry that can't be read, of whatever cause, is an
// error and never left out.
func (l *Log) Read(ctx context.Context, q Query) (Page, error) {
	var page Page
	upTo := uint64(0)
	if q.Before > 0 {
		if upTo = q.Before - 1; upTo == 0 {
			return page, nil
		}
	}
	for scanned := 0; scanned < maxScanned; {
		stored, err := l.cfg.Store.Read(ctx, upTo, pageSize)
		if err != nil {
			return Page{}, err
		}
		if len(stored) == 0 {
			return page, nil
		}
		for _, s := range slices.Backward(stored) {
			var e Entry
			if err := json.Unmarshal(s.Entry, &e); err != nil {
				return Page{}, fmt.Errorf("audit: entry %d: %w", s.Sequence, err)
			}
			// Replicas write at once, so entries are nearly in the order of
			// their time; well before since there is nothing more.
			if !q.Since.IsZero() && e.Time.Before(q.Since.Add(-closeWait-time.Minute)) {
				return page, nil
			}
			if q.selects(e) {
				page.Entries = append(page.Entries, Found{s.Sequence, e})
			}
			if len(page.Entries) >= q.Limit {
				page.Next = s.Sequence
				return page.ended(), nil
			}
		}
		scanned += len(stored)
		upTo = stored[0].Sequence - 1
		if upTo == 0 {
			return page, nil
		}
	}
	page.Next = upTo + 1
	return page, nil
}

// ended clears Next if nothing can come before it.
func (p Page) ended() Page {
	if p.Next == 1 {
		p.Next = 0
	}
	return p
}

func (q Query) selects(e Entry) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(q.Actor, e.Actor) && same(q.Operation, e.Operation) && same(q.Act, e.Act) && same(q.Target, e.Target) &&
		same(string(q.Outcome), string(e.Outcome)) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) && (q.Until.IsZero() || e.Time.Before(q.Until))
}
