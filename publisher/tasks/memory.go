// Package tasks keeps the publisher's tasks.
//
// [Memory] keeps them in the process: a restart forgets the legs to Cognito
// that were not done (the acts themselves are in the stream, and stand).
package tasks

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// keepAfterEnd is for how long a task is kept after its act has ended.
const keepAfterEnd = 24 * time.Hour

// idle is how long Work waits when it holds no task at all.
const idle = time.Hour

// Memory is a [publisher.Tasks] that does not outlive the process. It is safe
// for concurrent use.
type Memory struct {
	mu     sync.Mutex // guards the fields below
	tasks  map[revocation.ActID]*held
	newest *list.List    // of *held, the newest first
	queue  queue         // every task but those handed out
	change chan struct{} // closed and replaced when the head of queue changes
}

// held is one task. Its fields belong to the Memory.
type held struct {
	task    publisher.Task
	element *list.Element // in newest
	at      time.Time     // see when; its place in queue is by this
	index   int           // in queue; -1 while handed out by Work
}

// when is the next time at which something is to be done with the task: to
// work on it or, if nothing is left to do, to forget it.
func when(t publisher.Task) time.Time {
	if t.Due.IsZero() {
		return time.Unix(t.KeepUntil, 0).Add(keepAfterEnd)
	}
	return t.Due
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		tasks:  make(map[revocation.ActID]*held),
		newest: list.New(),
		change: make(chan struct{}),
	}
}

// Put implements [publisher.Tasks].
func (m *Memory) Put(_ context.Context, t publisher.Task) (publisher.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.tasks[t.Act.ID]
	if h != nil && t.Version != h.task.Version {
		version := h.task.Version
		t = t.Merge(h.task)
		t.Version = version
	}
	t.Version++
	if h == nil {
		h = &held{task: t, at: when(t)}
		h.element = m.newest.PushFront(h)
		m.tasks[t.Act.ID] = h
		m.queue.add(h)
	} else {
		h.task, h.at = t, when(t)
		if h.index >= 0 {
			m.queue.moved(h)
		}
	}
	m.wake(h)
	return t, nil
}

// wake tells the Work calls that wait if they wait for something later than h.
// The caller holds mu.
func (m *Memory) wake(h *held) {
	if h.index == 0 {
		close(m.change)
		m.change = make(chan struct{})
	}
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
func (m *Memory) List(_ context.Context, q publisher.Query) ([]publisher.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.newest.Front()
	if !q.After.IsZero() {
		h := m.tasks[q.After]
		if h == nil {
			return nil, publisher.ErrNotFound
		}
		e = h.element.Next()
	}
	var all []publisher.Task
	for ; e != nil && len(all) < q.Limit; e = e.Next() {
		if t := e.Value.(*held).task; q.Selects(t.Act) {
			all = append(all, t)
		}
	}
	return all, nil
}

// Work implements [publisher.Tasks]. While it runs, it also forgets tasks a day
// after the end of their acts.
func (m *Memory) Work(ctx context.Context, do func(context.Context, publisher.Task) time.Time) {
	for ctx.Err() == nil {
		h, task, change, wait := m.next(time.Now())
		if h != nil {
			m.back(h, do(ctx, task))
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-change:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next hands out the task that is due the longest, or says what to wait for.
func (m *Memory) next(now time.Time) (*held, publisher.Task, <-chan struct{}, time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.queue) > 0 {
		h := m.queue[0]
		if h.at.After(now) {
			return nil, publisher.Task{}, m.change, h.at.Sub(now)
		}
		m.queue.takeFirst()
		if !h.task.Due.IsZero() {
			return h, h.task, nil, 0
		}
		delete(m.tasks, h.task.Act.ID)
		m.newest.Remove(h.element)
	}
	return nil, publisher.Task{}, m.change, idle
}

// back takes a task back that is due again at the given time.
func (m *Memory) back(h *held, due time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h.task.Due = due
	h.at = when(h.task)
	m.queue.add(h)
	m.wake(h)
}
