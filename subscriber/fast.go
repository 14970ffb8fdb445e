package subscriber

import (
	"context"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// provisionalLife is how long an act counts that only the fast path has
// brought, from the time it was sent; each repeat renews it.
const provisionalLife = 120 * time.Second

// followFast applies acts of the fast path as provisional until ctx is done.
// What it cannot use it ignores: the stream brings the same acts.
func followFast(ctx context.Context, src source, deny *denylist.Denylist, v *view, maxActs int) {
	for {
		select {
		case <-ctx.Done():
			return
		case msg := <-src.fast():
			m, err := revocation.Decode(msg.Data)
			if err != nil {
				v.ignore("fast_unreadable")
				continue
			}
			now := time.Now()
			// A copy from the future cannot count for longer than a fresh one.
			sent := m.SentAt
			if sent.After(now) {
				sent = now
			}
			until := sent.Add(provisionalLife)
			if !until.After(now) {
				v.ignore("fast_late")
				continue
			}
			if deny.Len() >= maxActs {
				v.ignore("fast_full")
				continue
			}
			changed, enforced := 0, 0
			for _, a := range m.Acts {
				effect := deny.ApplyProvisional(a, until.Unix())
				if effect == denylist.Unchanged {
					continue
				}
				v.watchers.tell(a)
				changed++
				if effect == denylist.Enforced {
					enforced++
				}
			}
			if changed > 0 {
				v.changed(changed)
				v.delays.inForce(PathFast, enforced, m.SentAt, time.Now())
				if v.tellApplied != nil {
					v.tellApplied(Applied{Path: PathFast, Acts: m.Acts, Began: now, Traceparent: traceOf(msg)})
				}
			}
		}
	}
}
