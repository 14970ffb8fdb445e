// Package members knows which nodes are in the fleet, and asks them whether
// they enforce an act. Its answer is a [Receipt].
//
//	t, err := members.New(members.Config{Bus: bus, Roll: roll})
//	...
//	r := t.Await(ctx, members.Question{Act: act, ...}, members.All)
//	fmt.Println(r.Enforced, "of", r.Total, r.Met)
//
// # What a receipt promises
//
// A node counts as enforcing only on its own positive answer to a probe: that
// its view is live and complete up to the act's place in the stream, that its
// routes refuse what its check refuses, and that the check refuses a token at
// the limits of the act by that very act (package subscriber has the other
// side). Delivery, time passed and silence are never taken for it.
//
// A node counts in the total from its first report. It leaves with its goodbye.
// A silent one stays, because it may only be out of our reach:
//
//   - If all its routes fail closed it stays for one lease ([fleet.Lease])
//     after the later of its last report and the acceptance of the act. From
//     then on it refuses every token as stale, or has applied the act.
//   - Else it may accept revoked tokens for as long as it runs. It stays,
//     unproven, until an operator removes it.
//
// Nothing is ever met by an empty fleet, by one with fewer nodes than the
// operator expects, or while this replica has listened for less than one lease:
// a silent node that it has never heard may still accept tokens.
//
// Less formally: when in doubt the total is too large, never too small.
//
// # Limits
//
// The reports are the nodes' own word. A credential for one service can invent
// or lie about nodes of that service and of no other. A node that never had a
// word with a replica of the revoke service, nor with the roll that replicas
// share, is unknown; Expect is the guard against that.
//
// # Concurrency
//
// A [Tracker] is safe for concurrent use. Close is idempotent and returns after
// every goroutine has stopped.
package members
