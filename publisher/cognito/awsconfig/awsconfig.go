// Package awsconfig makes the AWS configuration that package cognito needs. It
// is apart from that package because the credential chain of the SDK links
// several more AWS services than the one that is called.
package awsconfig

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Load reads what the SDK reads: the AWS_* variables, the shared files, and
// the roles of containers and instances. The region is used for calls to AWS's
// token service if nothing else names one. It makes no call to AWS; whether
// there are credentials, cognito.Pool.CheckCredentials finds out.
func Load(ctx context.Context, region string) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithDefaultRegion(region))
	if err != nil {
		return aws.Config{}, fmt.Errorf("awsconfig: %w", err)
	}
	return cfg, nil
}

// Role is one to assume, in whichever account.
type Role struct {
	ARN        string
	ExternalID string // what the role's trust policy asks for, if anything
}

const (
	// sessionName is what CloudTrail shows of calls in an assumed role.
	sessionName = "revoked"
	// renewBefore is how long before their end an assumed role's credentials
	// are fetched anew, spread by half of it.
	renewBefore = 5 * time.Minute
)

// Assume returns cfg with the credentials of a role, which those of cfg assume
// (AWS STS, AssumeRole). It makes no call: they are fetched when they are first
// needed, and renewed before they end. It is safe for concurrent use.
func Assume(cfg aws.Config, role Role) aws.Config {
	provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), role.ARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
		if role.ExternalID != "" {
			o.ExternalID = aws.String(role.ExternalID)
		}
	})
	assumed := cfg.Copy()
	assumed.Credentials = aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow, o.ExpiryWindowJitterFrac = renewBefore, 0.5
	})
	return assumed
}

// Emulator is the configuration for an emulator: calls are signed with a
// placeholder, so that no real signature travels over plain HTTP.
func Emulator(region string) aws.Config {
	return aws.Config{
		Region:      region,
		Credentials: credentials.NewStaticCredentialsProvider("emulator", "emulator", ""),
	}
}
