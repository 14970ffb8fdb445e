// Package validator verifies the JSON Web Tokens of Amazon Cognito user pools
// and asks a denylist about each of them, without a network call per request.
//
//	v, err := validator.New(validator.Config{
//		Pools:    []validator.Pool{{ID: "eu-west-1_AbC123", ClientIDs: []string{clientID}}},
//		Denylist: deny, // a *subscriber.Subscriber
//	})
//	...
//	tok, err := v.Validate(ctx, bearer)
//
// # Order of the checks
//
// Cheap checks come first, nothing of a token is trusted before its signature,
// and the denylist has the last word on every request:
//
//  1. size, exactly three parts of strict base64url (RFC 7515, section 7.1);
//  2. header: no duplicate names, alg is RS256, no crit, a kid that a
//     configured pool publishes;
//  3. signature, with exactly the key of that kid;
//  4. claims: strict JSON, no duplicate names (RFC 7519, section 4);
//  5. iss maps to a configured pool, and the key is a key of that pool;
//  6. token_use; client_id (access) or aud (ID);
//  7. exp, nbf, iat, with [Config.Skew];
//  8. scopes and groups, if the pool's configuration requires any;
//  9. the denylist.
//
// The checks are those of the Cognito Developer Guide, "Verifying JSON web
// tokens", and of RFC 8725 (JWT Best Current Practices).
//
// # Outcome
//
// A nil error means that every check passed. [ReasonOf] names the check that
// failed, from a fixed set that is fit for a metric label. What a caller does
// about an error is one of four things:
//
//   - [ErrInvalidToken]: refuse the token (401). Revoked tokens are among
//     them; the error then wraps [revocation.ErrRevoked] too.
//   - [ErrInsufficientScope]: refuse the request (403).
//   - [revocation.ErrStale]: the token passed every other check, and is
//     returned, but the denylist cannot say for sure that it was not revoked.
//     Refuse with "try again" (503), or accept if the route may fail open.
//   - [ErrNoKeys]: no keys to verify with yet (503).
//
// Package httpauth does this for HTTP. Errors contain nothing of the token
// beyond names of claims.
//
// # Keys
//
// Each pool's keys are fetched in the background, refreshed every 15 minutes,
// and fetched again when a token names an unknown kid, at most once in 10
// seconds. A fetch that fails, or yields no usable key, leaves the known keys
// in place. Until [Validator.Close] one goroutine per pool does this.
//
// # What it does not do
//
// It verifies no encrypted tokens and no algorithm but RS256, which is the one
// that Cognito uses, and does not read the aud claim of an access token
// (Cognito's resource binding): compare it with [Verified.Claim] if you use
// it.
//
// All methods may be called from any number of goroutines.
package validator
