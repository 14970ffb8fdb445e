package cognitotest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// An unmodified AWS SDK revokes a session.
func Example() {
	srv, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	demo, err := srv.SeedDemo()
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens, err := demo.Pool.SignIn(demo.Client.ID, demo.Ada.Username)
	if err != nil {
		fmt.Println(err)
		return
	}

	client := cip.New(cip.Options{
		Region:       demo.Pool.Region(),
		BaseEndpoint: aws.String(srv.URL()),
		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
	_, err = client.RevokeToken(context.Background(), &cip.RevokeTokenInput{
		ClientId: aws.String(demo.Client.ID),
		Token:    aws.String(tokens.RefreshToken),
	})
	fmt.Println("revoke:", err)
	_, err = demo.Pool.Refresh(demo.Client.ID, tokens.RefreshToken)
	fmt.Println("refresh:", err)
	fmt.Println("access token:", srv.Check(tokens.AccessToken))
	// Output:
	// revoke: <nil>
	// refresh: NotAuthorizedException: Refresh Token has been revoked
	// access token: NotAuthorizedException: Access Token has been revoked
}

// A token that expired an hour ago, with a good signature.
func ExamplePool_Mint() {
	srv, err := cognitotest.New(cognitotest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	pool, err := srv.CreatePool(cognitotest.PoolConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	token := pool.Mint(cognitotest.MintOptions{
		ClientID:  "demoappclient000000000000a",
		Username:  "ada",
		IssuedAt:  time.Now().Add(-2 * time.Hour),
		ExpiresAt: time.Now().Add(-time.Hour),
	})
	fmt.Println(srv.Check(token))
	// Output:
	// NotAuthorizedException: Access Token has expired
}
