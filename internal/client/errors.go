package client

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ProblemError is the service's answer when it is not a success.
type ProblemError struct {
	Method, URL string
	// Status is the HTTP status. A redirect is a problem too: it is not
	// followed.
	Status int
	// Problem is what the answer said of itself; zero unless FromService.
	Problem Problem
	// FromService says that the answer was application/problem+json, as all
	// refusals of the service are. Else it comes from a proxy, or from another
	// server that happens to be at this address.
	FromService bool
	// RetryAfter is how long the service asks to wait; 0 if it does not.
	RetryAfter time.Duration
	// Location is where a redirect points.
	Location string
	// RequestID finds the request in the service's log; it may be empty.
	RequestID string
}

// Problem is the body of an answer by RFC 9457.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Field is the field of the request that is at fault, if it is one.
	Field string `json:"field"`
	// Choices are the kinds that the presented token could be revoked by
	// instead, if there are any.
	Choices []string `json:"choices"`
	// Denied is "fast_only" if nodes were told to refuse the target, but the
	// revocation could not be stored: they forget it within minutes.
	Denied string `json:"denied"`
	// Act is the id of the revocation that the request began, if it did.
	Act string `json:"act"`
}

// FastOnly is the value of [Problem] Denied for a revocation that is not
// durable.
const FastOnly = "fast_only"

// Error names the request, the status and the problem.
func (e *ProblemError) Error() string {
	text := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	if e.Problem.Title != "" && !strings.EqualFold(e.Problem.Title, http.StatusText(e.Status)) {
		text += ": " + e.Problem.Title
	}
	if e.Problem.Detail != "" {
		text += ": " + e.Problem.Detail
	}
	if e.Problem.Field != "" {
		text += fmt.Sprintf(" (field %q)", e.Problem.Field)
	}
	return text
}

// UnansweredError says that no answer came back. It wraps the cause:
// [context.DeadlineExceeded] and [context.Canceled] if the caller's context
// ended first.
type UnansweredError struct {
	Method, URL string
	// Sent says that the request may have reached the service.
	Sent bool
	Err  error
}

// Error names the request and the cause.
func (e *UnansweredError) Error() string {
	return fmt.Sprintf("%s %s: no answer: %v", e.Method, e.URL, e.Err)
}

// Unwrap returns the cause.
func (e *UnansweredError) Unwrap() error { return e.Err }

// UnreadableError says that the answer is not what the service would send, or
// broke off.
type UnreadableError struct {
	Method, URL string
	Status      int
	// Location is the address of the new revocation, if the answer had one.
	Location string
	Err      error
}

// Error names the request, the status and what is wrong with the answer.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%s %s: %d %s, but %v", e.Method, e.URL, e.Status, http.StatusText(e.Status), e.Err)
}

// Unwrap returns what is wrong with the answer.
func (e *UnreadableError) Unwrap() error { return e.Err }
