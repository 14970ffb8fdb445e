package gate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/lateview"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// openPause is between two attempts to open the denylist; what is waited for
// usually takes a person.
const openPause = time.Second

// denylist opens the gate's view, which is there only once NATS is, and tells it
// what may be served while it is stale.
type denylist struct {
	view lateview.View
	why  atomic.Pointer[string] // why the newest attempt failed
	// fresh latches once the view was: from then on the gate is ready.
	fresh atomic.Bool

	mu       sync.Mutex // guards the field below, and that the view knows it
	policies []string   // that were declared
}

// complete reports whether there is a view: one that was complete, if only
// when local_file was written.
func (d *denylist) complete() bool { return d.view.Subscriber() != nil }

// ready returns nil once the view was complete and fresh, and from then on.
func (d *denylist) ready() error {
	if d.fresh.Load() {
		return nil
	}
	if why := d.why.Load(); why != nil && !d.complete() {
		return errors.New(*why)
	}
	err := d.view.Check(revocation.Token{})
	if err == nil {
		d.fresh.Store(true)
	}
	return err
}

// declare tells the view, also one that comes later, what may be served while it
// is stale.
func (d *denylist) declare(policies ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range policies {
		if slices.Contains(d.policies, p) {
			continue
		}
		d.policies = append(d.policies, p)
		if view := d.view.Subscriber(); view != nil {
			view.DeclareStalePolicy(p)
		}
	}
}

// adopt makes view the denylist.
func (d *denylist) adopt(view *subscriber.Subscriber) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.policies {
		view.DeclareStalePolicy(p)
	}
	d.view.Set(view)
}

// open tries until there is a view, or ctx ends. It logs each reason once.
func (d *denylist) open(ctx context.Context, cfg subscriber.Config, log zerolog.Logger) {
	for ctx.Err() == nil {
		view, err := subscriber.Open(ctx, cfg)
		if err == nil {
			d.adopt(view)
			st := view.Status()
			log.Info().Stringer("state", st.State).Int("acts", st.Acts).Uint64("seq", st.LastSequence).Msg("denylist open")
			return
		}
		why := err.Error()
		if before := d.why.Swap(&why); (before == nil || *before != why) && ctx.Err() == nil {
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
func (d *denylist) close() error {
	if view := d.view.Subscriber(); view != nil {
		return view.Close()
	}
	return nil
}
