package subscriber

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// source is what the follower needs of NATS, so that its decisions can be
// tested against a faked network and clock.
type source interface {
	// events delivers, in the order received, what the live subscription got
	// and what happened to it. Messages may be lost, repeated or late. The
	// channel is never closed.
	events() <-chan event
	// fast delivers the messages of the fast path, of which only the payload
	// counts. They come as the client library has them: handing them over once
	// more would only wake another goroutine on the way to the denylist.
	fast() <-chan *nats.Msg
	// batch asks once for up to n stored messages from sequence from on.
	batch(ctx context.Context, from uint64, n int) (batch, error)
	// read asks once for the stored message with that sequence. The error
	// wraps errNotStored if the server that answers does not hold it.
	read(ctx context.Context, sequence uint64) (event, error)
	// close ends the delivery and waits for the source's goroutines.
	close()
}

var errNotStored = errors.New("not stored")

// event is a message of the stream, or a notice about the live subscription.
type event struct {
	reconnected bool // the connection was made, or made again
	dropped     bool // the client library has dropped messages: the node was slow

	sequence uint64    // of the stream
	at       time.Time // the server's time stamp
	expires  time.Time // when its time to live runs out, server's time; zero: never
	tick     bool      // it came on the subject of ticks
	rollsUp  bool      // storing it has removed others
	payload  []byte
	trace    string // the traceparent that came with it; for nothing but Config.Applied
}

// batch is the answer to one request for stored messages.
type batch struct {
	payloads [][]byte
	// last is the sequence of the last message in payloads; 0 if there is none.
	last uint64
	// pending is how many messages the answering server held from the start
	// of the batch on.
	pending uint64
}
