package members

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// Bus carries probes to the nodes and their reports back.
type Bus interface {
	// Probe sends one probe. It may be lost.
	Probe(payload []byte) error
	// Heard delivers, in the order of arrival for each node, what nodes
	// report, and a gap whenever reports may have been missed. It is never
	// closed.
	Heard() <-chan Heard
}

// Heard is one report, or a gap.
type Heard struct {
	// Gap says that reports may have been missed; the rest is empty.
	Gap bool
	// Service and Node are from the subject, whose service the server guards.
	Service, Node string
	Payload       []byte
}

// reportBuffer holds the answers of a large fleet to one probe.
const reportBuffer = 32 << 10

// NATSBus is the [Bus] over core NATS.
type NATSBus struct {
	nc    *nats.Conn
	names stream.Names
	sub   *nats.Subscription
	heard chan Heard
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// NewNATSBus listens to reports on a connection that stays the caller's. The
// prefix is that of all subjects; empty means "revoked".
func NewNATSBus(nc *nats.Conn, prefix string) (*NATSBus, error) {
	names, err := stream.NewNames(prefix)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &NATSBus{nc: nc, names: names, heard: make(chan Heard), stop: stop}
	msgs := make(chan *nats.Msg, reportBuffer)
	if b.sub, err = nc.ChanSubscribe(names.AllStatus(), msgs); err != nil {
		stop()
		return nil, fmt.Errorf("members: subscribing to %s: %w", names.AllStatus(), err)
	}
	status := nc.StatusChanged(nats.CONNECTED)
	b.done.Go(func() {
		b.forward(ctx, msgs, status)
		nc.RemoveStatusListener(status)
	})
	return b, nil
}

// Close ends the delivery.
func (b *NATSBus) Close() {
	b.sub.Unsubscribe() // fails only if the connection is gone already
	b.stop()
	b.done.Wait()
}

// Heard implements [Bus].
func (b *NATSBus) Heard() <-chan Heard { return b.heard }

// Probe implements [Bus].
func (b *NATSBus) Probe(payload []byte) error {
	if err := b.nc.Publish(b.names.Probe(), payload); err != nil {
		return fmt.Errorf("members: publishing on %s: %w", b.names.Probe(), err)
	}
	return nil
}

func (b *NATSBus) forward(ctx context.Context, msgs <-chan *nats.Msg, status <-chan nats.Status) {
	// What does not fit into the buffer is dropped by the client library.
	look := time.NewTicker(time.Second)
	defer look.Stop()
	dropped := 0
	for {
		var h Heard
		select {
		case <-ctx.Done():
			return
		case _, open := <-status:
			if !open { // the connection was closed for good
				status = nil
				continue
			}
			h.Gap = true
		case <-look.C:
			n, err := b.sub.Dropped()
			if err != nil || n == dropped {
				continue
			}
			dropped, h.Gap = n, true
		case msg := <-msgs:
			service, node, ok := b.names.StatusOf(msg.Subject)
			if !ok {
				continue
			}
			h = Heard{Service: service, Node: node, Payload: msg.Data}
		}
		select {
		case b.heard <- h:
		case <-ctx.Done():
			return
		}
	}
}
