// Package askcognito asks Cognito itself about a token while a node's denylist
// is too old to vouch for it: the stale policy validator.AskCognito.
//
//	asker, err := askcognito.New(askcognito.Config{
//		Pools: []askcognito.Pool{{ID: "eu-west-1_AbC123", UserInfoURL: userInfo}},
//	})
//	...
//	auth, err := httpauth.New(httpauth.Config{
//		Validator: v, StalePolicy: validator.AskCognito, Fallback: asker,
//	})
//
// # What is asked
//
// Access tokens of users that the validator has verified and that are not
// expired: the userInfo endpoint about those with the scope openid, GetUser
// about those with aws.cognito.signin.user.admin. Tokens of machines, ID tokens
// and tokens without either scope can't be asked about, and are refused as
// stale.
//
// # What is not seen
//
// Cognito knows of sessions revoked by their refresh token, and of users who
// were signed out, disabled or deleted. It does not know of acts on a token, a
// client, a group, a device or a pool, of a session that was revoked by its id
// alone, of a user act that spares a session, nor of an act whose leg to
// Cognito is still pending. A token that only such an act refuses, and that
// this node has not heard of, is accepted by a route with this policy while
// the denylist is stale. What the node does know refuses all the same: revoked
// wins over stale.
//
// # Cost
//
// Cognito's quota for GetUser and userInfo is small and shared by the whole
// account (120 a second), which is why there is a denylist. One call a second
// per node is the default budget; equal questions share a call, answers are
// kept for at most ten seconds, and a breaker stops calls for a while after
// several in a row have failed. A token that can't be settled within the
// budget is refused as stale, as FailClosed does.
//
// An [Asker] is safe for concurrent use. It starts no goroutine that outlives
// a call, and a call lasts at most [Config.Timeout].
package askcognito
