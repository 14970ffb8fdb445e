package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

const (
	// keysGrace is how long missing token keys keep a fresh service unready.
	keysGrace = 10 * time.Second
	// bringUpPause is the time between two attempts; what is waited for
	// usually takes a person (provisioning) or an election.
	bringUpPause = time.Second
	// verifyTimeout bounds reading the stream's configuration.
	verifyTimeout = 5 * time.Second
	// tasksTimeout bounds one attempt to open the tasks.
	tasksTimeout = 30 * time.Second
)

// bringUp tries until the publisher runs, or ctx ends. It logs each reason
// once.
func (s *Service) bringUp(ctx context.Context) {
	said := ""
	for ctx.Err() == nil {
		err := s.tryBringUp(ctx)
		if err == nil {
			s.log.Info().Msg("ready to revoke")
			return
		}
		s.mu.Lock()
		s.missing = err.Error()
		s.mu.Unlock()
		// While NATS is out of reach the connection has logged it.
		if err.Error() != said && s.link.check() == nil && ctx.Err() == nil {
			s.log.Warn().Err(err).Msg("not ready, retrying")
			said = err.Error()
		}
		pause := time.NewTimer(bringUpPause)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// tryBringUp makes one attempt. What it has made stays if it succeeds.
func (s *Service) tryBringUp(ctx context.Context) error {
	if err := s.link.check(); err != nil {
		return err
	}
	if err := s.verifyStream(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.missing = cmp.Or(s.unread, "the stream is being read")
	s.mu.Unlock()
	// It bounds itself: to find that the stream is another one than that of the
	// local file takes longer than to read it.
	view, err := subscriber.Open(ctx, subscriber.Config{
		Conn: s.link.nc, Prefix: s.cfg.Prefix, Service: "revoked", Node: s.cfg.ServiceID, Observer: true, Logger: s.cfg.Logger,
		IgnoreBeats: true, // ours come after it
		LocalFile:   s.cfg.LocalFile,
		// A stream that was restored or made anew must not keep the service
		// from publishing its acts again.
		AllowLostHistory: true,
	})
	if err != nil {
		s.unread = err.Error()
		return err
	}
	s.unread = ""
	bus, err := publisher.NewNATSBus(s.link.nc, s.cfg.Prefix)
	if err != nil {
		return errors.Join(err, view.Close())
	}
	tasksCtx, cancel := context.WithTimeout(ctx, tasksTimeout)
	defer cancel()
	store, err := tasks.Open(tasksCtx, tasks.Config{
		JetStream: s.js, Prefix: s.cfg.Prefix, Keys: s.sealKeys, Replica: s.cfg.ServiceID, Logger: s.cfg.Logger,
	})
	if err != nil {
		return errors.Join(unprovisioned(err), view.Close())
	}
	pub, err := publisher.New(publisher.Config{
		Pools: s.pools, Bus: bus, Tasks: store, View: view,
		Identify:  s.tokens.identify,
		ServiceID: s.cfg.ServiceID, History: history{view},
		LearnRate: s.cfg.LearnRate, NoLearning: s.cfg.LearnSession == learnOff,
		Tracer: s.cfg.Tracer, Logger: s.cfg.Logger,
	})
	if err != nil {
		return errors.Join(err, store.Close(), view.Close())
	}
	nodes, err := s.openFleet(func() string { return view.History().Epoch })
	if err != nil {
		return errors.Join(err, pub.Close(), store.Close(), view.Close())
	}
	s.deny.Set(view)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view, s.tasks, s.publisher, s.fleet, s.missing = view, store, pub, nodes, ""
	return nil
}

func (s *Service) verifyStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	if err := stream.CheckServer(s.link.nc); err != nil {
		return err
	}
	if err := stream.CheckInbox(ctx, s.link.nc); err != nil {
		return err
	}
	_, err := stream.Verify(ctx, s.js, s.names)
	if err == nil {
		err = stream.VerifySchedule(ctx, s.js, s.names)
	}
	if err == nil {
		err = stream.VerifyOwn(ctx, s.js, s.names)
	}
	return unprovisioned(err)
}

// unprovisioned says what to do if a stream, or what belongs into it, is missing.
func unprovisioned(err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("%w: run \"revoked provision\" with the rights of an administrator", err)
	}
	return err
}

// ready returns nil if requests can be carried out, else the reason why not.
func (s *Service) ready() error {
	if s.stopping.Load() {
		return errors.New("stopping")
	}
	s.mu.Lock()
	missing, view := s.missing, s.view
	s.mu.Unlock()
	if missing != "" {
		return errors.New(missing)
	}
	if err := s.link.check(); err != nil {
		return err
	}
	if err := view.Check(revocation.Token{}); err != nil {
		return err
	}
	if err := s.tokens.ready(); err != nil && time.Now().Before(s.deadline) {
		return err
	}
	return nil
}

// WaitReady returns nil once the service is ready. Else the error, when ctx
// ends, is the reason why it is not.
func (s *Service) WaitReady(ctx context.Context) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := s.ready()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("service: not ready: %w", err)
		case <-again.C:
		}
	}
}

// checkCredentials says early what would else show at the first sign-out.
func (s *Service) checkCredentials(ctx context.Context) {
	for id, pool := range s.pools {
		counted, ok := pool.Cognito.(countedCognito)
		if !ok {
			continue
		}
		if err := counted.pool.CheckCredentials(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn().Str("pool", id).Err(err).
				Msg("no aws credentials: users are denied at nodes, but can't be signed out at cognito; sessions can")
		}
	}
}
