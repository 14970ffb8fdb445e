// Package realpool asks a user pool, in the name of a test user, what no
// documentation says and our rules depend on, and says what each answer means
// for them. It calls what a client of the pool may call and nothing that takes
// AWS credentials. It ends the session of the test user that it is given.
//
// What a test user can't find out is an answer too: [NotAsked].
package realpool
