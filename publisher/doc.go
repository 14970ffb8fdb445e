// Package publisher carries out revocations. It accepts a request, denies the
// target on every node, makes that durable, tells Cognito, and confirms.
//
// # Order of effects
//
//  1. The act is fixed: its id, cutoff and expiry never change afterwards.
//  2. It is published on the fast path at once, and again each second until
//     step 3 is acknowledged: nodes deny provisionally within milliseconds.
//  3. The task is stored, then the act is appended to the stream. The caller
//     has success only after both are acknowledged and the service's own
//     denylist refuses the target by this act.
//  4. Cognito is told, in the background, within its quotas. It may be down
//     for days; the act stands and is extended meanwhile.
//  5. The act is published again as confirmed, with its final expiry: the end
//     of the last token that Cognito can have minted.
//
// Acts that come at the same time share messages, on the fast path and in the
// stream. One that comes alone never waits.
//
// A crash between any two steps loses nothing that was acknowledged, and every
// step may run twice: copies of an act merge (package revocation).
//
// # Concurrency
//
// A [Publisher] is safe for concurrent use. [Publisher.Close] is idempotent and
// returns after every goroutine has stopped.
//
// # What it does not do
//
// It verifies no token and knows no AWS type and no HTTP: callers decide who
// may revoke what, and [Cognito] is an interface.
package publisher
