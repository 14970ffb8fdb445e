package client

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// attempts is how often a reading request is sent at most.
	attempts = 3
	// firstPause is the pause before the second attempt; it doubles, and up to
	// half of it is taken off at random, so that scripts started together do
	// not come back together.
	firstPause = 400 * time.Millisecond
	// maxPause is the longest Retry-After that is waited for: a person is
	// looking on.
	maxPause = 5 * time.Second
)

// read sends a call that changes nothing, and again after a failure that may
// pass, as long as the deadline of ctx leaves time for the pause.
func (c *Client) read(ctx context.Context, what call) (answer, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		ans, err := c.send(ctx, what)
		asked, again := passing(err)
		if !again || attempt == attempts || ctx.Err() != nil {
			return ans, err
		}
		delay := max(asked, pause/2+rand.N(pause/2))
		if deadline, ok := ctx.Deadline(); delay > maxPause || ok && time.Until(deadline) <= delay {
			return ans, err
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ans, err
		}
		pause *= 2
	}
}

// passing reports whether err may be gone on another attempt, and how long the
// service asked to wait.
func passing(err error) (time.Duration, bool) {
	if problem, ok := errors.AsType[*ProblemError](err); ok {
		switch problem.Status {
		case http.StatusTooManyRequests, http.StatusBadGateway,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return problem.RetryAfter, true
		}
		return 0, false
	}
	if _, ok := errors.AsType[*UnansweredError](err); ok {
		_, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
		return 0, !distrusted
	}
	return 0, false
}
