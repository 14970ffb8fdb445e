package tasks

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// keepAfterEnd is for how long a task is kept after its act has ended.
	keepAfterEnd = 24 * time.Hour
	// idle is how long Work waits when it holds no task at all.
	idle = time.Hour
)

// index knows of every task when it is due and what lists select it by, in some
// 200 bytes each whatever the task holds. It hands tasks out when they are due.
// It is safe for concurrent use.
type index struct {
	// later is how much later than they are due tasks are handed out that
	// another owner stored last; immutable.
	later func(owner string) time.Duration
	seed  maphash.Seed // immutable

	mu     sync.Mutex // guards the fields below
	tasks  map[revocation.ActID]*entry
	order  []*entry          // by acceptance, the oldest first; those that are gone are dropped now and then
	gone   int               // how many of order are
	queue  queue             // every task but those handed out
	once   map[uint64]*entry // by hash of the key, the newest task of each
	names  map[string]string // each pool and owner once
	change chan struct{}     // closed and replaced when the head of queue changes
}

// entry is what the index keeps of one task. Its fields belong to the index.
type entry struct {
	summary
	at    time.Time // see when; its place in queue is by this
	index int       // in queue; -1 while handed out by work
	gone  bool
}

// summary is what the index needs of one version of a task.
type summary struct {
	id         revocation.ActID
	version    uint64
	acceptedAt int64 // Unix nanoseconds
	keepUntil  int64
	due        time.Time
	pool       string
	owner      string
	target     uint64 // hash of the target's id
	once       uint64 // hash of the key of [publisher.Once]; 0 if there is none
	kind       revocation.Kind
	state      revocation.State
	leg        leg
	kept       *publisher.Task // the task itself, in a [Memory]; never changed
}

// leg is a [publisher.LegState] in a byte.
type leg uint8

const (
	legOther leg = iota // nothing is left to do
	legPending
	legFailed
)

func newIndex(later func(owner string) time.Duration) *index {
	return &index{
		later:  later,
		seed:   maphash.MakeSeed(),
		tasks:  make(map[revocation.ActID]*entry),
		once:   make(map[uint64]*entry),
		names:  make(map[string]string),
		change: make(chan struct{}),
	}
}

// summarize is what the index keeps of a version.
func (x *index) summarize(t publisher.Task, owner string) summary {
	s := summary{
		id: t.Act.ID, version: t.Version, acceptedAt: t.AcceptedAt.UnixNano(), keepUntil: t.KeepUntil, due: t.Due,
		pool: t.Act.Target.Pool, owner: owner, kind: t.Act.Target.Kind, state: t.Act.State,
		target: maphash.String(x.seed, t.Act.Target.ID),
	}
	if !t.Once.IsZero() {
		s.once = x.onceHash(t.Once.Key)
	}
	switch t.Cognito.State {
	case publisher.LegPending:
		s.leg = legPending
	case publisher.LegFailed:
		s.leg = legFailed
	}
	return s
}

// when is the next time at which something is to be done with the task: to
// work on it or, if nothing is left to do, to forget it.
func (x *index) when(s summary) time.Time {
	if s.due.IsZero() {
		return time.Unix(s.keepUntil, 0).Add(keepFor(s.pool))
	}
	return s.due.Add(x.later(s.owner))
}

// keepFor is for how long a task of the pool is kept after its act has ended.
// That of a canary goes when the nodes have forgotten it: there is one each
// minute.
func keepFor(pool string) time.Duration {
	if pool == publisher.CanaryPool {
		return revocation.MaxLeeway
	}
	return keepAfterEnd
}

// put takes note of a version, unless it knows a newer one.
func (x *index) put(s summary) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s.pool, s.owner = x.name(s.pool), x.name(s.owner)
	e := x.tasks[s.id]
	switch {
	case e == nil:
		e = &entry{summary: s, at: x.when(s)}
		x.tasks[s.id] = e
		x.insert(e)
		x.queue.add(e)
		if newest := x.once[s.once]; s.once != 0 && (newest == nil || newest.acceptedAt <= s.acceptedAt) {
			x.once[s.once] = e
		}
	case s.version <= e.version:
		return
	default:
		e.summary, e.at = s, x.when(s)
		if e.index >= 0 {
			x.queue.moved(e)
		}
	}
	x.wake(e)
}

// name returns the one copy of a name.
func (x *index) name(s string) string {
	if known, ok := x.names[s]; ok {
		return known
	}
	x.names[s] = s
	return s
}

// insert puts a new entry into its place in order, which is nearly always the
// last one.
func (x *index) insert(e *entry) {
	i, _ := slices.BinarySearchFunc(x.order, e.acceptedAt, func(o *entry, at int64) int {
		if o.acceptedAt <= at {
			return -1 // behind all that were accepted at the same time
		}
		return 1
	})
	x.order = slices.Insert(x.order, i, e)
}

// forget drops a task that is not stored any more.
func (x *index) forget(id revocation.ActID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e := x.tasks[id]; e != nil {
		if e.index >= 0 {
			x.queue.remove(e)
		}
		x.drop(e)
	}
}

// drop removes an entry that is not in queue. The caller holds mu.
func (x *index) drop(e *entry) {
	delete(x.tasks, e.id)
	if x.once[e.once] == e {
		delete(x.once, e.once)
	}
	e.gone = true
	if x.gone++; x.gone > len(x.order)/2 {
		x.order = slices.Clone(slices.DeleteFunc(x.order, func(o *entry) bool { return o.gone }))
		x.gone = 0
	}
}

// wake tells the work calls that wait if they wait for something later than e.
// The caller holds mu.
func (x *index) wake(e *entry) {
	if e.index == 0 {
		close(x.change)
		x.change = make(chan struct{})
	}
}

func (x *index) onceHash(key publisher.OnceKey) uint64 {
	return max(1, maphash.Bytes(x.seed, key[:]))
}

// byOnce returns the id of the task that was accepted last under a key, or
// under one with the same hash.
func (x *index) byOnce(key publisher.OnceKey) (revocation.ActID, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.once[x.onceHash(key)]
	if e == nil {
		return revocation.ActID{}, false
	}
	return e.id, true
}

// get returns the newest version that the index knows of.
func (x *index) get(id revocation.ActID) (summary, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.tasks[id]
	if e == nil {
		return summary{}, false
	}
	return e.summary, true
}

// page returns the ids of up to n tasks that q may select, the newest first,
// behind the task q.After, or [publisher.ErrNotFound] if there is none.
func (x *index) page(q publisher.Query, n int) ([]revocation.ActID, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := len(x.order)
	if !q.After.IsZero() {
		e := x.tasks[q.After]
		if e == nil {
			return nil, publisher.ErrNotFound
		}
		i, _ = slices.BinarySearchFunc(x.order, e.acceptedAt, func(o *entry, at int64) int { return cmp.Compare(o.acceptedAt, at) })
		for x.order[i] != e {
			i++
		}
	}
	targets := make([]uint64, len(q.IDs))
	for j, id := range q.IDs {
		targets[j] = maphash.String(x.seed, id)
	}
	var ids []revocation.ActID
	for i--; i >= 0 && len(ids) < n; i-- {
		e := x.order[i]
		if !e.gone &&
			(q.Kind == 0 || e.kind == q.Kind) &&
			q.SelectsPool(e.pool) &&
			(q.IDs == nil || slices.Contains(targets, e.target)) &&
			(q.State == 0 || e.state == q.State) {
			ids = append(ids, e.id)
		}
	}
	return ids, nil
}

// work calls do for each task that is due, until ctx ends. It may be called
// several times; no task is handed out twice at once. It also forgets tasks a
// day after the end of their acts.
func (x *index) work(ctx context.Context, do func(summary) time.Time) {
	for ctx.Err() == nil {
		e, s, change, wait := x.next(time.Now())
		if e != nil {
			x.back(e, s, do(s))
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
func (x *index) next(now time.Time) (*entry, summary, <-chan struct{}, time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.queue) > 0 {
		e := x.queue[0]
		if e.at.After(now) {
			return nil, summary{}, x.change, e.at.Sub(now)
		}
		x.queue.takeFirst()
		if !e.due.IsZero() {
			return e, e.summary, nil, 0
		}
		x.drop(e)
	}
	return nil, summary{}, x.change, idle
}

// back takes a task back that was handed out as s, and is due again at the
// given time (zero: never) unless a version that was stored meanwhile says
// that nothing is left to do, or names a later time.
func (x *index) back(e *entry, s summary, due time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e.gone {
		return
	}
	if e.version == s.version || !e.due.IsZero() && e.due.Before(due) {
		e.due = due
	}
	e.at = x.when(e.summary)
	if e.due.Equal(due) && !due.IsZero() {
		e.at = due // to the letter: it was ours a moment ago
	}
	x.queue.add(e)
	x.wake(e)
}
