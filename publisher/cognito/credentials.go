package cognito

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// signingCredentials returns a caching provider, or nil if provider can't
// sign. Without a provider the SDK sends calls that need a signature unsigned
// instead of failing, so [Pool.bounded] checks.
func signingCredentials(provider aws.CredentialsProvider) aws.CredentialsProvider {
	if provider == nil || aws.IsCredentialsProvider(provider, aws.AnonymousCredentials{}) {
		return nil
	}
	if cache, ok := provider.(*aws.CredentialsCache); ok {
		return cache
	}
	return aws.NewCredentialsCache(provider)
}

// loadCredentials makes sure that there are credentials before the SDK asks
// for them: its own error would not tell a failure to load them from a
// refusal by Cognito.
func (p *Pool) loadCredentials(ctx context.Context, op string) *publisher.CognitoError {
	if err := p.retrieve(ctx); err != nil {
		code := CodeCredentials
		if errors.Is(ctx.Err(), context.Canceled) {
			code = CodeCanceled
		}
		return failure(op, code)
	}
	return nil
}

func (p *Pool) retrieve(ctx context.Context) error {
	creds, err := p.creds.Retrieve(ctx)
	if err == nil && !creds.HasKeys() {
		err = errors.New("the provider returned no keys")
	}
	return err
}

// CheckCredentials loads the AWS credentials that [Pool.SignOutUser] and
// [Pool.DescribeClient] need. Call it at the start of a service. It does not
// prove that they permit anything. The error, a [*publisher.CognitoError]
// with the codes CodeNoCredentials or CodeCredentials, names the cause.
func (p *Pool) CheckCredentials(ctx context.Context) error {
	if p.creds == nil {
		return fmt.Errorf("cognito: Config.AWS.Credentials is missing: %w", failure("credentials", CodeNoCredentials))
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.CallTimeout)
	defer cancel()
	if err := p.retrieve(ctx); err != nil {
		return fmt.Errorf("cognito: loading AWS credentials: %w: %v", failure("credentials", CodeCredentials), err)
	}
	return nil
}
