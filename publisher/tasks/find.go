package tasks

import (
	"context"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// once returns the task of a key. The index goes by a hash of it.
func once(ctx context.Context, key publisher.OnceKey, x *index, get func(context.Context, revocation.ActID) (publisher.Task, error)) (publisher.Task, error) {
	id, known := x.byOnce(key)
	if !known {
		return publisher.Task{}, publisher.ErrNotFound
	}
	t, err := get(ctx, id)
	if err == nil && t.Once.Key != key {
		return publisher.Task{}, publisher.ErrNotFound
	}
	return t, err
}

// list returns what q selects. The index may be wrong about a task, by a
// version or by a hash, so each one is asked again when it was read.
func list(q publisher.Query, x *index, read func([]revocation.ActID) ([]publisher.Task, error)) ([]publisher.Task, error) {
	var all []publisher.Task
	for len(all) < q.Limit {
		ids, err := x.page(q, q.Limit-len(all))
		if err != nil || len(ids) == 0 {
			return all, err
		}
		found, err := read(ids)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			if q.Selects(t.Act) {
				all = append(all, t)
			}
		}
		q.After = ids[len(ids)-1]
	}
	return all, nil
}
