package publisher

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// OnceKey is a hash of who asks and of what they call the request.
type OnceKey [sha256.Size]byte

// Once makes a request have its effect once, however often it is sent within
// [OnceFor]. The zero value asks for nothing.
//
// It is kept with the task, and lasts as the task does. Requests of one key
// that reach one process wait for each other. Two that reach two replicas
// before either has stored its task may both have their effect: two acts on one
// target refuse the same tokens.
type Once struct {
	Key OnceKey
	// Request is a hash of the request as it was sent.
	Request [sha256.Size]byte
}

// IsZero reports whether nothing is asked for.
func (o Once) IsZero() bool { return o.Key == OnceKey{} }

// OnceFor is for how long a request is remembered, from its acceptance on.
const OnceFor = 24 * time.Hour

// ErrOnceConflict says that the key of [Once] was used for another request. Nothing has
// happened.
var ErrOnceConflict = errors.New("publisher: the idempotency key was used for another request")

// errOnceOpen: the act of an earlier request is not durable yet. A worker goes
// on with it.
var errOnceOpen = errors.New("publisher: the act of the same request is on its way")

// revokeOnce carries the request out, unless the same was carried out already:
// then it returns how far that has come.
func (p *Publisher) revokeOnce(ctx context.Context, req Request) (Status, error) {
	// Half of a hash tells keys apart as well.
	free, err := p.onces.take(ctx, revocation.ActID(req.Once.Key[:]), nil)
	if err != nil {
		return Status{}, fmt.Errorf("%w: %w", ErrNotDurable, err)
	}
	defer free()
	t, err := p.cfg.Tasks.Once(ctx, req.Once.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		return p.revoke(ctx, req)
	case err != nil:
		return Status{}, fmt.Errorf("%w: %w", ErrNotDurable, err)
	case time.Since(t.AcceptedAt) >= OnceFor:
		return p.revoke(ctx, req)
	case t.Once.Request != req.Once.Request:
		return Status{}, ErrOnceConflict
	case t.lifting():
		return t.Status, nil // it was durable, and is undone
	case t.Denied.Sequence == 0:
		return Status{}, &NotDurableError{Act: t.Act.ID, Cause: errOnceOpen}
	}
	if err := p.cfg.View.AwaitEnforced(ctx, t.Act); err != nil {
		return Status{}, &NotDurableError{Act: t.Act.ID, Cause: err}
	}
	return t.Status, nil
}
