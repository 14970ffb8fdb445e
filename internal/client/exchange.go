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

// call is one request.
type call struct {
	method string
	url    *url.URL
	// body and its type; nil sends none.
	body        []byte
	contentType string
	// once is the Idempotency-Key; it may be empty.
	once string
}

// get is the call that reads u.
func get(u *url.URL) call { return call{method: http.MethodGet, url: u} }

// send makes a call once and reads the answer.
func (c *Client) send(ctx context.Context, what call) (answer, error) {
	ans, body, err := c.begin(ctx, what)
	if err != nil {
		return answer{}, err
	}
	defer body.Close()
	ans.body, err = io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		return answer{}, ans.unreadable(fmt.Errorf("the answer broke off: %w", err))
	}
	if len(ans.body) > maxAnswer {
		return answer{}, ans.unreadable(fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	}
	return ans, nil
}

// begin makes a call once and returns a success, whose body is still to be
// read and closed.
func (c *Client) begin(ctx context.Context, what call) (answer, io.ReadCloser, error) {
	// Once a connection is there, bytes may have been sent; before, none were.
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	req, err := http.NewRequestWithContext(traced, what.method, what.url.String(), bytes.NewReader(what.body))
	if err != nil {
		return answer{}, nil, fmt.Errorf("client: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json, application/x-ndjson, application/problem+json")
	if what.body != nil {
		req.Header.Set("Content-Type", what.contentType)
	}
	if what.once != "" {
		req.Header.Set("Idempotency-Key", what.once)
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
		return answer{}, nil, &UnansweredError{Method: what.method, URL: what.url.String(), Sent: sent.Load(), Err: err}
	}
	ans := answer{method: what.method, url: what.url.String(), status: resp.StatusCode, location: resp.Header.Get("Location")}
	ans.contentType, _, err = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		ans.contentType = ""
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return ans, resp.Body, nil
	}
	defer resp.Body.Close()
	// A body that can't be read costs the detail, never the status.
	ans.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxProblem+1))
	return answer{}, nil, ans.problem(resp.Header)
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
