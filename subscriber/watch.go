package subscriber

import (
	"sync"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Watch calls f for every act that the denylist takes, after it has taken it,
// until stop is called; f may still be running when stop returns. Copies of one
// act come several times: fast, stored, confirmed, lifted, replayed. f is called
// by the goroutines that follow the stream, several at a time, and must return
// at once. Package conn ends streams by it.
func (s *Subscriber) Watch(f func(revocation.Act)) (stop func()) {
	return s.view.watchers.add(f)
}

// watchers are those who want to hear of acts. The zero value is usable.
type watchers struct {
	mu  sync.RWMutex // guards the field below
	all map[*watcher]struct{}
}

type watcher struct{ f func(revocation.Act) }

func (w *watchers) add(f func(revocation.Act)) (stop func()) {
	one := &watcher{f}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[*watcher]struct{})
	}
	w.all[one] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, one)
	}
}

func (w *watchers) tell(a revocation.Act) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for one := range w.all {
		one.f(a)
	}
}
