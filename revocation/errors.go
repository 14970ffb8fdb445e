package revocation

import "errors"

var (
	// ErrRevoked is wrapped by every error that says a token has been revoked.
	// The error is a [*RevokedError], which names the act.
	ErrRevoked = errors.New("revocation: token revoked")

	// ErrStale is wrapped by every error that says the answer "not revoked"
	// is too old to trust. It is never returned for a token that is known to
	// be revoked.
	ErrStale = errors.New("revocation: denylist stale")

	// ErrMalformed is wrapped by the errors of [TokenFromClaims]. A token
	// with such claims must be refused.
	ErrMalformed = errors.New("revocation: malformed claims")
)

// RevokedError says that a token is refused, and by which act. It wraps
// [ErrRevoked].
type RevokedError struct {
	Act  ActID
	Kind Kind
}

// Error names the kind and the act; it contains nothing of the token.
func (e *RevokedError) Error() string {
	return ErrRevoked.Error() + " by " + e.Kind.String() + " act " + e.Act.String()
}

// Unwrap returns [ErrRevoked].
func (e *RevokedError) Unwrap() error { return ErrRevoked }
