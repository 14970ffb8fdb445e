package cognito

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// Permission says whether Cognito lets this process use an IAM action.
type Permission struct {
	Action string // such as "cognito-idp:ListUsers"
	// Err is nil if the action is permitted, else a [*publisher.CognitoError];
	// only the code AccessDeniedException, or AccessDenied, says that it is not.
	Err error
}

// CheckPermissions tries each action that [Pool.SignOutUser] needs on a user
// whom the pool can't have. It changes nothing, and spends one call of each
// quota.
func (p *Pool) CheckPermissions(ctx context.Context) []Permission {
	nobody := "nobody-" + rand.Text() // 130 bits: nobody has chosen it
	absent := func(err error) error {
		if refused, ok := errors.AsType[*publisher.CognitoError](err); ok && refused.Code == codeUserNotFound {
			return nil
		}
		return err
	}
	_, _, list := p.search(ctx, nobody, subFilter(nobody), 1)
	_, get := p.lookUp(ctx, nobody)
	_, out := call(ctx, p, opSignOut, &cip.AdminUserGlobalSignOutInput{
		UserPoolId: aws.String(p.config.PoolID), Username: aws.String(nobody),
	}, p.api.AdminUserGlobalSignOut)
	return []Permission{
		{"cognito-idp:ListUsers", list},
		{"cognito-idp:AdminGetUser", absent(get)},
		{"cognito-idp:AdminUserGlobalSignOut", absent(out)},
	}
}
