package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// lateRevoker is the publisher, which is there only once NATS is, with counts.
type lateRevoker struct{ service *Service }

func (l *lateRevoker) publisher() (*publisher.Publisher, error) {
	l.service.mu.Lock()
	defer l.service.mu.Unlock()
	if l.service.publisher == nil {
		return nil, fmt.Errorf("%w: %s", api.ErrUnavailable, l.service.missing)
	}
	return l.service.publisher, nil
}

// count takes note of the outcome of a revocation that began at the given time.
func (l *lateRevoker) count(kind revocation.Kind, began time.Time, status publisher.Status, err error) (publisher.Status, error) {
	n := l.service.numbers
	switch {
	case err == nil:
		n.accepted.WithLabelValues(status.Act.Target.Kind.String()).Inc()
	case errors.Is(err, publisher.ErrNoSession):
		n.unnamed.Inc()
	}
	n.acceptance.WithLabelValues(kindLabel(kind), outcomeOf(err)).Observe(time.Since(began).Seconds())
	return status, err
}

// kindLabel keeps to the kinds that there are.
func kindLabel(kind revocation.Kind) string {
	if kind.Valid() {
		return kind.String()
	}
	return "unknown"
}

// outcomeOf names how a revocation ended, for metrics.
func outcomeOf(err error) string {
	_, wrong := errors.AsType[*publisher.RequestError](err)
	_, failed := errors.AsType[*publisher.CognitoError](err)
	switch {
	case err == nil:
		return "accepted"
	case errors.Is(err, publisher.ErrNotDurable):
		return "not_durable"
	case errors.Is(err, publisher.ErrBusy):
		return "busy"
	case wrong, errors.Is(err, publisher.ErrUnknownToken), errors.Is(err, publisher.ErrNoSession),
		errors.Is(err, publisher.ErrNoLearning), errors.Is(err, publisher.ErrOnceConflict):
		return "invalid"
	case failed:
		return "cognito"
	case errors.Is(err, api.ErrUnavailable):
		return "unavailable"
	}
	return "failed"
}

// Revoke implements [api.Revoker].
func (l *lateRevoker) Revoke(ctx context.Context, req publisher.Request) (publisher.Status, error) {
	began := time.Now()
	p, err := l.publisher()
	if err != nil {
		return l.count(req.Target.Kind, began, publisher.Status{}, err)
	}
	status, err := p.Revoke(ctx, req)
	return l.count(req.Target.Kind, began, status, err)
}

// RevokeSession implements [api.Revoker].
func (l *lateRevoker) RevokeSession(ctx context.Context, in publisher.Presented) (publisher.Status, error) {
	began := time.Now()
	p, err := l.publisher()
	if err != nil {
		return l.count(revocation.KindSession, began, publisher.Status{}, err)
	}
	status, err := p.RevokeSession(ctx, in)
	return l.count(revocation.KindSession, began, status, err)
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
	l.service.numbers.lifted.Add(float64(len(lifted)))
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
