package service

import (
	"fmt"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// lateFeed tells of acts, as the service's own denylist and the tasks of all
// replicas do; both are there only once NATS is. It leaves out canaries, of
// which there is one each minute.
type lateFeed struct{ service *Service }

// Watch implements [api.Feed].
func (l lateFeed) Watch(act func(revocation.Act), leg func(revocation.ActID, publisher.Leg)) (stop func(), err error) {
	l.service.mu.Lock()
	view, store, missing := l.service.view, l.service.tasks, l.service.missing
	l.service.mu.Unlock()
	if view == nil || store == nil {
		return nil, fmt.Errorf("%w: %s", api.ErrUnavailable, missing)
	}
	stopActs := view.Watch(func(a revocation.Act) {
		if a.Target.Pool != publisher.CanaryPool {
			act(a)
		}
	})
	stopLegs := store.Watch(func(t publisher.Task) {
		if t.Act.Target.Pool != publisher.CanaryPool {
			leg(t.Act.ID, t.Cognito)
		}
	})
	return func() {
		stopActs()
		stopLegs()
	}, nil
}
