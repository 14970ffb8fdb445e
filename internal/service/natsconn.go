package service

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// Connect opens a connection for one task, such as provisioning, and fails if
// NATS can't be reached.
func Connect(_ context.Context, cfg Config) (*nats.Conn, jetstream.JetStream, error) {
	opts, err := natsOptions(cfg.NATS)
	if err != nil {
		return nil, nil, err
	}
	nc, err := nats.Connect(cfg.NATS.URL, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to NATS at %s: %w", maskURLs(cfg.NATS.URL), err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, js, nil
}

// connect makes the service's connection, with one log line per change of its
// state. NATS may be down: the client library keeps trying, without end and
// with jitter. The subscriber checks these options again.
func connect(cfg Config, log zerolog.Logger) (*nats.Conn, jetstream.JetStream, error) {
	opts, err := natsOptions(cfg.NATS)
	if err != nil {
		return nil, nil, err
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
		// Without a buffer a publish fails while disconnected, and the caller
		// is not told that nodes were.
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(func(nc *nats.Conn) {
			log.Info().Str("server", nc.ConnectedUrlRedacted()).Msg("nats connected")
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info().Str("server", nc.ConnectedUrlRedacted()).Msg("nats connected again")
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			log.Warn().Err(err).Msg("nats disconnected, reconnecting")
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			ev := log.Warn().Err(err)
			if sub != nil {
				ev = ev.Str("subject", sub.Subject)
			}
			ev.Msg("nats error")
		}),
	)
	nc, err := nats.Connect(cfg.NATS.URL, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("service: connecting to NATS: %w", err)
	}
	if !nc.IsConnected() {
		log.Warn().Str("nats", maskURLs(cfg.NATS.URL)).AnErr("error", nc.LastError()).Msg("nats is out of reach, retrying")
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("service: %w", err)
	}
	return nc, js, nil
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
