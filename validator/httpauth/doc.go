// Package httpauth puts a [validator.Validator] in front of an [http.Handler].
//
//	auth, err := httpauth.New(httpauth.Config{Validator: v})
//	...
//	mux.Handle("/orders", auth.Middleware(orders))
//
// In the handler, [TokenFrom] returns the verified token.
//
// # Answers
//
// The bearer token is read from the Authorization header only (RFC 6750,
// section 2.1): tokens in forms and URLs end up in logs. What a client is told
// follows RFC 6750, section 3, with a problem document (RFC 9457) as body:
//
//	no bearer token                   401, no error attribute
//	more than one Authorization       400, error="invalid_request"
//	bad, expired or revoked           401, error="invalid_token"
//	a scope or group is missing       403, error="insufficient_scope"
//	denylist stale, or no keys yet    503, Retry-After
//
// Every 401 with invalid_token is the same to the last byte: why a token was
// refused is in [Auth.Stats] and, at debug level, in the validator's log.
//
// # Policy per route
//
// Routes that need different scopes, or another [StalePolicy], each get an
// [Auth] of their own; they share the Validator, so one more costs nothing.
//
// # Handlers that last
//
// With [Config.Streams] the context of a request ends when its token is revoked
// or expires: handlers of server-sent events, WebSockets (after Hijack, too) and
// long polls end with it. A WebSocket is best closed with code 1008, policy
// violation (RFC 6455, section 7.4.1).
//
// All methods may be called from any number of goroutines.
package httpauth
