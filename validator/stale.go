package validator

import (
	"context"
	"fmt"
)

// StalePolicy says what a transport does with a request whose token passed
// every check while the denylist is too old to vouch for it. It is chosen per
// route; [Validator.Validate] returns such a token beside its error.
type StalePolicy uint8

// The policies. The zero value is the safe one.
const (
	// FailClosed refuses with "try again": a route that must not serve a
	// revoked session.
	FailClosed StalePolicy = iota
	// FailOpen serves the request, and counts it: a route for which being
	// down is worse than serving a session that was revoked a moment ago.
	// Tokens known to be revoked are refused all the same.
	FailOpen
	// AskCognito asks Cognito itself, through a [Fallback] with a small
	// budget, and refuses what that can't settle: a route between the two.
	AskCognito
)

// Fallback settles, for [AskCognito], what the stale denylist can't.
// *askcognito.Asker is one.
type Fallback interface {
	// Ask returns nil if the token may be served, an error wrapping
	// [revocation.ErrRevoked] if it is known to be revoked, and one wrapping
	// [revocation.ErrStale] if that can't be settled. bearer is the token
	// that tok was made of; it has passed every check but the denylist. Ask
	// bounds its own time and is safe for concurrent use.
	Ask(ctx context.Context, bearer string, tok *Verified) error
}

// String returns the stable name used in configuration and logs.
func (p StalePolicy) String() string {
	switch p {
	case FailClosed:
		return "fail-closed"
	case FailOpen:
		return "fail-open"
	case AskCognito:
		return "ask-cognito"
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// MarshalText returns the name.
func (p StalePolicy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a name. The error lists the names there are.
func (p *StalePolicy) UnmarshalText(text []byte) error {
	for _, known := range []StalePolicy{FailClosed, FailOpen, AskCognito} {
		if string(text) == known.String() {
			*p = known
			return nil
		}
	}
	return fmt.Errorf("validator: stale policy %q is unknown: use %v, %v or %v", text, FailClosed, FailOpen, AskCognito)
}
