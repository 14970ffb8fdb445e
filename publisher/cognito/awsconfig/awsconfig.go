// Package awsconfig makes the AWS configuration that package cognito needs. It
// is apart from that package because the credential chain of the SDK links
// several more AWS services than the one that is called.
package awsconfig

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
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

// Emulator is the configuration for an emulator: calls are signed with a
// placeholder, so that no real signature travels over plain HTTP.
func Emulator(region string) aws.Config {
	return aws.Config{
		Region:      region,
		Credentials: credentials.NewStaticCredentialsProvider("emulator", "emulator", ""),
	}
}
