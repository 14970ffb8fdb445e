package publisher

import (
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
	// KeepUntil is the latest expiry of any copy that was, or may have been,
	// published.
	KeepUntil int64
	// Due is when the task is to be carried further; zero if nothing is left
	// to do.
	Due time.Time
}

// Tasks keeps tasks. Implementations are safe for concurrent use; how durable
// they are, they say themselves.
type Tasks interface {
	// Put stores the newest version of a task, by the id of its act. It
	// returns once the version is as durable as the implementation makes it.
	Put(ctx context.Context, t Task) error

	// Get returns the newest version of a task, or [ErrNotFound].
	Get(ctx context.Context, id revocation.ActID) (Task, error)

	// List returns the tasks whose acts q selects, the newest first. The error
	// wraps [ErrNotFound] if q.After is unknown.
	List(ctx context.Context, q Query) ([]Task, error)

	// Work calls do, one task at a time, for each task whose Due has come,
	// until ctx ends. It may be called several times to work in parallel; no
	// task is handed out twice at once. do returns when the task is due again;
	// the zero time means never.
	Work(ctx context.Context, do func(context.Context, Task) time.Time)
}
