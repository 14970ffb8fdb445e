package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// samples are delays.
type samples []time.Duration

func (s samples) p(percent int) time.Duration {
	if len(s) == 0 {
		return 0
	}
	slices.Sort(s)
	return s[min(len(s)-1, len(s)*percent/100)]
}

// result is what one kind of delivery took.
type result struct {
	all, last samples // delays of all deliveries, and of the last of each publish
	cpu       time.Duration
	memory    int64 // bytes of the server for one node
	publishes int
	lost      int // deliveries that did not come within lostAfter
}

// columns aligns a line at a time: a run takes minutes, and each line is shown
// when it is known.
const columns = "%6s %-8s %9s %12s %12s %12s %6s %12s %6s %9s %6s %9s %5s\n"

func (r result) print(n int, kind string, base result) {
	times := func(x float64) string { return fmt.Sprintf("%.2f", x) }
	fmt.Printf(columns, fmt.Sprint(n), kind, fmt.Sprint(r.publishes), ms(r.all.p(50)), ms(r.all.p(99)), ms(r.all.p(100)),
		times(ratio(r.all, base.all)), ms(r.last.p(50)), times(ratio(r.last, base.last)),
		fmt.Sprintf("%.1f us", float64(r.cpu.Nanoseconds())/1000), times(float64(r.cpu)/float64(max(1, base.cpu))),
		fmt.Sprintf("%d KiB", r.memory/1024), fmt.Sprint(r.lost))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

func ratio(a, b samples) float64 { return float64(a.p(50)) / float64(max(1, b.p(50))) }

// lostAfter is when a delivery counts as lost.
const lostAfter = 30 * time.Second

// receiver notes when each of n nodes received the message of the present round.
type receiver struct {
	began   time.Time
	current atomic.Pointer[round]
}

type round struct {
	id   string
	at   []atomic.Int64 // nanoseconds since receiver.began; 0: not yet
	left atomic.Int64
	done chan struct{}
	once sync.Once
}

func newReceiver(n int) *receiver {
	r := &receiver{began: time.Now()}
	r.next("", n)
	return r
}

func (r *receiver) next(id string, n int) *round {
	now := &round{id: id, at: make([]atomic.Int64, n), done: make(chan struct{})}
	now.left.Store(int64(n))
	r.current.Store(now)
	return now
}

// received notes that a node has received a message. Only the first copy of the
// present round's counts.
func (r *receiver) received(node int, id string) {
	now := r.current.Load()
	if now.id != id || !now.at[node].CompareAndSwap(0, int64(time.Since(r.began))) {
		return
	}
	if now.left.Add(-1) == 0 {
		now.once.Do(func() { close(now.done) })
	}
}

// round sends one message and waits until every node has it.
func (r *receiver) round(res *result, send sender) error {
	n := len(r.current.Load().at)
	id, fire := send()
	now := r.next(id, n)
	sent := time.Since(r.began)
	if err := fire(); err != nil {
		return err
	}
	select {
	case <-now.done:
	case <-time.After(lostAfter):
		res.lost += int(now.left.Load())
	}
	var last time.Duration
	for i := range now.at {
		if at := time.Duration(now.at[i].Load()); at > 0 {
			res.all = append(res.all, at-sent)
			last = max(last, at-sent)
		}
	}
	res.last = append(res.last, last)
	return nil
}

// sender prepares a message: its id, and how to send it.
type sender func() (id string, fire func() error)
