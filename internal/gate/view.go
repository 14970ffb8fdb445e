package gate

import (
	"context"
	"errors"
	"fmt"
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
}

// Check implements [validator.Denylist].
func (l *lateView) Check(tok revocation.Token) error {
	if view := l.view.Load(); view != nil {
		return view.Check(tok)
	}
	return errNoView
}

// complete reports whether there was a complete view: from then on.
func (l *lateView) complete() bool { return l.view.Load() != nil }

// missing is why there is no view yet.
func (l *lateView) missing() error {
	if l.complete() {
		return nil
	}
	if why := l.why.Load(); why != nil {
		return errors.New(*why)
	}
	return errNoView
}

// open tries until there is a view, or ctx ends. It logs each reason once.
func (l *lateView) open(ctx context.Context, cfg subscriber.Config, log zerolog.Logger) {
	for ctx.Err() == nil {
		view, err := subscriber.Open(ctx, cfg)
		if err == nil {
			l.view.Store(view)
			st := view.Status()
			log.Info().Int("acts", st.Acts).Uint64("seq", st.LastSequence).Msg("denylist complete")
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
