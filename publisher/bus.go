package publisher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// Bus carries messages to the nodes.
type Bus interface {
	// Fast publishes on the fast path: at once, to whoever listens, without an
	// acknowledgement. The error says that it has not left.
	// Like the others it carries the trace of ctx to the nodes, if that is sampled.
	Fast(ctx context.Context, payload []byte) error
	// Settle waits until the server has taken what Fast has sent.
	Settle(ctx context.Context) error
	// AppendAct stores copies of acts for ttl and returns the sequence once
	// that is acknowledged. Until ctx ends it repeats what may not have
	// arrived, so a message may be stored more than once.
	AppendAct(ctx context.Context, payload []byte, ttl time.Duration) (uint64, error)
	// AppendBeat stores a beat, likewise.
	AppendBeat(ctx context.Context, payload []byte, ttl time.Duration) error
}

const (
	// appendTimeout bounds one attempt. An election of the stream's leader
	// takes 4 to 9 s; the attempts go on through it.
	appendTimeout = 2 * time.Second
	appendPause   = 200 * time.Millisecond
)

// NATSBus is the [Bus] over NATS JetStream.
type NATSBus struct {
	nc    *nats.Conn
	js    jetstream.JetStream
	names stream.Names
}

// NewNATSBus returns a bus on a connection that stays the caller's. The prefix
// is that of all subjects; empty means "revoked".
func NewNATSBus(nc *nats.Conn, prefix string) (*NATSBus, error) {
	names, err := stream.NewNames(prefix)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	return &NATSBus{nc: nc, js: js, names: names}, nil
}

// Fast implements [Bus]. It does not wait: the client library writes at once,
// or keeps the message until it is connected again, which is an error here.
func (b *NATSBus) Fast(ctx context.Context, payload []byte) (err error) {
	subject := b.names.Fast()
	ctx, span := spans.Publish(ctx, subject)
	defer func() { spans.End(span, err) }()
	connected := b.nc.IsConnected()
	if parent := spans.Traceparent(ctx); parent != "" {
		err = b.nc.PublishMsg(traced(subject, payload, parent))
	} else {
		err = b.nc.Publish(subject, payload)
	}
	if err == nil && !connected {
		err = nats.ErrDisconnected
	}
	if err != nil {
		return fmt.Errorf("publisher: publishing on %s: %w", subject, err)
	}
	return nil
}

// Settle implements [Bus]: the server answers a PING after it has handed on
// what came before.
func (b *NATSBus) Settle(ctx context.Context) error { return b.nc.FlushWithContext(ctx) }

// AppendAct implements [Bus].
func (b *NATSBus) AppendAct(ctx context.Context, payload []byte, ttl time.Duration) (uint64, error) {
	subject := b.names.Event()
	ctx, span := spans.Publish(ctx, subject)
	seq, err := b.store(ctx, subject, payload, ttl)
	spans.Sequence(span, seq)
	spans.End(span, err)
	return seq, err
}

// AppendBeat implements [Bus].
func (b *NATSBus) AppendBeat(ctx context.Context, payload []byte, ttl time.Duration) error {
	_, err := b.store(ctx, b.names.Beat(), payload, ttl)
	return err
}

// traced returns a message with the traceparent of a span.
func traced(subject string, payload []byte, traceparent string) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: payload, Header: nats.Header{spans.Header: {traceparent}}}
}

// store publishes until it is acknowledged. There is no Nats-Msg-Id: a message
// that was in flight at a change of leader is stored but never republished to
// the nodes, and its retry with the same id would be acknowledged as a
// duplicate and not republished either.
func (b *NATSBus) store(ctx context.Context, subject string, payload []byte, ttl time.Duration) (uint64, error) {
	parent := spans.Traceparent(ctx)
	for {
		attempt, cancel := context.WithTimeout(ctx, appendTimeout)
		ack, err := b.publish(attempt, subject, payload, parent, jetstream.WithMsgTTL(ttl))
		cancel()
		if err == nil {
			return ack.Sequence, nil
		}
		err = fmt.Errorf("publisher: appending to %s: %w", subject, err)
		// The server has refused it and will do so again.
		if refused, ok := errors.AsType[*jetstream.APIError](err); ok && refused.Code < 500 {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(appendPause/2 + rand.N(appendPause)):
		}
	}
}

// publish makes one attempt; no traceparent is none.
func (b *NATSBus) publish(ctx context.Context, subject string, payload []byte, traceparent string, ttl jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if traceparent == "" {
		return b.js.Publish(ctx, subject, payload, ttl, jetstream.WithRetryAttempts(0))
	}
	return b.js.PublishMsg(ctx, traced(subject, payload, traceparent), ttl, jetstream.WithRetryAttempts(0))
}
