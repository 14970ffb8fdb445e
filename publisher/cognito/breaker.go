package cognito

import (
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

const (
	// breakAfter is how many calls in a row must have failed until no more are
	// sent: more than the publisher has workers, so that one bad moment is not
	// enough.
	breakAfter = 10
	// breakFor is the time until one call is let through to see.
	breakFor = 10 * time.Second
)

// breaker stops the calls of one quota category while Cognito does not answer
// them. It delays and never drops: what it holds back is tried again later by
// the publisher.
type breaker = gobreaker.TwoStepCircuitBreaker[struct{}]

func newBreaker() *breaker {
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      breakFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakAfter },
		IsSuccessful: func(err error) bool { return !isOutage(err) },
		IsExcluded:   isSilent,
	})
}

// outages are the codes that say that Cognito can't answer now. A refusal is
// an answer, and one for too many requests is the limiter's business.
var outages = map[string]bool{
	CodeTimeout:               true,
	CodeUnreachable:           true,
	CodeUnreadable:            true,
	"InternalErrorException":  true,
	"InternalServerException": true,
	"InternalFailure":         true,
	"ServiceUnavailable":      true,
}

func isOutage(err error) bool {
	refused, ok := errors.AsType[*publisher.CognitoError](err)
	return ok && outages[refused.Code]
}

// isSilent reports whether an error says nothing about Cognito.
func isSilent(err error) bool {
	refused, ok := errors.AsType[*publisher.CognitoError](err)
	if !ok {
		return false
	}
	switch refused.Code {
	case CodeLimited, CodeCanceled, CodeCredentials:
		return true
	}
	return false
}
