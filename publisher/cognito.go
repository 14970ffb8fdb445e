package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Cognito is what the publisher needs of one user pool. The adapter for the
// AWS SDK is publisher/cognito. Implementations are safe for concurrent use,
// bound every call in time, stay within their own rate limits, and translate
// every refusal into a [*CognitoError]. No error of theirs contains a token, a
// secret or a user name.
type Cognito interface {
	// Now returns the time of Cognito's clock: the local clock corrected by
	// the offset seen in the Date headers of Cognito's answers. It makes no
	// call.
	Now() time.Time

	// Refresh exchanges a refresh token for fresh tokens of the same session,
	// once. Errors: [ErrInvalidGrant] if Cognito does not accept the token.
	Refresh(ctx context.Context, clientID, refreshToken string) (Refreshed, error)

	// RevokeToken revokes a refresh token and all access and ID tokens from
	// it. Success does not prove that the token meant anything (Cognito
	// answers garbage with success too).
	RevokeToken(ctx context.Context, clientID, refreshToken string) error

	// AccessTokenRevoked reports whether Cognito refuses an access token as
	// revoked. The error says that the question could not be settled.
	AccessTokenRevoked(ctx context.Context, accessToken string) (bool, error)

	// SignOutUser signs out the user with the given sub from all sessions: it
	// resolves the sub to a username and calls AdminUserGlobalSignOut. It
	// returns [ErrUserNotFound] only if a search finds nobody either.
	SignOutUser(ctx context.Context, sub string) error
}

// Refreshed is the answer to a refresh.
type Refreshed struct {
	// AccessToken is the fresh access token, as received from Cognito.
	AccessToken string
	// RefreshToken is the newest refresh token of the session: the one that
	// was presented, or its successor if the client rotates.
	RefreshToken string
}

// Errors that a [*CognitoError] may wrap, for conditions that the publisher
// or its callers branch on.
var (
	ErrInvalidGrant       = errors.New("publisher: cognito does not accept the refresh token")
	ErrUserNotFound       = errors.New("publisher: no such user in the pool")
	ErrRevocationDisabled = errors.New("publisher: token revocation is off for the app client")
	ErrUnsupportedToken   = errors.New("publisher: not a refresh token")
	ErrClientRefused      = errors.New("publisher: cognito refuses the app client's id or secret")
)

// CognitoError is a refusal or failure of one call to Cognito.
type CognitoError struct {
	// Op is the Cognito operation, such as "RevokeToken".
	Op string
	// Code is Cognito's error code, such as "TooManyRequestsException", or one
	// of the adapter's own in lower case, such as "unreachable" or "limited".
	Code string
	// Retry says that the same call may succeed later.
	Retry bool
	// Unsent says that nothing was sent: the adapter's own limits held it back.
	Unsent bool
	// Err is one of the sentinels above, or nil.
	Err error
}

// Error names the operation and the code.
func (e *CognitoError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("cognito %s: %s: %v", e.Op, e.Code, e.Err)
	}
	return fmt.Sprintf("cognito %s: %s", e.Op, e.Code)
}

// Unwrap returns the sentinel, if any.
func (e *CognitoError) Unwrap() error { return e.Err }
