package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// lateRevoker is the publisher, which is there only once NATS is, with counts.
type lateRevoker struct {
	service  *Service
	accepted *prometheus.CounterVec // by kind
	lifted   prometheus.Counter
	unnamed  prometheus.Counter
}

func (l *lateRevoker) publisher() (*publisher.Publisher, error) {
	l.service.mu.Lock()
	defer l.service.mu.Unlock()
	if l.service.publisher == nil {
		return nil, fmt.Errorf("%w: %s", api.ErrUnavailable, l.service.missing)
	}
	return l.service.publisher, nil
}

func (l *lateRevoker) count(status publisher.Status, err error) (publisher.Status, error) {
	switch {
	case err == nil:
		l.accepted.WithLabelValues(status.Act.Target.Kind.String()).Inc()
	case errors.Is(err, publisher.ErrNoSession):
		l.unnamed.Inc()
	}
	return status, err
}

// Revoke implements [api.Revoker].
func (l *lateRevoker) Revoke(ctx context.Context, req publisher.Request) (publisher.Status, error) {
	p, err := l.publisher()
	if err != nil {
		return publisher.Status{}, err
	}
	return l.count(p.Revoke(ctx, req))
}

// RevokeSession implements [api.Revoker].
func (l *lateRevoker) RevokeSession(ctx context.Context, in publisher.Presented) (publisher.Status, error) {
	p, err := l.publisher()
	if err != nil {
		return publisher.Status{}, err
	}
	return l.count(p.RevokeSession(ctx, in))
}

// AwaitCognito implements [api.Revoker].
func (l *lateRevoker) AwaitCognito(ctx context.Context, id revocation.ActID) (publisher.Status, error) {
	p, err := l.publisher()
	if err != nil {
		return publisher.Status{}, err
	}
	return p.AwaitCognito(ctx, id)
}

// Lift implements [api.Revoker].
func (l *lateRevoker) Lift(ctx context.Context, req publisher.LiftRequest) ([]publisher.Status, error) {
	p, err := l.publisher()
	if err != nil {
		return nil, err
	}
	lifted, err := p.Lift(ctx, req)
	l.lifted.Add(float64(len(lifted)))
	return lifted, err
}

// Get implements [api.Revoker].
func (l *lateRevoker) Get(ctx context.Context, id revocation.ActID) (publisher.Status, error) {
	p, err := l.publisher()
	if err != nil {
		return publisher.Status{}, err
	}
	return p.Get(ctx, id)
}

// List implements [api.Revoker].
func (l *lateRevoker) List(ctx context.Context, q publisher.Query) ([]publisher.Status, error) {
	p, err := l.publisher()
	if err != nil {
		return nil, err
	}
	return p.List(ctx, q)
}
