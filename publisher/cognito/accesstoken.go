package cognito

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/smithy-go"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// Scopes that open an access token to an endpoint.
const (
	scopeGetUser  = "aws.cognito.signin.user.admin"
	scopeUserInfo = "openid"
)

// AccessTokenRevoked asks GetUser about tokens with the scope
// aws.cognito.signin.user.admin and the userInfo endpoint about others with
// the scope openid. The caller has verified the token: the claims read here,
// scope and exp, are taken on trust.
//
// The question stays open (an error) for an expired token, which Cognito
// refuses whether it was revoked or not, with CodeExpired; for a token of
// other scopes, or of openid only if there is no Config.UserInfoURL, with
// CodeScope; and for a token of a deleted user, with
// [publisher.ErrUserNotFound].
func (p *Pool) AccessTokenRevoked(ctx context.Context, accessToken string) (bool, error) {
	if !tokenPattern.MatchString(accessToken) {
		return false, failure(opGetUser.name, CodeMalformed)
	}
	claims, readable := peek(accessToken)
	if readable && !claims.lasts(p.Now()) {
		return false, failure(opGetUser.name, CodeExpired)
	}
	if !readable || claims.hasScope(scopeGetUser) {
		revoked, err := p.askGetUser(ctx, accessToken)
		if refused, ok := errors.AsType[*publisher.CognitoError](err); !ok || refused.Code != CodeScope {
			return revoked, err
		}
	}
	if p.config.UserInfoURL == "" || !claims.hasScope(scopeUserInfo) {
		return false, failure(opGetUser.name, CodeScope)
	}
	return p.askUserInfo(ctx, accessToken, claims)
}

// askGetUser settles the question by GetUser. One code covers all reasons for
// a refusal, so the message decides (API Reference, GetUser); one that this
// function does not know leaves the question open.
func (p *Pool) askGetUser(ctx context.Context, accessToken string) (bool, error) {
	revoked := false
	_, err := call(ctx, p, opGetUser, &cip.GetUserInput{AccessToken: aws.String(accessToken)},
		func(ctx context.Context, in *cip.GetUserInput, options ...func(*cip.Options)) (*cip.GetUserOutput, error) {
			out, err := p.api.GetUser(ctx, in, options...)
			if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "NotAuthorizedException" {
				switch message := strings.ToLower(api.ErrorMessage()); {
				case strings.Contains(message, "revoked"):
					revoked = true
					return out, nil
				case strings.Contains(message, "expired"):
					return nil, failure(opGetUser.name, CodeExpired)
				case strings.Contains(message, "scope"):
					return nil, failure(opGetUser.name, CodeScope)
				}
			}
			return out, err
		})
	return revoked, err
}

// claims are what decides whom to ask, read without verifying anything.
type claims struct {
	Exp   int64  `json:"exp"`
	Scope string `json:"scope"`
}

// peek reads the claims of a JWT.
func peek(token string) (claims, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claims{}, false
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil || c.Exp <= 0 {
		return claims{}, false
	}
	return c, true
}

// lasts reports whether the token is certainly not expired at now.
func (c claims) lasts(now time.Time) bool {
	return now.Add(leeway).Before(time.Unix(c.Exp, 0))
}

func (c claims) hasScope(scope string) bool {
	return slices.Contains(strings.Fields(c.Scope), scope)
}
