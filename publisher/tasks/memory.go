// Package tasks keeps the publisher's tasks.
//
// [Memory] keeps them in the process: a restart forgets the legs to Cognito
// that were not done (the acts themselves are in the stream, and stand).
package tasks

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// keepAfterEnd is for how long a task is kept after its act has ended.
const keepAfterEnd = 24 * time.Hour

// Memory is a [publisher.Tasks] that does not outlive the process. It is safe
// for concurrent use.
type Memory struct {
	mu     sync.Mutex // guards the fields below
	tasks  map[revocation.ActID]*held
	order  []revocation.ActID // by acceptance
	change chan struct{}      // closed and replaced by every Put
}

type held struct {
	task publisher.Task
	busy bool // handed out by Work
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{tasks: make(map[revocation.ActID]*held), change: make(chan struct{})}
}

// Put implements [publisher.Tasks].
func (m *Memory) Put(_ context.Context, t publisher.Task) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.tasks[t.Act.ID]; h != nil {
		h.task = t
	} else {
		m.forget(time.Now())
		m.tasks[t.Act.ID] = &held{task: t}
		m.order = append(m.order, t.Act.ID)
	}
	close(m.change)
	m.change = make(chan struct{})
	return nil
}

// forget drops the oldest tasks whose acts have ended long ago. The caller
// holds mu.
func (m *Memory) forget(now time.Time) {
	n := 0
	for _, id := range m.order {
		h := m.tasks[id]
		if h.busy || time.Unix(h.task.KeepUntil, 0).Add(keepAfterEnd).After(now) {
			break
		}
		delete(m.tasks, id)
		n++
	}
	m.order = slices.Delete(m.order, 0, n)
}

// Get implements [publisher.Tasks].
func (m *Memory) Get(_ context.Context, id revocation.ActID) (publisher.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.tasks[id]
	if h == nil {
		return publisher.Task{}, publisher.ErrNotFound
	}
	return h.task, nil
}

// List implements [publisher.Tasks].
func (m *Memory) List(_ context.Context, limit int) ([]publisher.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []publisher.Task
	for _, id := range slices.Backward(m.order) {
		if len(list) == limit {
			break
		}
		list = append(list, m.tasks[id].task)
	}
	return list, nil
}

// Work implements [publisher.Tasks].
func (m *Memory) Work(ctx context.Context, do func(context.Context, publisher.Task) time.Time) {
	for ctx.Err() == nil {
		h, change, wait := m.next(time.Now())
		if h == nil {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-change:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		again := do(ctx, h.task)
		m.mu.Lock()
		h.busy = false
		h.task.Due = again
		m.mu.Unlock()
	}
}

// idle is how long Work waits when nothing is due.
const idle = time.Hour

// next hands out the task that is due the longest, or says how long to wait.
func (m *Memory) next(now time.Time) (*held, <-chan struct{}, time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first *held
	for _, h := range m.tasks {
		if h.busy || h.task.Due.IsZero() {
			continue
		}
		if first == nil || h.task.Due.Before(first.task.Due) {
			first = h
		}
	}
	switch {
	case first == nil:
		return nil, m.change, idle
	case first.task.Due.After(now):
		return nil, m.change, first.task.Due.Sub(now)
	}
	first.busy = true
	return first, nil, 0
}
