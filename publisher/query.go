package publisher

import (
	"slices"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Query selects acts for a list. A zero field selects all.
type Query struct {
	Kind revocation.Kind
	// Pool "" selects every pool but [CanaryPool].
	Pool string
	// IDs has the ids of targets; an act on any of them is selected. "" is the
	// id of acts on a whole pool.
	IDs   []string
	State revocation.State
	// After continues a list behind this act, which was the last one of it.
	After revocation.ActID
	// Limit is the most acts to return.
	Limit int
}

// Selects reports whether the act belongs into the list, wherever it begins.
func (q Query) Selects(a revocation.Act) bool {
	return (q.Kind == 0 || a.Target.Kind == q.Kind) &&
		q.SelectsPool(a.Target.Pool) &&
		(q.IDs == nil || slices.Contains(q.IDs, a.Target.ID)) &&
		(q.State == 0 || a.State == q.State)
}

// SelectsPool reports whether acts of the pool may be selected.
func (q Query) SelectsPool(pool string) bool {
	if q.Pool == "" {
		return pool != CanaryPool
	}
	return q.Pool == pool
}
