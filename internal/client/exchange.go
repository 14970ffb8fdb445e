package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer bounds an answer in bytes: a thousand revocations are less
	// than a tenth of it.
	maxAnswer = 8 << 20
	// maxProblem bounds a refusal.
	maxProblem = 64 << 10
)

// answer is a success of the service.
type answer struct {
	method, url string
	status      int
	location    string
	contentType string
	body        []byte
}

// send makes one request. body nil sends none.
func (c *Client) send(ctx context.Context, method string, u *url.URL, body []byte) (answer, error) {
	// Once a connection is there, bytes may have been sent; before, none were.
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	req, err := http.NewRequestWithContext(traced, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("client: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json, application/problem+json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		// The error of package http repeats method and address.
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return answer{}, &UnansweredError{Method: method, URL: u.String(), Sent: sent.Load(), Err: err}
	}
	defer resp.Body.Close()

	ans := answer{method: method, url: u.String(), status: resp.StatusCode, location: resp.Header.Get("Location")}
	ans.contentType, _, err = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		ans.contentType = ""
	}
	success := resp.StatusCode >= 200 && resp.StatusCode < 300
	limit := int64(maxProblem)
	if success {
		limit = maxAnswer
	}
	ans.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if !success {
		return answer{}, ans.problem(resp.Header)
	}
	if err != nil {
		return answer{}, ans.unreadable(fmt.Errorf("the answer broke off: %w", err))
	}
	if int64(len(ans.body)) > limit {
		return answer{}, ans.unreadable(fmt.Errorf("the answer is longer than %d bytes", limit))
	}
	return ans, nil
}

// decode reads a success into v.
func (a answer) decode(v any) error {
	if a.contentType != "application/json" {
		got := "nothing"
		if a.contentType != "" {
			got = a.contentType
		}
		return a.unreadable(fmt.Errorf("the answer declares to be %s, not application/json", got))
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return a.unreadable(fmt.Errorf("the answer is not as expected: %w", err))
	}
	return nil
}

func (a answer) unreadable(err error) error {
	return &UnreadableError{Method: a.method, URL: a.url, Status: a.status, Location: a.location, Err: err}
}

// problem turns an answer that is not a success into an error. A body that
// can't be read costs the detail, never the status.
func (a answer) problem(header http.Header) error {
	e := &ProblemError{
		Method: a.method, URL: a.url, Status: a.status,
		FromService: a.contentType == "application/problem+json",
		RetryAfter:  wait(header.Get("Retry-After")),
		RequestID:   header.Get("X-Request-Id"),
	}
	if a.status >= 300 && a.status < 400 {
		e.Location = a.location
	}
	if e.FromService && json.Unmarshal(a.body, &e.Problem) != nil {
		e.Problem = Problem{}
	}
	return e
}

// maxWait is the longest Retry-After that is believed.
const maxWait = 24 * time.Hour

// wait reads Retry-After: seconds or a date (RFC 9110, section 10.2.3).
func wait(header string) time.Duration {
	if seconds, err := strconv.ParseUint(strings.TrimSpace(header), 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxWait)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(time.Until(at), 0), maxWait)
	}
	return 0
}
