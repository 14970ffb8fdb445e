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
	// Cutoff is the caller's own, in Unix seconds of Cognito's clock, for kinds
	// that have one: tokens or sessions up to and with that second are refused.
	// 0 means a second after acceptance. It may be as old as the caller likes,
	// and 2 s ahead of Cognito's clock.
	Cutoff int64
	// KeepUntil is an expiry, in Unix seconds, below which the act never ends,
	// in whatever state; 0 for none. It makes an act longer, never shorter.
	KeepUntil int64
	// ExpiresAt is the exp of the token if Target is one, in Unix seconds; 0
	// if unknown.
	ExpiresAt int64
	// Grant lets the publisher end a session at Cognito too. Only for a
	// session; without it the act stands until no refresh token can be left.
	Grant *Grant
	// SkipCognito says that the caller has told Cognito already.
	SkipCognito bool
	// Once makes repeated requests have their effect once.
	Once Once
	// Reason and Operator are kept with the task and shown to operators; they
	// are never published to nodes.
	Reason, Operator string
}

// checkTimes checks what the caller says of times, at now and by Cognito's
// clock.
func (r *Request) checkTimes(now, cognitoNow time.Time) error {
	kind := r.Target.Kind
	switch most := cognitoNow.Add(maxCutoffAhead); {
	case !kind.HasCutoff() && r.Basis != revocation.BasisNone:
		return &RequestError{Field: "basis", Problem: fmt.Sprintf("does not go with a %s, which has no cutoff", kind)}
	case kind == revocation.KindUser && r.Basis == revocation.BasisToken:
		return &RequestError{Field: "basis", Problem: "of a user is the session, always"}
	case r.Basis > revocation.BasisToken:
		return &RequestError{Field: "basis", Problem: "is neither session nor token"}
	case !kind.HasCutoff() && r.Cutoff != 0:
		return &RequestError{Field: "cutoff", Problem: fmt.Sprintf("does not go with a %s, which is refused whenever it was issued", kind)}
	case r.Cutoff < 0:
		return &RequestError{Field: "cutoff", Problem: "is before 1970"}
	case time.Unix(r.Cutoff, 0).After(most):
		return &RequestError{Field: "cutoff", Problem: fmt.Sprintf(
			"is later than %d, two seconds from now by Cognito's clock (give Unix seconds, or none)", most.Unix())}
	}
	for _, end := range []struct {
		field  string
		at     int64
		passed string
	}{
		{"expires_at", r.ExpiresAt, "has passed: the token is refused everywhere already"},
		{"keep_until", r.KeepUntil, "has passed"},
	} {
		switch at := time.Unix(end.at, 0); {
		case end.at == 0:
		case end.field == "expires_at" && kind != revocation.KindToken:
			return &RequestError{Field: end.field, Problem: "goes with a token only"}
		case messageTTL(end.at, now) == 0:
			return &RequestError{Field: end.field, Problem: end.passed}
		case at.After(now.Add(maxRefreshValidity)):
			return &RequestError{Field: end.field, Problem: "is more than ten years away (give Unix seconds)"}
		}
	}
	return nil
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
	// Sealed says that the tokens are stored, but sealed by a key that this
	// replica does not have. Only [Tasks] set it, and keep what is sealed if the
	// task is stored again.
	Sealed bool
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

// maxCutoffAhead is how far a caller's cutoff may be ahead of Cognito's clock:
// the difference of two clocks, and the second that is not over. A later one
// would refuse sign-ins that have not happened.
const maxCutoffAhead = 2 * time.Second

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
	// ErrNoLearning: a refresh token was presented alone, and refreshing to
	// learn its session is switched off.
	ErrNoLearning = errors.New("publisher: learning sessions is switched off")
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
