// Package subscriber keeps a node's denylist: it replays the revocation stream
// at start, follows it live, and knows how old its own view is.
//
//	deny, err := subscriber.Open(ctx, subscriber.Config{
//		Servers: os.Getenv("NATS_URL"), Service: "orders",
//	})
//	...
//	defer deny.Close()
//	err = deny.Check(tok) // on every request, after the signature was verified
//
// # Promises
//
// [Open] returns once the view holds every act that was acknowledged before
// the call, and has a fresh tick. From then on, while [Subscriber.Check] does
// not return [revocation.ErrStale]: every act that was acknowledged before the
// as-of time of the view is enforced, and the as-of time is at most
// MaxStaleness old. The as-of time is the server's time stamp of the newest
// tick that was applied together with everything before it, never the time at
// which a message arrived, and a tick that arrives more than 2 s after its stamp
// does not count: a link that releases a minute of buffered messages, or a
// server that lags, can only make the view look older than it is.
//
// Less formally: silence is not freshness. Only a tick proves that nothing is
// missing, and the server's own scheduler writes one each second.
//
// Revoked wins over stale: a token that is known to be revoked is refused as
// revoked however old the view is.
//
// # States
//
//	           Open
//	            |
//	       CatchingUp <-------------------------+
//	            | replayed, a fresh tick        | a hole, a reconnect, messages
//	            v                               | dropped, a tick ahead of us
//	          Live -----------------------------+
//	            |  ^
//	   a reason |  | the reason has gone, and a fresh tick was
//	            v  | applied with everything before it
//	      Stale(reason)                Close: from any state to Closed
//
//	reason      begins                              ends
//	history     the stream is not the one followed  an operator accepts it
//	incomplete  an act can't be read                with that act
//	full        acts were left out                  there is room, all is read
//	clock       2 s from the server's               the offset is less
//	service     no beat for 24 h, or of this epoch  a beat
//	no_tick     no tick within MaxStaleness         a tick
//
// Of several reasons the gravest is named, in this order. Catching up after the
// first time keeps the last proof: the view answers until MaxStaleness has run
// out. Only a changed history needs a person; nothing needs a restart.
//
// # History
//
// The node remembers the newest message it has applied, and reads it again
// after every reconnect, every hole, before it returns from stale, and when a
// live message at an earlier place bears a later time. No tick counts until it
// was found unchanged. If it was not, the view becomes the union of what was
// known and what the stream holds, and is stale until an operator accepts.
//
// # Delivery
//
// The node subscribes to the republished subjects of the stream; there is no
// consumer on the server. Every message carries its stream sequence, which must
// be contiguous; a hole is filled by Direct Get. Copies of an act are applied in
// any order and any number, with one outcome (package revocation). Acts that
// only the fast path has brought are provisional for two minutes.
//
// # Concurrency
//
// A [Subscriber] is safe for concurrent use. [Subscriber.Check] does no I/O and
// allocates nothing for a token that is accepted. Close is idempotent and
// returns after every goroutine has stopped.
//
// # What it does not do
//
// It verifies no token (package validator does), and a credential of a node
// can publish nothing.
package subscriber
