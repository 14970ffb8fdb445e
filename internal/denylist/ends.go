package denylist

import (
	"container/heap"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// endHeap is a min-heap of the times at which acts end. An act that was
// extended is in it once for each end it has had.
type endHeap struct{ items ends }

type actEnd struct {
	at int64
	id revocation.ActID
}

func (h *endHeap) push(at int64, id revocation.ActID) { heap.Push(&h.items, actEnd{at, id}) }

// popBy removes and returns the first act that ends at or before t.
func (h *endHeap) popBy(t int64) (revocation.ActID, bool) {
	if len(h.items) == 0 || h.items[0].at > t {
		return revocation.ActID{}, false
	}
	return heap.Pop(&h.items).(actEnd).id, true
}

// ends implements heap.Interface.
type ends []actEnd

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].at < e[j].at }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(actEnd)) }
func (e *ends) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}
