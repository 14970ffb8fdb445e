package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/client"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// transport answers from a list, the last answer again and again, and counts.
type transport struct {
	answers []any // an error, a status, or a status with Retry-After
	calls   []time.Time
}

type refusal struct {
	status     int
	retryAfter string
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tr.calls = append(tr.calls, time.Now())
	next := tr.answers[min(len(tr.calls), len(tr.answers))-1]
	header := http.Header{"Content-Type": {"application/problem+json"}}
	switch next := next.(type) {
	case error:
		return nil, next
	case refusal:
		header.Set("Retry-After", next.retryAfter)
		return &http.Response{StatusCode: next.status, Header: header, Body: http.NoBody, Request: r}, nil
	default:
		header.Set("Content-Type", "application/json")
		body := io.NopCloser(strings.NewReader(`{"revocations":[]}`))
		return &http.Response{StatusCode: http.StatusOK, Header: header, Body: body, Request: r}, nil
	}
}

var errCut = errors.New("cut")

func TestListRetries(t *testing.T) {
	tests := []struct {
		name    string
		answers []any
		timeout time.Duration
		calls   int
		fails   bool
		atLeast time.Duration // of the whole call
		atMost  time.Duration
	}{
		{"at once", []any{"ok"}, time.Minute, 1, false, 0, 0},
		{"cut once", []any{errCut, "ok"}, time.Minute, 2, false, 200 * time.Millisecond, 400 * time.Millisecond},
		{"always cut", []any{errCut}, time.Minute, 3, true, 600 * time.Millisecond, 1200 * time.Millisecond},
		{"starting", []any{refusal{503, ""}, refusal{502, ""}, "ok"}, time.Minute, 3, false, 600 * time.Millisecond, 1200 * time.Millisecond},
		{"asked to wait", []any{refusal{429, "2"}, "ok"}, time.Minute, 2, false, 2 * time.Second, 2 * time.Second},
		{"asked to wait until", []any{refusal{503, "Sat, 01 Jan 2000 00:00:03 GMT"}, "ok"}, time.Minute, 2, false, 3 * time.Second, 3 * time.Second},
		{"asked to wait too long", []any{refusal{503, "6"}}, time.Minute, 1, true, 0, 0},
		{"asked to wait beyond the deadline", []any{refusal{503, "3"}}, 3 * time.Second, 1, true, 0, 0},
		{"nonsense to wait", []any{refusal{503, "-1"}, "ok"}, time.Minute, 2, false, 200 * time.Millisecond, 400 * time.Millisecond},
		{"refused", []any{refusal{403, "1"}}, time.Minute, 1, true, 0, 0},
		{"broken", []any{refusal{500, ""}}, time.Minute, 1, true, 0, 0},
		{"out of time", []any{context.DeadlineExceeded}, 100 * time.Millisecond, 1, true, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &transport{answers: tt.answers}
				c := newClient(t, client.Config{URL: "https://revoked.example", Transport: tr})
				ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
				defer cancel()
				start := time.Now()
				_, err := c.List(ctx, client.Query{})
				took := time.Since(start)
				if len(tr.calls) != tt.calls || (err != nil) != tt.fails || took < tt.atLeast || took > tt.atMost {
					t.Errorf("List = %v after %d calls in %v, want %d calls, failure %v, %v to %v",
						err, len(tr.calls), took, tt.calls, tt.fails, tt.atLeast, tt.atMost)
				}
			})
		})
	}
}

func TestRetryEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answers: []any{refusal{503, "5"}}}
		c := newClient(t, client.Config{URL: "https://revoked.example", Transport: tr})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := c.Get(ctx, revocation.NewActID())
		if _, ok := errors.AsType[*client.ProblemError](err); !ok || time.Since(start) != time.Second {
			t.Errorf("Get = %v after %v, want the service's problem after 1s", err, time.Since(start))
		}
	})
}

// A revocation is not repeated: only its author knows whether that is wanted.
func TestRevokeIsSentOnce(t *testing.T) {
	for _, answer := range []any{errCut, refusal{503, "1"}, refusal{429, "1"}, refusal{502, ""}} {
		synctest.Test(t, func(t *testing.T) {
			tr := &transport{answers: []any{answer}}
			c := newClient(t, client.Config{URL: "https://revoked.example", Transport: tr})
			if _, err := c.Revoke(t.Context(), client.Request{Kind: "user", ID: "s"}); err == nil || len(tr.calls) != 1 {
				t.Errorf("Revoke answered by %v = %v after %d calls, want an error after 1", answer, err, len(tr.calls))
			}
		})
	}
}

// FuzzRevocation: what is read is kept as it was, and an error leaves nothing.
func FuzzRevocation(f *testing.F) {
	f.Add([]byte(`{"id":"x","kind":"user","cutoff":1795507201,"not_before":"2026-11-24T08:00:02Z","denied":{"sequence":1}}`))
	f.Add([]byte(`{"id":"x","cutoff":null,"expires_at":"","cognito":{"state":"done","attempts":1}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"cutoff":1e300}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r client.Revocation
		if err := json.Unmarshal(data, &r); err != nil {
			if r.ID != "" || r.Raw != nil {
				t.Errorf("after error %v: %+v", err, r)
			}
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("marshaling what was read from %q: %v", data, err)
		}
		var s client.Revocation
		if err := json.Unmarshal(again, &s); err != nil {
			t.Fatalf("reading %q again: %v", again, err)
		}
		if r.Cutoff.String() != s.Cutoff.String() || r.ID != s.ID || r.Denied.Sequence != s.Denied.Sequence {
			t.Errorf("%q reads as %+v, written and read again as %+v", data, r, s)
		}
	})
}
