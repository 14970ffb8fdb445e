package subscriber

import (
	"context"
	"time"
)

// source is what the follower needs of NATS, so that its decisions can be
// tested against a faked network and clock.
type source interface {
	// events delivers, in the order received, what the live subscription got
	// and what happened to the connection. Messages may be lost, repeated or
	// late. The channel is never closed.
	events() <-chan event
	// fast delivers the payloads of the fast path.
	fast() <-chan []byte
	// batch asks once for up to n stored messages from sequence from on.
	batch(ctx context.Context, from uint64, n int) (batch, error)
	// close ends the delivery and waits for the source's goroutines.
	close()
}

// event is a live message, or a notice that the connection was made again.
type event struct {
	reconnected bool

	sequence uint64    // of the stream
	at       time.Time // the server's time stamp
	tick     bool      // it came on the subject of ticks
	payload  []byte
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
