package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/lateview"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/audit"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator/validatorprom"
)

// Service is a running revoke service. Its methods are safe for concurrent use.
type Service struct {
	cfg   Config // immutable
	names stream.Names
	log   zerolog.Logger

	link     *link
	js       jetstream.JetStream
	deny     lateview.View
	tokens   *tokens
	pools    map[string]publisher.Pool
	limiters map[quotaScope]*cognito.Limiter
	sealKeys tasks.Keys
	numbers  *numbers
	servers  servers
	audit    *audit.Log
	stopping atomic.Bool
	draining chan struct{} // closed by Close before it waits for requests

	unread string // why the last attempt to read the stream failed; owned by bringUp

	stop context.CancelFunc // ends the goroutines that bring the service up
	up   sync.WaitGroup
	once sync.Once

	mu        sync.Mutex // guards the fields below
	missing   string     // why the service is not ready
	deadline  time.Time  // until when missing keys make it unready
	view      *subscriber.Subscriber
	tasks     *tasks.Store
	publisher *publisher.Publisher
	fleet     *fleet
}

// Start opens the listeners and returns. A wrong configuration is refused with
// a [*ConfigError]; an address that can't be listened on is an error too. NATS
// and Cognito may be out of reach: see the package comment.
//
// ctx bounds the start only. The caller must call [Service.Close].
func Start(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.ServiceID == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("service: the host name is unknown, set service_id: %w", err)
		}
		cfg.ServiceID = host
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	s := &Service{
		cfg:      cfg,
		log:      cfg.Logger.With().Str("component", "service").Logger(),
		missing:  "nats is not connected yet",
		deadline: time.Now().Add(keysGrace),
		draining: make(chan struct{}),
	}
	upCtx, stop := context.WithCancel(context.Background())
	s.stop = stop
	if err := s.wire(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.startProber(upCtx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.up.Go(func() { s.bringUp(upCtx) })
	s.up.Go(func() { s.checkCredentials(upCtx) })
	s.log.Info().Str("public", s.PublicURL()).Str("admin", s.AdminURL()).Str("metrics", s.MetricsURL()).
		Str("debug", s.DebugURL()).Str("version", cfg.Version).Msg("listening")
	return s, nil
}

// wire makes everything that needs no network.
func (s *Service) wire(ctx context.Context) error {
	var err error
	if s.names, err = stream.NewNames(s.cfg.Prefix); err != nil {
		return err
	}
	s.numbers = newNumbers(s)
	if s.sealKeys, err = s.cfg.sealKeys(); err != nil {
		return err
	}
	if s.tokens, err = newTokens(s.cfg, &s.deny); err != nil {
		return err
	}
	s.numbers.registry.MustRegister(validatorprom.New(s.tokens.strict))
	if s.pools, err = s.newPools(ctx); err != nil {
		return err
	}
	if s.link, err = connect(s.cfg, s.log); err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.link.nc); err != nil {
		return fmt.Errorf("service: %w", err)
	}
	if s.audit, err = s.openAudit(); err != nil {
		return err
	}
	return s.listen()
}

// PublicURL returns the base URL for apps.
func (s *Service) PublicURL() string { return s.servers.public.url() }

// AdminURL returns the base URL for operators.
func (s *Service) AdminURL() string { return s.servers.admin.url() }

// MetricsURL returns the base URL for probes and metrics.
func (s *Service) MetricsURL() string { return s.servers.metrics.url() }

// DebugURL returns the base URL for profiles; empty if they are not served.
func (s *Service) DebugURL() string { return s.servers.debug.url() }

// Wait returns when ctx ends, with nil, or when a listener fails.
func (s *Service) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.servers.failed:
		return err
	}
}

// drainTimeout bounds how long Close waits for requests. It covers the longest
// acceptance of an act (15 s) with the wait for Cognito.
const drainTimeout = 25 * time.Second

// Close turns /readyz off, lets requests finish, and stops the rest in order.
// It returns when every goroutine has ended, and is idempotent.
func (s *Service) Close() error {
	var err error
	s.once.Do(func() {
		s.stopping.Store(true)
		if s.servers.metrics != nil { // else nothing has served
			time.Sleep(s.cfg.ShutdownDelay)
		}
		close(s.draining) // event streams have no end of their own
		err = s.servers.drain(drainTimeout)
		s.stop()
		s.up.Wait()
		s.mu.Lock()
		view, store, pub, nodes := s.view, s.tasks, s.publisher, s.fleet
		s.mu.Unlock()
		if pub != nil {
			err = errors.Join(err, pub.Close())
		}
		if store != nil {
			err = errors.Join(err, store.Close())
		}
		if nodes != nil {
			nodes.close()
		}
		if view != nil {
			err = errors.Join(err, view.Close())
		}
		if s.audit != nil {
			err = errors.Join(err, s.audit.Close())
		}
		if s.link != nil {
			s.link.nc.Close()
		}
		if s.tokens != nil {
			s.tokens.close()
		}
		s.servers.close()
		s.log.Info().Msg("stopped")
	})
	return err
}
