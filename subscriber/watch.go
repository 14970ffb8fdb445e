package subscriber

import (
	"slices"
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
	mu  sync.RWMutex // guards the fields below
	all map[*watcher]struct{}
	// waiters for one act each. To wake all of them for every act would cost a
	// busy service more than the acts themselves.
	waiters map[revocation.ActID][]chan struct{}
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

// await returns a channel that gets a value after the denylist has taken a copy
// of the act, until stop is called. One value may stand for several copies: who
// asks the denylist after await, and again after each value, misses none.
func (w *watchers) await(id revocation.ActID) (wake <-chan struct{}, stop func()) {
	one := make(chan struct{}, 1) // so that a copy that comes before the wait is not missed
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiters == nil {
		w.waiters = make(map[revocation.ActID][]chan struct{})
	}
	w.waiters[id] = append(w.waiters[id], one)
	return one, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		rest := slices.DeleteFunc(w.waiters[id], func(c chan struct{}) bool { return c == one })
		if w.waiters[id] = rest; len(rest) == 0 {
			delete(w.waiters, id)
		}
	}
}

func (w *watchers) tell(a revocation.Act) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, one := range w.waiters[a.ID] {
		select {
		case one <- struct{}{}:
		default: // it has yet to look at an earlier copy
		}
	}
	for one := range w.all {
		one.f(a)
	}
}
