package tasks

import "container/heap"

// queue is a min-heap of tasks by their next time.
type queue []*held

func (q *queue) add(h *held)   { heap.Push(q, h) }
func (q *queue) moved(h *held) { heap.Fix(q, h.index) }
func (q *queue) takeFirst()    { heap.Pop(q) }

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	h := x.(*held)
	h.index = len(*q)
	*q = append(*q, h)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	h := (*q)[last]
	h.index = -1
	(*q)[last] = nil // or the array keeps it alive
	*q = (*q)[:last]
	return h
}
