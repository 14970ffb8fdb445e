// Package lateview is a denylist for processes that serve before NATS is in
// reach: the service and the gate. Until the subscriber is there, every answer
// is stale. A [View] is safe for concurrent use.
package lateview

import (
	"fmt"
	"sync/atomic"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

var errNoView = fmt.Errorf("%w: the denylist is not there yet", revocation.ErrStale)

// View is the subscriber's, once there is one. The zero value has none.
type View struct {
	sub atomic.Pointer[subscriber.Subscriber]
}

// Set makes sub what answers from now on.
func (v *View) Set(sub *subscriber.Subscriber) { v.sub.Store(sub) }

// Subscriber returns what answers; nil if nothing does yet.
func (v *View) Subscriber() *subscriber.Subscriber { return v.sub.Load() }

// Check implements the validator's Denylist.
func (v *View) Check(tok revocation.Token) error {
	if sub := v.sub.Load(); sub != nil {
		return sub.Check(tok)
	}
	return errNoView
}

// Prehash implements the validator's HashedDenylist. Hashes made before there is
// a subscriber are of no use to it, and no harm.
func (v *View) Prehash(tok *revocation.Token) revocation.Hashes {
	if sub := v.sub.Load(); sub != nil {
		return sub.Prehash(tok)
	}
	return revocation.Hashes{}
}

// CheckHashed implements the validator's HashedDenylist.
func (v *View) CheckHashed(tok *revocation.Token, h *revocation.Hashes) error {
	if sub := v.sub.Load(); sub != nil {
		return sub.CheckHashed(tok, h)
	}
	return errNoView
}

// Itself implements the validator's HashedDenylist.
func (v *View) Itself() any { return v }

// Refusals returns the acts that refuse tok, as far as they are known.
func (v *View) Refusals(tok revocation.Token) []revocation.Act {
	if sub := v.sub.Load(); sub != nil {
		return sub.Refusals(tok)
	}
	return nil
}
