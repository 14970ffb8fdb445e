// Package api is the HTTP surface of the revoke service: two handlers, for two
// listeners.
//
// [NewPublic] serves apps: POST /oauth2/revoke (RFC 7009), which takes the
// place of Cognito's endpoint of that name. [NewAdmin] serves operators and
// services: /v1, and its description in OpenAPI.
//
// # POST /oauth2/revoke
//
// The form fields are token, client_id, token_type_hint (ignored: the kinds of
// token differ in shape) and access_token. Clients with a secret authenticate
// with HTTP Basic (RFC 6749, section 2.3.1). What ends what:
//
//   - A refresh token ends its session. The service learns which one by
//     refreshing once, unless an access_token beside it says so.
//   - An access_token beside a refresh token is authority for its own session.
//     It must be a verified, unexpired access token of the same client; any
//     other is an error and never silently passed over. One that has been
//     revoked already is no authority: then the refresh token speaks alone.
//   - An access token as token ends that one token.
//   - An ID token is answered with unsupported_token_type. It and an expired
//     token never end anything.
//
// The answer is 200 with an empty body also for a token that means nothing
// (RFC 7009, section 2.2). The header Revoked-Local tells the truth: denied or
// unknown. Revoked-Cognito says done, pending or failed if Cognito is to be
// told. Whoever gets 503 may repeat the request; nothing is pretended.
//
// # /v1
//
// Callers present an API key, of which only a hash is known here, or an access
// token of a group that was given a role ([Key], [Grant], [Role]); each has a
// rate. A token in a request only names a target, so it may be expired, or an
// ID token. Errors are problem documents (RFC 9457) whose types are the
// constants of this package and never change.
//
// A batch is a request whose lines are carried out many at a time and answered
// in order. With an Idempotency-Key a request, or each line, has its effect
// once; see [publisher.Once] for what that promises.
//
// openapi.yaml describes everything that is answered, and the tests hold every
// answer against it. To add an operation: a line in admin.operations, its part
// of openapi.yaml, and a test of each outcome that is described there.
//
// # What it does not do
//
// It does not know how a revocation is carried out or a token verified, and
// asks [Revoker] and [Tokens]. No answer and no log line repeats a token, a
// secret, an API key or any other value that was sent, but for the reason and
// the target of an accepted revocation.
//
// Handlers may be called from any number of goroutines.
package api
