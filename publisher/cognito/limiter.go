package cognito

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Limits are calls per second for each of Cognito's quota categories. Zero
// means the default. The quotas hold for an AWS account and Region, all pools
// and all callers together (developer guide, "Quotas in Amazon Cognito"), so
// the defaults leave most of each to the applications. Too high and sign-ins
// are throttled on our account; too low and Cognito is told later, while the
// denylist refuses the tokens already. No second, wherever it begins, has more
// calls than that: they are spread evenly, without bursts, and a tenth is left
// for calls that draw together on their way. (Limits below 2 may send one call
// more.)
type Limits struct {
	// UserToken is RevokeToken: quota 120, default 60. Nobody else needs it
	// much.
	UserToken float64
	// UserUpdate is AdminUserGlobalSignOut: quota 25, not adjustable and
	// shared with attribute and group changes; default 10.
	UserUpdate float64
	// UserList is ListUsers: quota 30, not adjustable; default 10, because
	// each sign-out looks its user up once.
	UserList float64
	// UserAuthentication is the refresh: quota 120, default 6, because every
	// sign-in of the pool's users needs it too.
	UserAuthentication float64
	// UserRead is GetUser, AdminGetUser and userInfo: quota 120, default 30.
	UserRead float64
	// UserPoolClientRead is DescribeUserPoolClient: quota 15, not adjustable;
	// default 2.
	UserPoolClientRead float64
}

// category is an index into [Limiter.pacers].
type category int

const (
	userToken category = iota
	userUpdate
	userList
	userAuthentication
	userRead
	userPoolClientRead
	categories
)

// Limiter keeps calls within [Limits], and stops those of a category for some
// seconds while Cognito does not answer them. Share one between the pools of an
// AWS account and Region.
type Limiter struct {
	pacers   [categories]*pacer   // immutable
	breakers [categories]*breaker // immutable
}

// NewLimiter returns a limiter. An error names the field.
func NewLimiter(limits Limits) (*Limiter, error) {
	l := &Limiter{}
	for _, c := range []struct {
		category  category
		field     string
		set       float64
		otherwise float64
	}{
		{userToken, "UserToken", limits.UserToken, 60},
		{userUpdate, "UserUpdate", limits.UserUpdate, 10},
		{userList, "UserList", limits.UserList, 10},
		{userAuthentication, "UserAuthentication", limits.UserAuthentication, 6},
		{userRead, "UserRead", limits.UserRead, 30},
		{userPoolClientRead, "UserPoolClientRead", limits.UserPoolClientRead, 2},
	} {
		perSecond := c.set
		if perSecond == 0 {
			perSecond = c.otherwise
		}
		if !(perSecond > 0 && perSecond <= 1e6) { // so that NaN is refused too
			return nil, fmt.Errorf("cognito: Limits.%s %v is not between 0 and a million", c.field, perSecond)
		}
		// n calls with n-1 gaps between them fit into a second.
		gaps := perSecond
		if perSecond >= 2 {
			gaps = min(perSecond-1, perSecond*0.9)
		}
		l.pacers[c.category] = newPacer(time.Duration(float64(time.Second) / gaps))
		l.breakers[c.category] = newBreaker()
	}
	return l, nil
}

// errLimited says that our own limiter did not let a call through in time.
var errLimited = errors.New("cognito: no quota left in time")

// wait takes one call from the category. It returns the context's error if
// that ends first, and errLimited, without waiting, if the deadline leaves too
// little time.
func (l *Limiter) wait(ctx context.Context, c category) error {
	return l.pacers[c].wait(ctx)
}

// retryer is the SDK's standard retryer whose retries take from a category.
type retryer struct {
	aws.RetryerV2
	limiter  *Limiter
	category category
}

// GetRetryToken is called before each retry. The SDK joins its error with that
// of the attempt before.
func (r retryer) GetRetryToken(ctx context.Context, failed error) (func(error) error, error) {
	release, err := r.RetryerV2.GetRetryToken(ctx, failed)
	if err != nil {
		return nil, err
	}
	if err := r.limiter.wait(ctx, r.category); err != nil {
		return nil, errors.Join(err, release(failed))
	}
	return release, nil
}

// newRetryer returns the retryer for an operation.
func newRetryer(op operation, limiter *Limiter, maxAttempts int) retryer {
	standard := retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		if op.once {
			// Only what was certainly not carried out is sent again.
			o.Retryables = []retry.IsErrorRetryable{
				retry.NoRetryCanceledError{},
				retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes},
			}
			return
		}
		// The SDK goes by the status of an internal error, which may be 400.
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{
			"InternalErrorException":  {},
			"InternalServerException": {},
		}})
	})
	return retryer{standard, limiter, op.category}
}
