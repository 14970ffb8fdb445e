// Package prober measures whether, and how soon, the nodes enforce a
// revocation, before somebody needs one.
//
//	p, err := prober.New(prober.Config{Revoke: canary, Fleet: tracker, Interval: time.Minute, ...})
//	...
//	p.Run(ctx)
//
// # A run
//
// It revokes a canary, a token that nobody has ([publisher.Publisher.Canary]),
// by the way that every revocation goes, and then asks the nodes as a receipt
// does (package members) until each has proven that it enforces the act, or
// Timeout has passed. What a node's time is: from just before the first copy
// of the act leaves until this replica has the node's answer, on one clock; an
// upper bound of the time to enforce, which includes making the act durable.
//
// # What it promises
//
// Runs never overlap and are bounded by Timeout. A run that fails is followed
// by the next at its time: while revocations fail, that is to be seen, and one
// act for each Interval is too little to back off from. The first run begins
// at a random moment of the first Interval, so that replicas that start
// together don't probe together. A prober changes nothing that a revocation
// or a receipt of somebody else could notice.
//
// # What it does not do
//
// It takes the nodes that this replica knows for all there are (see
// [members.Known]); how many there must be is members.Config.Expect. Nodes
// that only report are not missed. Each replica of the service measures its
// own way to the nodes, and none speaks for another.
package prober
