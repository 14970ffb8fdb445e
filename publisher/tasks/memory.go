package tasks

import (
	"context"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Memory is a [publisher.Tasks] that does not outlive the process, for tests.
// It is safe for concurrent use.
type Memory struct {
	index *index
	mu    sync.Mutex // held from reading a version to replacing it
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{index: newIndex(func(string) time.Duration { return 0 })}
}

// Put implements [publisher.Tasks].
func (m *Memory) Put(_ context.Context, t publisher.Task) (publisher.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if newest, known := m.index.get(t.Act.ID); known && t.Version != newest.version {
		t = t.Merge(*newest.kept)
		t.Version = newest.version
	}
	t.Version++
	s := m.index.summarize(t, "")
	s.kept = &t
	m.index.put(s)
	return t, nil
}

// Get implements [publisher.Tasks].
func (m *Memory) Get(_ context.Context, id revocation.ActID) (publisher.Task, error) {
	s, known := m.index.get(id)
	if !known {
		return publisher.Task{}, publisher.ErrNotFound
	}
	return *s.kept, nil
}

// Once implements [publisher.Tasks].
func (m *Memory) Once(ctx context.Context, key publisher.OnceKey) (publisher.Task, error) {
	return once(ctx, key, m.index, m.Get)
}

// List implements [publisher.Tasks].
func (m *Memory) List(ctx context.Context, q publisher.Query) ([]publisher.Task, error) {
	return list(q, m.index, func(ids []revocation.ActID) ([]publisher.Task, error) {
		var found []publisher.Task
		for _, id := range ids {
			if t, err := m.Get(ctx, id); err == nil {
				found = append(found, t)
			}
		}
		return found, nil
	})
}

// Work implements [publisher.Tasks]. While it runs, it also forgets tasks a day
// after the end of their acts.
func (m *Memory) Work(ctx context.Context, do func(context.Context, publisher.Task) time.Time) {
	m.index.work(ctx, func(s summary) time.Time { return do(ctx, *s.kept) })
}
