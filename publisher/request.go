package publisher

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Request asks for the revocation of one target. Its author has been
// authorized, and every token in it verified, by the caller.
type Request struct {
	// Target names what to refuse, and its pool.
	Target revocation.Target
	// Basis of the cutoff for kinds that have a choice (client, group, device,
	// pool); zero means [revocation.BasisToken] for those. A user always takes
	// the session basis.
	Basis revocation.Basis
	// ExpiresAt is the exp of the token if Target is one, in Unix seconds; 0
	// if unknown.
	ExpiresAt int64
	// Grant lets the publisher end a session at Cognito too. Only for a
	// session; without it the act stands until no refresh token can be left.
	Grant *Grant
	// SkipCognito says that the caller has told Cognito already.
	SkipCognito bool
	// Reason and Operator are kept with the task and shown to operators; they
	// are never published to nodes.
	Reason, Operator string
}

// Grant is what Cognito needs to end one session.
type Grant struct {
	ClientID     string
	RefreshToken string
	// AccessToken of the same session serves to prove that Cognito ended it.
	AccessToken string
	// Fresh says that RefreshToken came from a refresh that named the session,
	// a moment ago: then Cognito's success is proof enough.
	Fresh bool
}

// Validity is how long tokens of a pool may live.
type Validity struct {
	// Token is the longest life of an access or ID token of any client; zero
	// means 24 hours, the most that Cognito allows.
	Token time.Duration
	// Refresh is the longest life of a refresh token of any client; zero means
	// 30 days, Cognito's default.
	Refresh time.Duration
}

const (
	maxTokenValidity       = 24 * time.Hour
	defaultRefreshValidity = 30 * 24 * time.Hour
	// maxRefreshValidity is the longest life that Cognito allows for any token.
	maxRefreshValidity = 10 * 365 * 24 * time.Hour
)

func (v Validity) withDefaults() Validity {
	if v.Token <= 0 {
		v.Token = maxTokenValidity
	}
	if v.Refresh <= 0 {
		v.Refresh = defaultRefreshValidity
	}
	return v
}

// RequestError says that a request can never succeed as it is, and which
// field is wrong.
type RequestError struct {
	Field   string
	Problem string
}

// Error names the field and the problem.
func (e *RequestError) Error() string { return fmt.Sprintf("publisher: %s %s", e.Field, e.Problem) }

// Errors of [Publisher.Revoke] and [Publisher.RevokeSession].
var (
	// ErrNotDurable: the act could not be made durable in time. It is denied
	// on the fast path, for two minutes, if a [*NotDurableError] says so. The
	// request may be repeated.
	ErrNotDurable = errors.New("publisher: revocation not yet durable")
	// ErrNotFound: no act has this id.
	ErrNotFound = errors.New("publisher: no such revocation")
	// ErrUnknownToken: Cognito does not accept the presented refresh token, so
	// there is no session to end.
	ErrUnknownToken = errors.New("publisher: the refresh token is not valid")
	// ErrBusy: learning the session would exceed the budget for refreshes.
	// Nothing has happened; the request may be repeated later.
	ErrBusy = errors.New("publisher: budget for learning sessions is spent")
	// ErrNoSession: the token carries no origin_jti, so its session has no
	// name that nodes could refuse.
	ErrNoSession = errors.New("publisher: the token names no session")
)

// NotDurableError wraps [ErrNotDurable].
type NotDurableError struct {
	Act revocation.ActID
	// FastOnly says that nodes were told on the fast path.
	FastOnly bool
	Cause    error
}

// Error says what was reached and why not more.
func (e *NotDurableError) Error() string {
	return fmt.Sprintf("%v: act %s: %v", ErrNotDurable, e.Act, e.Cause)
}

// Unwrap returns [ErrNotDurable] and the cause.
func (e *NotDurableError) Unwrap() []error { return []error{ErrNotDurable, e.Cause} }
