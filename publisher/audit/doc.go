// Package audit keeps who did what with the revoke service, when, from where,
// and how it ended: an append-only stream that nodes can't see.
//
//	log, err := audit.New(audit.Config{Store: store, Replica: "replica-1"})
//	...
//	err = log.Record(ctx, entry) // before what weakens protection
//	stored := log.Note(entry)    // after what strengthens it
//
// # What can't be skipped in silence
//
// Two kinds of operation want opposite things of an audit that is out of
// reach. What takes protection away (a lift, the removal of a node from the
// fleet) is recorded before it is done: [Log.Record] returns once the entry is
// stored, and the operation does not happen if it can't be. What adds
// protection, or was refused, is never held up: [Log.Note] waits a moment, then
// says that the entry is not stored yet and goes on trying in the background.
// Nothing is dropped without a trace: an entry for which there is no room, or
// that is not stored when the process ends, goes to the process's own log, in
// full, at level error, and is counted in [Stats.Lost].
//
// Entries carry ids only: no token, secret, e-mail or user name. They are
// personal data all the same; the stream keeps them for a configured time.
//
// # Concurrency
//
// A [Log] is safe for concurrent use. Close is idempotent and returns after its
// goroutine has stopped.
package audit
