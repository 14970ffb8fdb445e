package cognito_test

import (
	"context"
	"errors"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// Every code that Cognito documents for an operation, and those of IAM and of
// the protocol, as each operation reports it.
func TestCodes(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	tokens := w.signIn(w.public)
	calls := map[string]func(context.Context) error{
		"RevokeToken": func(ctx context.Context) error {
			return w.pool.RevokeToken(ctx, w.public.ID, tokens.RefreshToken)
		},
		"GetTokensFromRefreshToken": func(ctx context.Context) error {
			_, err := w.pool.Refresh(ctx, w.public.ID, tokens.RefreshToken)
			return err
		},
		"GetUser": func(ctx context.Context) error {
			_, err := w.pool.AccessTokenRevoked(ctx, tokens.AccessToken)
			return err
		},
		"ListUsers":              func(ctx context.Context) error { return w.pool.SignOutUser(ctx, w.ada.Subject) },
		"AdminUserGlobalSignOut": func(ctx context.Context) error { return w.pool.SignOutUser(ctx, w.ada.Subject) },
		"AdminGetUser":           func(ctx context.Context) error { return w.pool.SignOutUser(ctx, "nobody") },
		"DescribeUserPoolClient": func(ctx context.Context) error {
			_, err := w.pool.DescribeClient(ctx, w.public.ID)
			return err
		},
	}
	for _, test := range codes {
		for op, call := range calls {
			want := publisher.CognitoError{Op: op, Code: test.code, Retry: test.retry, Err: test.sentinels[op]}
			switch {
			case op == "AdminUserGlobalSignOut" && test.code == "UserNotFoundException":
				want.Retry = true // found a moment ago
			case op == "AdminGetUser" && test.code == "UserNotFoundException":
				want.Op, want.Err = "ListUsers", publisher.ErrUserNotFound // the last search
			}
			w.srv.Fail(op, cognitotest.Failure{Code: test.code, Message: "m", Status: test.status})
			wantError(t, op+" "+test.code, call(t.Context()), want)
			w.srv.Heal(op)
		}
	}
}

type sentinels = map[string]error

var codes = []struct {
	code      string
	retry     bool
	status    int // zero means as Cognito does
	sentinels sentinels
}{
	{"TooManyRequestsException", true, 0, nil},
	{"TooManyRequestsException", true, 429, nil},
	{"LimitExceededException", true, 0, nil},
	{"ThrottlingException", true, 0, nil},
	{"InternalErrorException", true, 400, nil},
	{"InternalErrorException", true, 500, nil},
	{"InternalFailure", true, 500, nil},
	{"ServiceUnavailable", true, 503, nil},
	{"UnexpectedLambdaException", true, 0, nil},
	{"ForbiddenException", true, 0, nil}, // a firewall, perhaps for its rate rule
	{"ForbiddenException", true, 403, nil},
	{"ExpiredTokenException", true, 0, nil}, // of AWS credentials
	{"RequestExpired", true, 0, nil},
	{"SomethingNewException", true, 0, nil},
	{"NotAuthorizedException", false, 0, sentinels{
		"GetTokensFromRefreshToken": publisher.ErrInvalidGrant,
		"RevokeToken":               publisher.ErrClientRefused,
	}},
	{"UnauthorizedException", false, 0, sentinels{
		"GetTokensFromRefreshToken": publisher.ErrClientRefused,
		"RevokeToken":               publisher.ErrClientRefused,
	}},
	{"UnauthorizedException", false, 401, sentinels{
		"GetTokensFromRefreshToken": publisher.ErrClientRefused,
		"RevokeToken":               publisher.ErrClientRefused,
	}},
	{"ResourceNotFoundException", false, 0, sentinels{
		"GetTokensFromRefreshToken": publisher.ErrClientRefused,
		"RevokeToken":               publisher.ErrClientRefused,
	}},
	{"UserNotFoundException", false, 404, sentinels{
		"GetTokensFromRefreshToken": publisher.ErrInvalidGrant,
		"GetUser":                   publisher.ErrUserNotFound,
	}},
	{"RefreshTokenReuseException", false, 0, sentinels{"GetTokensFromRefreshToken": publisher.ErrInvalidGrant}},
	{"UnsupportedTokenTypeException", false, 0, sentinels{
		"GetTokensFromRefreshToken": publisher.ErrInvalidGrant,
		"RevokeToken":               publisher.ErrUnsupportedToken,
	}},
	{"UnsupportedOperationException", false, 0, sentinels{"RevokeToken": publisher.ErrRevocationDisabled}},
	{"OperationNotEnabledException", false, 0, nil},
	{"InvalidParameterException", false, 0, nil},
	{"UserLambdaValidationException", false, 0, nil},
	{"InvalidLambdaResponseException", false, 0, nil},
	{"PasswordResetRequiredException", false, 0, nil},
	{"UserNotConfirmedException", false, 0, nil},
	{"FeatureUnavailableInTierException", false, 0, nil},
	{"AccessDeniedException", false, 0, nil},
	{"UnrecognizedClientException", false, 0, nil},
	{"MissingAuthenticationTokenException", false, 0, nil},
	{"UnknownOperationException", false, 0, nil},
	{"SerializationException", false, 0, nil},
}

// The same code stands for a bad token and for a bad secret.
func TestRefreshTellsTokenFromSecret(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	const op = "GetTokensFromRefreshToken"
	for message, want := range map[string]error{
		"Refresh Token has been revoked": publisher.ErrInvalidGrant,
		"Refresh Token has expired":      publisher.ErrInvalidGrant,
		"Invalid Refresh Token":          publisher.ErrInvalidGrant,
		"Invalid Refresh Token.":         publisher.ErrInvalidGrant,
		"User is disabled.":              publisher.ErrInvalidGrant,
		"":                               publisher.ErrInvalidGrant,
		"Unable to verify secret hash for client x":                           publisher.ErrClientRefused,
		"SecretHash does not match for the client: x":                         publisher.ErrClientRefused,
		"Client x is configured with secret but SECRET_HASH was not received": publisher.ErrClientRefused,
		"Invalid client": publisher.ErrClientRefused,
	} {
		w.srv.Fail(op, cognitotest.Failure{Code: "NotAuthorizedException", Message: message, Count: 1})
		if _, err := w.pool.Refresh(t.Context(), w.public.ID, "x"); !errors.Is(err, want) {
			t.Errorf("Refresh refused with %q: %v, want %v", message, err, want)
		}
	}
}
