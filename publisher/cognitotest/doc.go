// Package cognitotest is an emulator of Amazon Cognito user pools for tests:
// it mints tokens, serves keys and answers the revocation calls as strictly
// as the real service.
//
// Start one, create what the test needs, and point an unmodified AWS SDK,
// the aws command or any OpenID Connect client at its URL:
//
//	srv, err := cognitotest.Start(cognitotest.Config{})
//	...
//	defer srv.Close()
//	pool, err := srv.CreatePool(cognitotest.PoolConfig{})
//	client, err := pool.CreateClient(cognitotest.ClientConfig{})
//	user, err := pool.CreateUser(cognitotest.UserConfig{Username: "ada"})
//	tokens, err := pool.SignIn(client.ID, user.Username)
//
// [Pool.SignIn] makes tokens of a session that can be refreshed and revoked.
// [Pool.Mint] makes any token at all, such as one that has expired but is
// properly signed.
//
// # What it answers
//
// Under POST / the AWS JSON 1.1 API: InitiateAuth and AdminInitiateAuth
// (passwords, refresh tokens), GetTokensFromRefreshToken, RevokeToken,
// GlobalSignOut, AdminUserGlobalSignOut, AdminDisableUser, AdminEnableUser,
// AdminDeleteUser, GetUser, AdminGetUser, ListUsers, AdminCreateUser,
// AdminSetUserPassword, CreateGroup, AdminAddUserToGroup,
// AdminRemoveUserFromGroup, CreateUserPool, DescribeUserPool, and Create-,
// Describe- and UpdateUserPoolClient. Calls that need IAM are refused unless
// they carry an AWS Signature Version 4 for cognito-idp; the signature's
// value is not checked, as the emulator knows no keys.
//
// Under /<pool>/.well-known/ the JWKS and the OpenID Connect metadata, and
// for all pools together /oauth2/authorize, /login, /oauth2/token,
// /oauth2/revoke, /oauth2/userInfo and /logout, which find the pool by the
// client or the token.
//
// # Revocation
//
// What a test can rely on, with the source that says so:
//
//   - A session is one sign-in. Its tokens share origin_jti and auth_time
//     over refreshes, each has its own jti (developer guide, "Understanding
//     the access token").
//   - RevokeToken ends one session: its refresh token and all access and ID
//     tokens. It takes a refresh token only, needs the client that it was
//     issued to, and succeeds again for a revoked one and for garbage of the
//     right shape (developer guide, "Ending user sessions with token
//     revocation", "The token revocation endpoint").
//   - GlobalSignOut, AdminUserGlobalSignOut and AdminDisableUser end all
//     sessions and refuse every token with iat at or before that moment.
//     Enabling the user again revives none.
//   - A refused token stays a good signature: only calls to Cognito notice.
//     That is the gap that a denylist closes.
//   - A client with EnableTokenRevocation off has tokens without jti and
//     origin_jti, and no RevokeToken.
//   - The browser's session at the sign-in page survives a sign-out for up
//     to an hour and yields new tokens without a password; only /logout ends
//     it.
//
// # Where it decides what AWS does not say
//
// Rotation of refresh tokens keeps origin_jti, and revoking a rotated-out
// token ends the session. RevokeToken for an unknown client or for another
// client's token is UnauthorizedException (/oauth2/revoke: invalid_client).
// Client-credentials tokens have no auth_time. A sign-in through a
// remembered browser has a new auth_time. A sign-in within the same second as
// a sign-out gives an access token that Cognito refuses, because iat is in
// whole seconds.
//
// # Where it differs
//
// Public clients must use PKCE, which Cognito only recommends. The Go API
// accepts token validities and passwords that the AWS API refuses. There is
// no SRP, MFA, device tracking, sign-up, custom attribute schema, Lambda
// trigger, RespondToAuthChallenge, implicit grant or sign-in with a third
// party: a federated user is created with [UserConfig].Provider and signed in
// with [Pool.SignIn]. Nothing is stored on disk.
//
// # Disturbing it
//
// [Server.Fail] makes an operation fail before or after its effect,
// [Server.Limit] gives it a quota, [Server.Advance] moves its clock, and
// [Config] sets a clock of its own and a wrong one. [Server.Calls] and
// [Server.Requests] tell what clients asked for. A [Pool] rotates its keys
// with RotateKeys and withdraws old ones with RetireKeys.
//
// # Concurrency
//
// Everything may be used from many goroutines at once. [Server.Close] returns
// when all goroutines of the server have stopped.
package cognitotest
