package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// openPause is between two attempts to open the denylist; what is waited for
// usually takes a person.
const openPause = time.Second

var errNoView = fmt.Errorf("%w: the denylist is not there yet", revocation.ErrStale)

// lateView is the denylist, which is there only once NATS is. Until then every
// answer is stale.
type lateView struct {
	view atomic.Pointer[subscriber.Subscriber]
	why  atomic.Pointer[string] // why the newest attempt failed
	// fresh latches once the view was: from then on the gate is ready.
	fresh atomic.Bool

	mu       sync.Mutex // guards the field below, and that the view knows it
	policies []string   // that were declared
}

// Check implements [validator.Denylist].
func (l *lateView) Check(tok revocation.Token) error {
	if view := l.view.Load(); view != nil {
		return view.Check(tok)
	}
	return errNoView
}

// Prehash implements [validator.HashedDenylist]. Hashes made before there is a
// view are of no use to it, and no harm.
func (l *lateView) Prehash(tok *revocation.Token) revocation.Hashes {
	if view := l.view.Load(); view != nil {
		return view.Prehash(tok)
	}
	return revocation.Hashes{}
}

// CheckHashed implements [validator.HashedDenylist].
func (l *lateView) CheckHashed(tok *revocation.Token, h *revocation.Hashes) error {
	if view := l.view.Load(); view != nil {
		return view.CheckHashed(tok, h)
	}
	return errNoView
}

// Itself implements [validator.HashedDenylist].
func (l *lateView) Itself() any { return l }

// complete reports whether there is a view: one that was complete, if only
// when local_file was written.
func (l *lateView) complete() bool { return l.view.Load() != nil }

// ready returns nil once the view was complete and fresh, and from then on.
func (l *lateView) ready() error {
	if l.fresh.Load() {
		return nil
	}
	if why := l.why.Load(); why != nil && !l.complete() {
		return errors.New(*why)
	}
	err := l.Check(revocation.Token{})
	if err == nil {
		l.fresh.Store(true)
	}
	return err
}

// declare tells the view, also one that comes later, what may be served while it
// is stale.
func (l *lateView) declare(policies ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range policies {
		if slices.Contains(l.policies, p) {
			continue
		}
		l.policies = append(l.policies, p)
		if view := l.view.Load(); view != nil {
			view.DeclareStalePolicy(p)
		}
	}
}

// adopt makes view the denylist.
func (l *lateView) adopt(view *subscriber.Subscriber) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.policies {
		view.DeclareStalePolicy(p)
	}
	l.view.Store(view)
}

// open tries until there is a view, or ctx ends. It logs each reason once.
func (l *lateView) open(ctx context.Context, cfg subscriber.Config, log zerolog.Logger) {
	for ctx.Err() == nil {
		view, err := subscriber.Open(ctx, cfg)
		if err == nil {
			l.adopt(view)
			st := view.Status()
			log.Info().Stringer("state", st.State).Int("acts", st.Acts).Uint64("seq", st.LastSequence).Msg("denylist open")
			return
		}
		why := err.Error()
		if before := l.why.Swap(&why); (before == nil || *before != why) && ctx.Err() == nil {
			log.Warn().Err(err).Msg("no denylist yet, retrying")
		}
		pause := time.NewTimer(openPause)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// close ends the view. open must have returned.
func (l *lateView) close() error {
	if view := l.view.Load(); view != nil {
		return view.Close()
	}
	return nil
}
