package publisher

import (
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Status says how far a revocation has come, on both of its legs.
type Status struct {
	// Act is the newest copy that was published.
	Act        revocation.Act
	AcceptedAt time.Time
	Denied     Denied
	Cognito    Leg
	// Reason and Operator as in the request.
	Reason, Operator string
	// Floor is the request's KeepUntil.
	Floor int64
	// Lift tells of the undo; zero if there was none.
	Lift Lift
}

// Lift says when, by whom and why an act was undone. It is in force once the
// act's state is [revocation.StateLifted].
type Lift struct {
	At               time.Time
	Reason, Operator string
}

// NotBefore is the Unix second from which on a new sign-in is accepted again;
// 0 if the act has no cutoff.
func (s Status) NotBefore() int64 {
	if s.Act.Cutoff == 0 {
		return 0
	}
	return s.Act.Cutoff + 1
}

// StandingUntil is when an act ends that Cognito cannot or did not confirm,
// in Unix seconds; 0 if it is confirmed or lifted.
func (s Status) StandingUntil() int64 {
	if s.Act.State != revocation.StateOpen {
		return 0
	}
	return s.Act.ExpiresAt
}

// Denied is the leg to the nodes.
type Denied struct {
	// Sequence of the first stream message of the act; 0 until it is
	// acknowledged.
	Sequence uint64
	// At is when it was acknowledged.
	At time.Time
}

// LegState is the state of the leg to Cognito.
type LegState string

// The states of the leg to Cognito; the values are those of the API.
const (
	LegDone          LegState = "done"
	LegPending       LegState = "pending"
	LegFailed        LegState = "failed"
	LegNotApplicable LegState = "not_applicable"
	// LegCanceled: the act was lifted before Cognito was told. If the leg has
	// a code as well, it is that of the last attempt, which may have had its
	// effect if it had no answer (such as "timeout").
	LegCanceled LegState = "canceled"
)

// Leg is the leg to Cognito.
type Leg struct {
	State    LegState
	Attempts int
	// NextTry is when the next attempt is due; zero if there will be none.
	NextTry time.Time
	// Code is the error code of the newest failure; see [CognitoError].
	Code string
	// DoneAt is when Cognito confirmed.
	DoneAt time.Time
}

// CodeUnproven is the [Leg] code of a session for which Cognito answered with
// success but accepts its access token all the same, or would not say.
const CodeUnproven = "unproven"
