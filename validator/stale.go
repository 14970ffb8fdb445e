package validator

import "fmt"

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
)

// String returns the stable name used in configuration and logs.
func (p StalePolicy) String() string {
	switch p {
	case FailClosed:
		return "fail-closed"
	case FailOpen:
		return "fail-open"
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// MarshalText returns the name.
func (p StalePolicy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a name. The error lists the names there are.
func (p *StalePolicy) UnmarshalText(text []byte) error {
	for _, known := range []StalePolicy{FailClosed, FailOpen} {
		if string(text) == known.String() {
			*p = known
			return nil
		}
	}
	return fmt.Errorf("validator: stale policy %q is unknown: use %v or %v", text, FailClosed, FailOpen)
}
