package subscriber

import (
	"sync"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
)

// declared is what the routes of this process have said that they do while the
// view is stale. The zero value is "nobody has said".
type declared struct {
	mu      sync.Mutex // guards the fields below
	any     bool
	policy  fleet.Policy  // of the route that lets most through
	changed chan struct{} // closed and replaced at each change; nil until somebody waits
}

// DeclareStalePolicy says what a route does with a token that is not known to
// be revoked while Check returns [revocation.ErrStale]: "fail-closed",
// "ask-cognito" or "fail-open"; or "report-only" if it refuses nothing at all.
// Those who ask Check on behalf of a route call it once, when they are made. Of
// several policies the one that lets most through counts, and any other name,
// like silence, counts as "fail-open".
//
// It changes no answer of Check. It tells the revoke service what a node that
// has fallen silent may still do: only one that fails closed is sure to enforce
// every revocation after a while, and one that only reports never does.
func (s *Subscriber) DeclareStalePolicy(name string) {
	s.policies.add(fleet.ParsePolicy(name))
}

func (d *declared) add(p fleet.Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.any {
		p = d.policy.Join(p)
	}
	if d.any && p == d.policy {
		return
	}
	d.any, d.policy = true, p
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

// get returns the policy and a channel that is closed when it changes.
func (d *declared) get() (fleet.Policy, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	return d.policy, d.changed
}
