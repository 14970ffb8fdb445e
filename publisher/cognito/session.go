package cognito

import (
	"context"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// tokenPattern is TokenModelType of the service model.
var tokenPattern = regexp.MustCompile(`^[A-Za-z0-9\-_=.]+$`)

// Refresh exchanges a refresh token by GetTokensFromRefreshToken, which works
// for clients with and without rotation (API Reference,
// RefreshTokenRotationType) and takes the client's secret. REFRESH_TOKEN_AUTH
// would need the user name for clients with a secret, and is refused if the
// client rotates.
//
// If the client rotates, the presented token is used up, at once or after the
// client's grace period. So an attempt is repeated only if Cognito throttled
// it. After another failure the token may be used up and its successor lost;
// the next attempt then fails with [publisher.ErrInvalidGrant].
//
// In a pool that remembers devices, Cognito refuses the token as invalid,
// because it asks for the device key too.
func (p *Pool) Refresh(ctx context.Context, clientID, refreshToken string) (publisher.Refreshed, error) {
	if !tokenPattern.MatchString(refreshToken) {
		err := failure(opRefresh.name, CodeMalformed)
		err.Err = publisher.ErrInvalidGrant
		return publisher.Refreshed{}, err
	}
	out, err := call(ctx, p, opRefresh, &cip.GetTokensFromRefreshTokenInput{
		ClientId:     aws.String(clientID),
		ClientSecret: p.secret(clientID),
		RefreshToken: aws.String(refreshToken),
	}, p.api.GetTokensFromRefreshToken)
	if err != nil {
		return publisher.Refreshed{}, err
	}
	if out.AuthenticationResult == nil || aws.ToString(out.AuthenticationResult.AccessToken) == "" {
		return publisher.Refreshed{}, failure(opRefresh.name, CodeUnreadable)
	}
	fresh := publisher.Refreshed{
		AccessToken:  *out.AuthenticationResult.AccessToken,
		RefreshToken: aws.ToString(out.AuthenticationResult.RefreshToken),
	}
	if fresh.RefreshToken == "" {
		fresh.RefreshToken = refreshToken
	}
	return fresh, nil
}

// RevokeToken revokes a refresh token with every access and ID token from it.
// Errors: [publisher.ErrUnsupportedToken] for what is not a refresh token,
// [publisher.ErrRevocationDisabled], [publisher.ErrClientRefused] also if the
// token was issued to another client.
func (p *Pool) RevokeToken(ctx context.Context, clientID, refreshToken string) error {
	if !tokenPattern.MatchString(refreshToken) {
		err := failure(opRevoke.name, CodeMalformed)
		err.Err = publisher.ErrUnsupportedToken
		return err
	}
	_, err := call(ctx, p, opRevoke, &cip.RevokeTokenInput{
		ClientId:     aws.String(clientID),
		ClientSecret: p.secret(clientID),
		Token:        aws.String(refreshToken),
	}, p.api.RevokeToken)
	return err
}

// secret returns the client's secret, or nil if it has none.
func (p *Pool) secret(clientID string) *string {
	if secret := p.secrets[clientID]; secret != "" {
		return &secret
	}
	return nil
}
