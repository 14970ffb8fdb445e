// Package conn binds what lasts longer than a request to the token that opened
// it: a gRPC stream, a WebSocket, server-sent events, a long poll. The context
// that [Registry.Bind] returns is canceled when the token is revoked or
// expires, and [context.Cause] says why.
//
//	streams, err := conn.New(conn.Config{Denylist: deny}) // a *subscriber.Subscriber
//	...
//	ctx, release := streams.Bind(ctx, tok.Token(), validator.FailClosed)
//	defer release()
//	<-ctx.Done() // then end the stream
//
// # Promises
//
// A token that the denylist refuses before, during or after Bind ends the
// context: Bind registers first and asks the denylist then, and the denylist
// tells of an act after it has it, so that none falls between. One act on a user
// finds that user's streams through an index, whatever the number of others.
//
// While the denylist is stale no act may be arriving, so a stream that fails
// closed ends within about a second of that, as its requests would be refused;
// its cause wraps [revocation.ErrStale]. Streams of other policies go on.
//
// # Concurrency
//
// A [Registry] is safe for concurrent use. It runs one goroutine, whatever the
// number of streams; expiry uses one timer a stream. [Registry.Close] waits for
// the goroutine.
package conn
