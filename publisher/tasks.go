package publisher

import (
	"cmp"
	"context"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Task is the intent of one act, kept from acceptance until some time after
// its end.
type Task struct {
	Status
	// Grant is what the leg to Cognito still needs; zero once it is done.
	Grant Grant
	// Once as in the request.
	Once Once
	// KeepUntil is the latest expiry of any copy that was, or may have been,
	// published.
	KeepUntil int64
	// Due is when the task is to be carried further; zero if nothing is left
	// to do.
	Due time.Time
	// Trace is the W3C traceparent of the request, for what is done about the
	// act later; empty if it was not traced. It decides nothing.
	Trace string
	// Version is that of the store; see [Tasks]. Zero for a task that was
	// never stored.
	Version uint64
}

// Merge joins a version of a task with another one of it, which somebody else
// stored meanwhile. Nothing that either of them has reached is lost: the acts
// merge (package revocation), the leg to Cognito is that which has come
// further, and the task is due when either was; an attempt that finds nothing
// left to do does no harm. What the request fixed is the same in both.
func (t Task) Merge(other Task) Task {
	m := t
	m.Act = t.Act.Merge(other.Act)
	m.KeepUntil = max(t.KeepUntil, other.KeepUntil)
	if d := other.Denied; d.Sequence != 0 && (m.Denied.Sequence == 0 || d.Sequence < m.Denied.Sequence) {
		m.Denied = d
	}
	if other.Cognito.beyond(t.Cognito) {
		m.Cognito, m.Grant = other.Cognito, other.Grant
	}
	if l := other.Lift; !l.At.IsZero() && (m.Lift.At.IsZero() || l.At.Before(m.Lift.At)) {
		m.Lift = l
	}
	m.Trace = cmp.Or(t.Trace, other.Trace)
	if m.Due.IsZero() || !other.Due.IsZero() && other.Due.Before(m.Due) {
		m.Due = other.Due
	}
	return m
}

// beyond reports whether l has come further than o.
func (l Leg) beyond(o Leg) bool {
	if a, b := l.rank(), o.rank(); a != b {
		return a > b
	}
	return l.Attempts > o.Attempts
}

// rank orders the states of a leg by how final they are. What Cognito has done
// it has done, whether or not a lift came in between.
func (l Leg) rank() int {
	switch l.State {
	case LegDone, LegNotApplicable:
		return 2
	case LegCanceled:
		return 1
	}
	return 0
}

// Tasks keeps tasks. Several replicas may share one store, and a request and a
// worker may be busy with one task at the same time: every version says from
// which it was made, and versions merge. Implementations are safe for
// concurrent use; how durable they are, they say themselves.
type Tasks interface {
	// Put stores a task, by the id of its act, and returns it as it is stored
	// then, with its new Version. If t was not made from the newest version,
	// the two are merged first. It returns once that is as durable as the
	// implementation makes it; after an error it may have been stored.
	Put(ctx context.Context, t Task) (Task, error)

	// Get returns the newest version of a task, or [ErrNotFound].
	Get(ctx context.Context, id revocation.ActID) (Task, error)

	// List returns the tasks whose acts q selects, the newest first. The error
	// wraps [ErrNotFound] if q.After is unknown.
	List(ctx context.Context, q Query) ([]Task, error)

	// Once returns the task that was accepted last under a key of [Once], or
	// [ErrNotFound].
	Once(ctx context.Context, key OnceKey) (Task, error)

	// Work calls do, one task at a time, for each task whose Due has come,
	// until ctx ends. It may be called several times to work in parallel; no
	// task is handed out twice at once. do returns when the task is due again;
	// the zero time means never.
	Work(ctx context.Context, do func(context.Context, Task) time.Time)
}
