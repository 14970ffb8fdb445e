package cognito

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// subPattern is what UsernameType of the service model permits. A sub is an
// opaque string (it need not be a UUID), but it has no spaces and no control
// characters.
var subPattern = regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$`)

const (
	// maxPages bounds the search by sub. Cognito may answer with an empty
	// page and a token for the next.
	maxPages = 10
	// maxFederatedPages bounds the walk through the federated users, at up to
	// 60 a page: 5 s of the default limit.
	maxFederatedPages = 50

	// federatedFilter matches users of identity providers.
	federatedFilter = `cognito:user_status = "EXTERNAL_PROVIDER"`
)

// codeUserNotFound is Cognito's own answer if there is nobody.
const codeUserNotFound = "UserNotFoundException"

// SignOutUser resolves sub to a username and signs that user out.
//
// The sub is never sent as Username of the sign-out, although Cognito would
// take it for a local user: it takes it for a username first, and in a pool
// with self sign-up anybody may have chosen another user's sub as username.
// The victim's sessions would live on behind a reported success. Looking the
// user up costs a call, but of a category with more room than the sign-out's.
//
// If neither the search by sub nor a look-up by it finds anybody, the pool's
// federated users are walked through, because the API accepts the sub of
// local users only. [publisher.ErrUserNotFound] is the answer after all three;
// if there are too many federated users to walk through, the code is
// [publisher.CodeUnproven].
func (p *Pool) SignOutUser(ctx context.Context, sub string) error {
	if !utf8.ValidString(sub) || !subPattern.MatchString(sub) {
		return failure(opSignOut.name, CodeMalformed)
	}
	username, err := p.resolve(ctx, sub)
	if err != nil {
		return err
	}
	_, err = call(ctx, p, opSignOut, &cip.AdminUserGlobalSignOutInput{
		UserPoolId: aws.String(p.config.PoolID),
		Username:   aws.String(username),
	}, p.api.AdminUserGlobalSignOut)
	if refused, ok := errors.AsType[*publisher.CognitoError](err); ok && refused.Code == codeUserNotFound {
		// Deleted since we looked: the next search will say so.
		refused.Retry = true
	}
	return err
}

// resolve returns the username of the user with that sub.
func (p *Pool) resolve(ctx context.Context, sub string) (string, error) {
	username, complete, err := p.search(ctx, sub, subFilter(sub), maxPages)
	if err != nil || username != "" {
		return username, err
	}
	if !complete {
		return "", failure(opListUsers.name, CodeUnreadable)
	}
	// ListUsers is eventually consistent; this look-up is not.
	username, err = p.lookUp(ctx, sub)
	if err != nil || username != "" {
		return username, err
	}
	username, complete, err = p.search(ctx, sub, federatedFilter, maxFederatedPages)
	switch {
	case err != nil || username != "":
		return username, err
	case !complete:
		return "", &publisher.CognitoError{Op: opListUsers.name, Code: publisher.CodeUnproven}
	}
	return "", &publisher.CognitoError{Op: opListUsers.name, Code: codeUserNotFound, Err: publisher.ErrUserNotFound}
}

// search returns the username of the user with that sub among those that the
// filter matches, or "". It reports whether all of them were looked at.
func (p *Pool) search(ctx context.Context, sub, filter string, pages int) (username string, complete bool, err error) {
	in := &cip.ListUsersInput{
		UserPoolId:      aws.String(p.config.PoolID),
		AttributesToGet: []string{"sub"},
		Filter:          aws.String(filter),
	}
	for range pages {
		out, err := call(ctx, p, opListUsers, in, p.api.ListUsers)
		if err != nil {
			return "", false, err
		}
		for _, user := range out.Users {
			if hasSub(user.Attributes, sub) && aws.ToString(user.Username) != "" {
				return *user.Username, true, nil
			}
		}
		if aws.ToString(out.PaginationToken) == "" {
			return "", true, nil
		}
		in.PaginationToken = out.PaginationToken
	}
	return "", false, nil
}

// lookUp returns the username of the user whom Cognito takes sub to name, if
// that is the user with that sub, or "".
func (p *Pool) lookUp(ctx context.Context, sub string) (string, error) {
	out, err := call(ctx, p, opAdminGetUser, &cip.AdminGetUserInput{
		UserPoolId: aws.String(p.config.PoolID),
		Username:   aws.String(sub),
	}, p.api.AdminGetUser)
	if refused, ok := errors.AsType[*publisher.CognitoError](err); ok && refused.Code == codeUserNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !hasSub(out.UserAttributes, sub) {
		return "", nil // the username of somebody else
	}
	return aws.ToString(out.Username), nil
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
