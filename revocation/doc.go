// Package revocation holds the rules of meaning of revoked: what a revocation
// is, which tokens it refuses, how copies of it merge, and how it is written
// on the wire. Every other package builds on it; it knows no NATS, no AWS, no
// HTTP and no clock.
//
// A service that verifies JWTs with a library of its own needs two names of
// this package:
//
//	tok, err := revocation.TokenFromClaims(claims) // claims: verified, as a map
//	if err != nil { ... }                          // malformed: refuse
//	err = deny.Check(tok)                          // deny: a *subscriber.Subscriber
//
// # Acts
//
// One accepted revocation of one [Target] is an [Act]. Its id is random and is
// carried by every copy of it. Copies of one act merge by [Act.Merge]: the
// higher [State] wins, within one state the larger expiry. Merging is
// commutative, associative and idempotent, so the order in which copies
// arrive, how often, and over which path cannot change the outcome, and no
// clock or sequence number is ever compared to decide it. Different acts are
// never merged: a token is refused if any live act refuses it.
//
// # Identity
//
// Identity is claims, never the bytes of a token or of its signature: one
// valid token has many spellings. Everything is scoped by the user pool id,
// never by the issuer URL, of which a pool has two.
//
// All functions are pure and all types are plain values; they may be used
// from any number of goroutines.
package revocation
