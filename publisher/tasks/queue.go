package tasks

import "container/heap"

// queue is a min-heap of tasks by their next time.
type queue []*entry

func (q *queue) add(e *entry)    { heap.Push(q, e) }
func (q *queue) moved(e *entry)  { heap.Fix(q, e.index) }
func (q *queue) remove(e *entry) { heap.Remove(q, e.index) }
func (q *queue) takeFirst()      { heap.Pop(q) }

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	e.index = -1
	(*q)[last] = nil // or the array keeps it alive
	*q = (*q)[:last]
	return e
}
