package cognito

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// Codes of a [*publisher.CognitoError] that are not Cognito's.
const (
	CodeLimited       = "limited"        // retry: our own limiter let nothing through in time
	CodePaused        = "paused"         // retry: Cognito has not answered such calls lately; none was sent
	CodeTimeout       = "timeout"        // retry: no answer in time; the call may have had its effect
	CodeCanceled      = "canceled"       // retry: the caller gave up before the call was sent
	CodeUnreachable   = "unreachable"    // retry: no connection, or it broke
	CodeUnreadable    = "unreadable"     // retry: an answer that is not Cognito's, such as a firewall's page
	CodeCredentials   = "credentials"    // retry: the AWS credentials can't be loaded now
	CodeNoCredentials = "no_credentials" // permanent: none are configured, and the call must be signed
	CodeMalformed     = "malformed"      // permanent: the argument can't be one that Cognito issued; not sent
	CodeExpired       = "expired"        // permanent: an expired access token says nothing about revocation
	CodeScope         = "scope"          // permanent: no endpoint that is configured accepts the token's scopes
)

// translate is the only place where errors of the SDK become errors of
// package publisher. ctx is that which could end what failed.
func translate(ctx context.Context, op string, err error) *publisher.CognitoError {
	if ours, ok := errors.AsType[*publisher.CognitoError](err); ok {
		return ours
	}
	// Refusals first: if the SDK would have sent the call again and could
	// not, the answer it had got is the better explanation.
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() != "UnknownError" {
		return refusal(op, api.ErrorCode(), api.ErrorMessage())
	}
	return failure(op, failureCode(ctx, err))
}

func failure(op, code string) *publisher.CognitoError {
	switch code {
	case CodeNoCredentials, CodeMalformed, CodeExpired, CodeScope:
		return &publisher.CognitoError{Op: op, Code: code}
	}
	return &publisher.CognitoError{Op: op, Code: code, Retry: true, Unsent: code == CodeLimited || code == CodePaused}
}

// failureCode names what went wrong without an error code from Cognito.
func failureCode(ctx context.Context, err error) string {
	timeout, isNet := errors.AsType[net.Error](err)
	_, unreadable := errors.AsType[*smithy.DeserializationError](err)
	_, invalid := errors.AsType[smithy.InvalidParamsError](err)
	_, unknown := errors.AsType[smithy.APIError](err) // an error document without a code
	switch {
	case errors.Is(err, errLimited):
		return CodeLimited
	case errors.Is(ctx.Err(), context.Canceled):
		return CodeCanceled
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		return CodeTimeout
	case unreadable, unknown:
		return CodeUnreadable
	case invalid:
		return CodeMalformed
	}
	return CodeUnreachable
}

// permanent are the codes of refusals that the same call will meet again.
// Every other code is worth another attempt.
var permanent = map[string]bool{
	"NotAuthorizedException":                true,
	"UnauthorizedException":                 true,
	"AccessDeniedException":                 true, // IAM
	"AccessDenied":                          true,
	"UnrecognizedClientException":           true, // unknown access key
	"InvalidClientTokenId":                  true,
	"MissingAuthenticationToken":            true,
	"MissingAuthenticationTokenException":   true,
	"IncompleteSignature":                   true,
	"IncompleteSignatureException":          true,
	"OptInRequired":                         true,
	"InvalidParameterException":             true,
	"ValidationException":                   true,
	"SerializationException":                true,
	"ResourceNotFoundException":             true,
	codeUserNotFound:                        true,
	"UserNotConfirmedException":             true,
	"PasswordResetRequiredException":        true,
	"UserLambdaValidationException":         true, // the pool's own trigger said no
	"InvalidLambdaResponseException":        true,
	"RefreshTokenReuseException":            true,
	"UnsupportedTokenTypeException":         true,
	"UnsupportedOperationException":         true,
	"OperationNotEnabledException":          true, // such as in a replica Region
	"FeatureUnavailableInTierException":     true,
	"UserPoolAddOnNotEnabledException":      true,
	"InvalidUserPoolConfigurationException": true,
	"UnknownOperationException":             true,
}

// refusal is Cognito's answer in publisher's terms. The message is looked at
// where a code means two things, and never passed on: it may name the user.
func refusal(op, code, message string) *publisher.CognitoError {
	return &publisher.CognitoError{Op: op, Code: code, Retry: !permanent[code], Err: sentinel(op, code, message)}
}

func sentinel(op, code, message string) error {
	switch op {
	case opRefresh.name:
		switch code {
		case "NotAuthorizedException":
			// "Unable to verify secret hash for client ..." as opposed to
			// "Refresh Token has been revoked" or "Invalid Refresh Token".
			if m := strings.ToLower(message); strings.Contains(m, "secret") || strings.Contains(m, "client") {
				return publisher.ErrClientRefused
			}
			return publisher.ErrInvalidGrant
		case "RefreshTokenReuseException", codeUserNotFound, "UnsupportedTokenTypeException":
			return publisher.ErrInvalidGrant
		case "UnauthorizedException", "ResourceNotFoundException":
			return publisher.ErrClientRefused
		}
	case opRevoke.name:
		switch code {
		case "UnsupportedOperationException":
			return publisher.ErrRevocationDisabled
		case "UnsupportedTokenTypeException":
			return publisher.ErrUnsupportedToken
		case "UnauthorizedException", "NotAuthorizedException", "ResourceNotFoundException":
			return publisher.ErrClientRefused
		}
	case opGetUser.name:
		if code == codeUserNotFound {
			return publisher.ErrUserNotFound
		}
	}
	return nil
}
