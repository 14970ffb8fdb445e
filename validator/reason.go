package validator

import (
	"errors"
	"fmt"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

var (
	// ErrInvalidToken is wrapped by every error that says the token itself
	// must be refused: malformed, forged, expired, meant for someone else, or
	// revoked. Which of them is not for the client to know.
	ErrInvalidToken = errors.New("validator: invalid token")

	// ErrInsufficientScope is wrapped by errors for a valid token without a
	// required scope or group. The error is a [*ScopeError] too.
	ErrInsufficientScope = errors.New("validator: insufficient scope")

	// ErrNoKeys is returned while a pool's keys have never been fetched, so
	// that a token with an unknown kid can be neither accepted nor refused,
	// and when ctx ended during the wait for a fetch.
	ErrNoKeys = errors.New("validator: no keys yet")
)

// Reason is the outcome of a decision, from a fixed set: its name is fit for a
// metric label. The numbers may change, the names do not.
type Reason uint8

// The reasons, in the order of the checks. NoCredentials and InvalidRequest
// are decisions of the transports (package httpauth and its siblings).
const (
	ReasonOK             Reason = iota
	ReasonNoCredentials         // the request carries no bearer token
	ReasonInvalidRequest        // the request carries more than one
	ReasonTooLarge              // longer than Config.MaxTokenBytes
	ReasonMalformed             // not three parts of strict base64url, or no strict JSON header
	ReasonUnsupportedAlg        // alg is not RS256, or the header asks for an extension
	ReasonUnknownKey            // no configured pool publishes the kid
	ReasonNoKeys                // the kid may be of a pool whose keys are not known yet
	ReasonBadSignature          // the signature is not by that key
	ReasonBadClaims             // not strict JSON, or a claim is missing or mistyped
	ReasonWrongIssuer           // iss is no configured pool, or not the pool of the key
	ReasonWrongUse              // token_use is not among Pool.TokenUses
	ReasonWrongClient           // client_id (access) or aud (ID) is not among Pool.ClientIDs
	ReasonExpired               // exp is past
	ReasonNotYetValid           // nbf or iat is in the future
	ReasonMissingScope          // a required scope or group is missing
	ReasonRevoked               // the denylist refuses the token
	ReasonStale                 // the denylist cannot say for sure
	ReasonOther                 // an error that is not of this package
	reasonCount
)

var reasonNames = [reasonCount]string{
	ReasonOK: "ok", ReasonNoCredentials: "no_credentials", ReasonInvalidRequest: "invalid_request",
	ReasonTooLarge: "too_large", ReasonMalformed: "malformed", ReasonUnsupportedAlg: "unsupported_alg",
	ReasonUnknownKey: "unknown_key", ReasonNoKeys: "no_keys", ReasonBadSignature: "bad_signature",
	ReasonBadClaims: "bad_claims", ReasonWrongIssuer: "wrong_issuer", ReasonWrongUse: "wrong_use",
	ReasonWrongClient: "wrong_client", ReasonExpired: "expired", ReasonNotYetValid: "not_yet_valid",
	ReasonMissingScope: "missing_scope", ReasonRevoked: "revoked", ReasonStale: "stale", ReasonOther: "other",
}

// Reasons returns every reason, in the order of the checks. Reason r is at
// index r.
func Reasons() []Reason {
	all := make([]Reason, reasonCount)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// String returns the stable name used in metrics and logs.
func (r Reason) String() string {
	if r < reasonCount {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// ReasonOf returns the reason of a decision that ended in err: [ReasonOK] for
// nil, [ReasonOther] for an error that is neither of this package nor of
// package revocation. Revoked wins over stale.
func ReasonOf(err error) Reason {
	if err == nil {
		return ReasonOK
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused.reason
	}
	switch {
	case errors.Is(err, revocation.ErrRevoked):
		return ReasonRevoked
	case errors.Is(err, revocation.ErrStale):
		return ReasonStale
	case errors.Is(err, ErrInsufficientScope):
		return ReasonMissingScope
	case errors.Is(err, ErrNoKeys):
		return ReasonNoKeys
	}
	return ReasonOther
}

// ScopeError says what a valid token lacks. It wraps [ErrInsufficientScope].
type ScopeError struct {
	// Scopes are all scopes that the request needs, as configured (RFC 6750,
	// section 3, the scope attribute). It is empty if a group was missing.
	Scopes []string
}

// Error names no scope of the token.
func (e *ScopeError) Error() string {
	if len(e.Scopes) == 0 {
		return ErrInsufficientScope.Error() + ": not a member of an allowed group"
	}
	return fmt.Sprintf("%s: needs %q", ErrInsufficientScope.Error(), e.Scopes)
}

// Unwrap returns [ErrInsufficientScope].
func (e *ScopeError) Unwrap() error { return ErrInsufficientScope }

// refusal is the error of every decision but ok. It carries no claim values:
// detail is a constant, cause an error that follows the same rule.
type refusal struct {
	reason Reason
	detail string
	cause  error // may be nil
}

func refuse(reason Reason, detail string) error {
	return &refusal{reason: reason, detail: detail}
}

func refuseFor(reason Reason, cause error) error {
	return &refusal{reason: reason, cause: cause}
}

func (r *refusal) Error() string {
	text := "validator: token refused as " + r.reason.String()
	if r.detail != "" {
		text += ": " + r.detail
	}
	if r.cause != nil {
		text += ": " + r.cause.Error()
	}
	return text
}

// Unwrap returns the sentinel that callers branch on, and the cause.
func (r *refusal) Unwrap() []error {
	var wrapped []error
	switch r.reason {
	case ReasonMissingScope, ReasonStale: // the cause is the sentinel
	case ReasonNoKeys:
		wrapped = append(wrapped, ErrNoKeys)
	default:
		wrapped = append(wrapped, ErrInvalidToken)
	}
	if r.cause != nil {
		wrapped = append(wrapped, r.cause)
	}
	return wrapped
}
