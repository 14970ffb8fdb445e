package cognitotest

import (
	"errors"
	"fmt"
	"net/http"
)

// Error is a refusal in Cognito's own words. The Go API returns it, the AWS
// JSON API sends it; the OAuth endpoints send their own codes (RFC 6749,
// section 5.2).
type Error struct {
	Code    string // such as "NotAuthorizedException"
	Message string
	Status  int // HTTP status; zero means 400, what Cognito answers to client errors
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func (e *Error) status() int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Code == "InternalErrorException":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// asError is err as Cognito would report it.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: "InternalErrorException", Message: err.Error()}
}

func invalidParameter(format string, args ...any) *Error {
	return &Error{Code: "InvalidParameterException", Message: fmt.Sprintf(format, args...)}
}

func notAuthorized(format string, args ...any) *Error {
	return &Error{Code: "NotAuthorizedException", Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) *Error {
	return &Error{Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, args...)}
}

// Refusals that several calls share. Messages are Cognito's.
var (
	errUserNotFound      = &Error{Code: "UserNotFoundException", Message: "User does not exist."}
	errUserDisabled      = notAuthorized("User is disabled.")
	errBadCredentials    = notAuthorized("Incorrect username or password.")
	errRefreshRevoked    = notAuthorized("Refresh Token has been revoked")
	errRefreshExpired    = notAuthorized("Refresh Token has expired")
	errRefreshInvalid    = notAuthorized("Invalid Refresh Token")
	errRefreshReused     = &Error{Code: "RefreshTokenReuseException", Message: "Refresh token has been rotated out"}
	errAccessRevoked     = notAuthorized("Access Token has been revoked")
	errAccessExpired     = notAuthorized("Access Token has expired")
	errAccessInvalid     = notAuthorized("Invalid Access Token")
	errAccessScope       = notAuthorized("Access Token does not have required scopes")
	errTooManyRequests   = &Error{Code: "TooManyRequestsException", Message: "Rate exceeded"}
	errClientSecret      = &Error{Code: "UnauthorizedException", Message: "Unable to verify the client"}
	errRevocationOff     = &Error{Code: "UnsupportedOperationException", Message: "Token revocation is not enabled for this client"}
	errTokenType         = &Error{Code: "UnsupportedTokenTypeException", Message: "Only refresh tokens can be revoked"}
	errTokenForeign      = &Error{Code: "UnauthorizedException", Message: "The token was not issued to this client"}
	errRotationNeedsCall = invalidParameter("Refresh token rotation is enabled for this client: use GetTokensFromRefreshToken")
)
