package cognito

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// subPattern is what UsernameType of the service model permits. A sub is an
// opaque string (it need not be a UUID), but it has no spaces and no control
// characters.
var subPattern = regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$`)

// SignOutUser resolves sub to a username and signs that user out.
//
// The sub is never sent as Username of the sign-out, although Cognito would
// take it for a local user: it takes it for a username first, and in a pool
// with self sign-up anybody may have chosen another user's sub as username.
// The victim's sessions would live on behind a reported success. Looking the
// user up costs a call, but of a category with more room than the sign-out's.
func (p *Pool) SignOutUser(ctx context.Context, sub string) error {
	if !subPattern.MatchString(sub) {
		return failure(opSignOut.name, CodeMalformed)
	}
	username, err := p.findUser(ctx, sub)
	if err != nil {
		return err
	}
	if username == "" {
		// ListUsers is eventually consistent and may not know the user.
		if username, err = p.getUserBySub(ctx, sub); err != nil {
			return err
		}
	}
	_, err = call(ctx, p, opSignOut, &cip.AdminUserGlobalSignOutInput{
		UserPoolId: aws.String(p.config.PoolID),
		Username:   aws.String(username),
	}, p.api.AdminUserGlobalSignOut)
	if refused, ok := errors.AsType[*publisher.CognitoError](err); ok && refused.Code == "UserNotFoundException" {
		// Deleted since we looked: the next search will say so.
		refused.Retry = true
	}
	return err
}

// maxPages bounds a search. Cognito may answer with an empty page and a token
// for the next.
const maxPages = 10

// findUser returns the username of the user with that sub, or "" if the
// search finds nobody.
func (p *Pool) findUser(ctx context.Context, sub string) (string, error) {
	in := &cip.ListUsersInput{
		UserPoolId:      aws.String(p.config.PoolID),
		AttributesToGet: []string{"sub"},
		Filter:          aws.String(subFilter(sub)),
	}
	for range maxPages {
		out, err := call(ctx, p, opListUsers, in, p.api.ListUsers)
		if err != nil {
			return "", err
		}
		for _, user := range out.Users {
			if hasSub(user.Attributes, sub) && aws.ToString(user.Username) != "" {
				return *user.Username, nil
			}
		}
		if aws.ToString(out.PaginationToken) == "" {
			return "", nil
		}
		in.PaginationToken = out.PaginationToken
	}
	return "", failure(opListUsers.name, CodeUnreadable)
}

// getUserBySub asks for the user whom Cognito takes sub to name, and makes
// sure that it is the right one.
func (p *Pool) getUserBySub(ctx context.Context, sub string) (string, error) {
	out, err := call(ctx, p, opAdminGetUser, &cip.AdminGetUserInput{
		UserPoolId: aws.String(p.config.PoolID),
		Username:   aws.String(sub),
	}, p.api.AdminGetUser)
	refused, isRefusal := errors.AsType[*publisher.CognitoError](err)
	switch {
	case isRefusal && refused.Code == "UserNotFoundException":
		refused.Err = publisher.ErrUserNotFound
		return "", refused
	case err != nil:
		return "", err
	case !hasSub(out.UserAttributes, sub) || aws.ToString(out.Username) == "":
		// Somebody else's username. Cognito's own answer for nobody.
		return "", &publisher.CognitoError{Op: opAdminGetUser.name, Code: "UserNotFoundException", Err: publisher.ErrUserNotFound}
	}
	return *out.Username, nil
}

// subFilter is a filter of ListUsers, in which quotation marks are escaped
// (API Reference, ListUsers). What a forged sub could make it match anyway is
// caught by hasSub.
func subFilter(sub string) string {
	return `sub = "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(sub) + `"`
}

func hasSub(attributes []types.AttributeType, sub string) bool {
	for _, a := range attributes {
		if aws.ToString(a.Name) == "sub" {
			return aws.ToString(a.Value) == sub
		}
	}
	return false
}
