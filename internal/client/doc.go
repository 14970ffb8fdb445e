// Package client speaks the revoke service's administration API: it asks for
// revocations and reads them back.
//
//	c, err := client.New(client.Config{URL: "https://revoked.internal:8081", APIKey: key})
//	if err != nil {
//		return err
//	}
//	done, err := c.Revoke(ctx, client.Request{Kind: "session", ID: originJTI})
//
// # What may have happened when an error is returned
//
// [Client.Revoke] sends its request once and never repeats it. After an error
// the type says how far it came:
//
//   - [*ProblemError]: the service answered, and the answer is no. Nothing was
//     revoked, except that Denied may say that nodes were told on the fast path.
//   - [*UnansweredError]: no answer came. Sent says whether the service may
//     have carried the request out all the same.
//   - [*UnreadableError]: an answer came that makes no sense. If Status is
//     below 300 the revocation was probably accepted.
//   - any other error: nothing was sent.
//
// [Client.Lift] and [Client.RevokeAll] send once, likewise. A request with an
// idempotency key (Once) has its effect once within 24 hours, however often it
// is sent. Without one, asking again is still safe: it adds a second revocation
// of the same target, which refuses the same tokens; one of a user also those
// of sign-ins made between the two. [Client.Get], [Client.List] and
// [Client.Explain] change nothing and repeat themselves, a few times, within
// the deadline of their context.
//
// # Secrets
//
// The API key goes to the configured address only: redirects are not followed,
// and plain HTTP is refused beyond loopback. No error contains the key or a
// token that was presented.
//
// A Client is immutable and safe for concurrent use.
package client
