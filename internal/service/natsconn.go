package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// Connect opens a connection for one task, such as provisioning, and fails if
// NATS can't be reached or no answer can arrive.
func Connect(ctx context.Context, cfg Config) (*nats.Conn, jetstream.JetStream, error) {
	opts, err := natsOptions(cfg.NATS)
	if err != nil {
		return nil, nil, err
	}
	// What the server refuses is found in the results: the library would write
	// it to standard error.
	opts = append(opts, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	nc, err := nats.Connect(cfg.NATS.URL, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to NATS at %s: %w", config.MaskURLs(cfg.NATS.URL), err)
	}
	if err := stream.CheckInbox(ctx, nc); err != nil {
		nc.Close()
		return nil, nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, js, nil
}

// link is the service's connection to NATS. The client library keeps trying,
// without end and with jitter; there is one log line per change.
type link struct {
	nc  *nats.Conn // immutable once connect has returned
	log zerolog.Logger

	mu    sync.Mutex // guards the fields below
	cause error      // why the last attempt failed; nil while connected
}

// connect makes the connection; NATS may be down. The subscriber checks the
// options again.
func connect(cfg Config, log zerolog.Logger) (*link, error) {
	l := &link{log: log}
	opts, err := natsOptions(cfg.NATS)
	if err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}
	opts = append(opts,
		nats.Name("revoked service "+cfg.ServiceID),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(100*time.Millisecond),
		nats.ReconnectJitter(400*time.Millisecond, 400*time.Millisecond),
		nats.PingInterval(time.Second),
		nats.MaxPingsOutstanding(2),
		// Without a buffer a publish fails while disconnected, so that a caller
		// is not told that nodes were.
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(l.connected),
		nats.ReconnectHandler(l.connected),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { l.failed(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { l.failed(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			ev := log.Warn().Err(err)
			if sub != nil {
				ev = ev.Str("subject", sub.Subject)
			}
			ev.Msg("nats error")
		}),
	)
	if l.nc, err = nats.Connect(cfg.NATS.URL, opts...); err != nil {
		return nil, fmt.Errorf("service: connecting to NATS: %w", err)
	}
	return l, nil
}

func (l *link) connected(nc *nats.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cause = nil
	l.log.Info().Str("server", config.MaskURLs(nc.ConnectedUrl())).Msg("nats connected")
}

func (l *link) failed(err error) {
	if err == nil {
		return // we have closed it
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		l.log.Warn().Err(err).Msg("nats is out of reach, retrying")
	}
	l.cause = err
}

// check returns nil while NATS is connected, else why it is not.
func (l *link) check() error {
	if l.nc.IsConnected() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		return errors.New("nats is not connected yet")
	}
	return fmt.Errorf("nats is out of reach: %w", l.cause)
}

func natsOptions(n NATS) ([]nats.Option, error) {
	var opts []nats.Option
	if n.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(n.InboxPrefix))
	}
	if n.Creds != "" {
		opts = append(opts, nats.UserCredentials(n.Creds))
	}
	if n.NKey != "" {
		opt, err := nats.NkeyOptionFromSeed(n.NKey)
		if err != nil {
			return nil, fmt.Errorf("nats.nkey: %w", err)
		}
		opts = append(opts, opt)
	}
	if n.CA != "" {
		opts = append(opts, nats.RootCAs(n.CA))
	}
	if n.Cert != "" {
		opts = append(opts, nats.ClientCert(n.Cert, n.Key))
	}
	return opts, nil
}
