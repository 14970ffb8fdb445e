// Package cognito is the AWS SDK behind [publisher.Cognito]: one [Pool] for
// each user pool.
//
//	cfg, err := config.LoadDefaultConfig(ctx) // AWS_* variables, profiles, roles
//	...
//	pool, err := cognito.New(cognito.Config{
//		PoolID:  "eu-west-1_AbC123",
//		AWS:     cfg,
//		Clients: []cognito.Client{{ID: clientID, Secret: secret}},
//		Logger:  log,
//	})
//	...
//	if err := pool.CheckCredentials(ctx); err != nil {
//		return err
//	}
//
// # Bounds
//
// Every call waits for its quota category first ([Limits]) and is then sent,
// with retries by the SDK, each of which takes from the same quota. The wait
// ends with the caller's context or after Config.CallTimeout, whichever is
// earlier; one that would not fit is refused at once. What was sent ends after
// Config.CallTimeout only: cut off earlier, nobody would know its outcome.
//
// # Errors
//
// Every refusal or failure is a [*publisher.CognitoError]. What may succeed
// later and what will not is decided by Cognito's error code, never by the
// HTTP status, which differs between versions of the service. A code that
// this package does not know counts as one that may succeed later: giving up
// wrongly leaves a session alive, trying again costs a call. If Cognito
// answered nothing that can be understood, the code is one of the constants
// below. No error and no log line holds a token, a secret, a sub or a user
// name.
//
// A failed call may have had its effect. Repeating [Pool.RevokeToken] and
// [Pool.SignOutUser] is harmless; see [Pool.Refresh] for what a lost answer
// means there.
//
// # Permissions
//
// RevokeToken, GetTokensFromRefreshToken and GetUser carry their authority in
// the request and are sent unsigned. The calls of [Pool.SignOutUser] need
// cognito-idp:ListUsers, cognito-idp:AdminGetUser and
// cognito-idp:AdminUserGlobalSignOut on the pool, [Pool.DescribeClient] needs
// cognito-idp:DescribeUserPoolClient.
//
// # Concurrency
//
// Everything is safe for concurrent use. A Pool has no goroutines and needs no
// Close.
package cognito
