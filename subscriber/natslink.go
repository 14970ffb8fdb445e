package subscriber

import (
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// probeBuffer: a probe that is dropped is repeated by the service.
	probeBuffer = 64
	// leaveTimeout bounds how long Close waits for the last report to leave.
	leaveTimeout = 500 * time.Millisecond
)

// natsLink is the [link] over a NATS connection.
type natsLink struct {
	nc      *nats.Conn
	subject string
	sub     *nats.Subscription
	msgs    chan *nats.Msg
}

func newNATSLink(nc *nats.Conn, set settings) (*natsLink, error) {
	l := &natsLink{
		nc: nc, subject: set.names.Status(set.Service, set.token),
		msgs: make(chan *nats.Msg, probeBuffer),
	}
	var err error
	if l.sub, err = nc.ChanSubscribe(set.names.Probe(), l.msgs); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *natsLink) probes() <-chan *nats.Msg { return l.msgs }

// report fails only while there is no connection; then the service does not
// hear of this node, which is the truth.
func (l *natsLink) report(payload []byte) { _ = l.nc.Publish(l.subject, payload) }

func (l *natsLink) close() {
	l.sub.Unsubscribe() // fails only if the connection is gone already
	if l.nc.IsConnected() {
		_ = l.nc.FlushTimeout(leaveTimeout) // the lease runs out without it
	}
}
