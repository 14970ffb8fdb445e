package tasks

import (
	"sync"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// Watch calls f for every version of a task that this or another replica has
// stored, at most a second or so later, until stop is called; f may still be
// running when stop returns. The goroutine that follows the stream calls it, so
// it must return at once. What is stored while the stream can't be read is told
// once it can be.
func (s *Store) Watch(f func(publisher.Task)) (stop func()) { return s.watchers.add(f) }

// watchers are those who want to hear of versions. The zero value is usable.
type watchers struct {
	mu  sync.RWMutex // guards the field below
	all map[*watcher]struct{}
}

type watcher struct{ f func(publisher.Task) }

func (w *watchers) add(f func(publisher.Task)) (stop func()) {
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

func (w *watchers) tell(t publisher.Task) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for one := range w.all {
		one.f(t)
	}
}
