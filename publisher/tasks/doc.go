// Package tasks keeps the publisher's tasks.
//
//	store, err := tasks.Open(ctx, tasks.Config{JetStream: js, Keys: keys, Replica: "revoked-1"})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//
// [Store] keeps them in a JetStream stream that all replicas of the service
// share; the stream has the newest version of each task, on a subject of its
// own, until a day after the end of the act. [Memory] keeps them in the
// process, for tests.
//
// # What it promises
//
// A version that Put has returned is as durable as the stream is, and no other
// replica's work is lost by it: a version that was not made from the newest one
// is merged with it first ([publisher.Task.Merge]), by a write that the server
// accepts only if the newest version is still the one that was read.
//
// Any replica finishes any task. Each reads the stream once a second and holds
// an index of it. A due task is worked on by the replica that stored it last; if that does
// not happen within Config.Takeover, the others try to store it in their own name,
// of whom one succeeds. So in normal times no two replicas work on one task, a
// replica that has died leaves nothing undone, and if two are at it after all,
// what they do merges.
//
// # Secrets
//
// What a task needs to revoke a session, the refresh token above all, is sealed
// by AES-256-GCM before it leaves the process, and is bound to the act, pool,
// client and key. It is gone when the task ends: the stream keeps no older
// version.
//
// # Memory
//
// The index takes some 200 bytes for each task, whatever the task holds.
//
// # Concurrency
//
// Everything is safe for concurrent use.
package tasks
