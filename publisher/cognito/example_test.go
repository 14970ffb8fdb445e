package cognito_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func ExampleNew() {
	// An emulator stands in for Cognito, fixed credentials for those that
	// config.LoadDefaultConfig finds.
	srv, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	emulated, err := srv.CreatePool(cognitotest.PoolConfig{ID: "eu-west-1_AbC123"})
	if err != nil {
		fmt.Println(err)
		return
	}
	pool, err := cognito.New(cognito.Config{
		PoolID:   emulated.ID(),
		AWS:      aws.Config{Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", "")},
		Endpoint: srv.URL(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := pool.CheckCredentials(ctx); err != nil {
		fmt.Println(err)
		return
	}
	err = pool.SignOutUser(ctx, "6f1c2a54-0b7e-4f0e-9d0a-3c1f7b9d2e11")
	fmt.Println(errors.Is(err, publisher.ErrUserNotFound))
	fmt.Println(err)
	// Output:
	// true
	// cognito ListUsers: UserNotFoundException: publisher: no such user in the pool
}
