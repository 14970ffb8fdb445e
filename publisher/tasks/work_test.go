package tasks_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// work runs n workers until the end of the test, or until stop.
func work(t *testing.T, m *tasks.Memory, n int, do func(publisher.Task) time.Time) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	for range n {
		workers.Go(func() {
			m.Work(ctx, func(_ context.Context, task publisher.Task) time.Time { return do(task) })
		})
	}
	stop = func() { cancel(); workers.Wait() }
	t.Cleanup(stop)
	return stop
}

// calls records when which task was handed out.
type calls struct {
	mu   sync.Mutex // guards the fields below
	at   []time.Duration
	ids  []revocation.ActID
	last publisher.Task
}

func (c *calls) add(since time.Time, task publisher.Task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.ids, c.last = append(c.at, time.Since(since)), append(c.ids, task.Act.ID), task
}

// soFar returns what was recorded.
func (c *calls) soFar() (at []time.Duration, ids []revocation.ActID, last publisher.Task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.at), slices.Clone(c.ids), c.last
}

func TestTasksAreHandedOutWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, start := tasks.NewMemory(), time.Now()
		var got calls
		work(t, m, 3, func(task publisher.Task) time.Time {
			got.add(start, task)
			return time.Time{}
		})
		time.Sleep(time.Second)
		late, soon, never, now := newTask(time.Hour), newTask(time.Minute), newTask(-1), newTask(0)
		put(t, m, late, soon, never, now)
		time.Sleep(10 * time.Hour)
		at, gotIDs, _ := got.soFar()
		wantIDs := ids([]publisher.Task{now, soon, late})
		wantAt := []time.Duration{time.Second, time.Second + time.Minute, time.Second + time.Hour}
		if !slices.Equal(gotIDs, wantIDs) || !slices.Equal(at, wantAt) {
			t.Errorf("handed out %v at %v, want %v at %v", gotIDs, at, wantIDs, wantAt)
		}
	})
}

func TestTaskComesAgainWhenDoSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, start := tasks.NewMemory(), time.Now()
		var got calls
		work(t, m, 2, func(task publisher.Task) time.Time {
			got.add(start, task)
			if at, _, _ := got.soFar(); len(at) == 3 {
				return time.Time{}
			}
			return time.Now().Add(time.Minute)
		})
		task := newTask(0)
		put(t, m, task)
		time.Sleep(time.Hour)
		at, _, _ := got.soFar()
		if want := []time.Duration{0, time.Minute, 2 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("handed out at %v, want %v", at, want)
		}
	})
}

// A version that is stored later counts: what it says, and when it is due.
func TestNewVersionIsHandedOutAtItsTime(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second time.Duration
	}{{"earlier", time.Hour, time.Minute}, {"later", time.Minute, time.Hour}, {"for the first time", -1, time.Minute}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, start := tasks.NewMemory(), time.Now()
				var got calls
				work(t, m, 2, func(task publisher.Task) time.Time {
					got.add(start, task)
					return time.Time{}
				})
				task := put(t, m, newTask(test.first))
				synctest.Wait()
				task.Due = start.Add(test.second)
				task.Reason = "second"
				put(t, m, task)
				time.Sleep(10 * time.Hour)
				at, _, last := got.soFar()
				if want := []time.Duration{test.second}; !slices.Equal(at, want) || last.Reason != "second" {
					t.Errorf("handed out %+v at %v, want the second version at %v", last, at, want)
				}
			})
		})
	}
}

func TestNoTaskIsHandedOutTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := tasks.NewMemory()
		var mu sync.Mutex
		busy := make(map[revocation.ActID]bool)
		count := 0
		work(t, m, 8, func(task publisher.Task) time.Time {
			id := task.Act.ID
			mu.Lock()
			if busy[id] {
				t.Errorf("%s is handed out twice at once", id)
			}
			busy[id], count = true, count+1
			mu.Unlock()
			put(t, m, task) // as the publisher does, with its old Due
			time.Sleep(time.Second)
			mu.Lock()
			busy[id] = false
			mu.Unlock()
			return time.Now().Add(time.Millisecond)
		})
		for range 4 {
			put(t, m, newTask(0))
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if count < 4*59 || count > 4*60 {
			t.Errorf("%d calls of a second each within a minute, want 4 at a time", count)
		}
	})
}

// While one worker is busy, the others take what is due.
func TestWorkersWorkInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := tasks.NewMemory()
		var running, most, done atomic.Int32
		stop := work(t, m, 8, func(publisher.Task) time.Time {
			n := running.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(time.Second)
			running.Add(-1)
			done.Add(1)
			return time.Time{}
		})
		for range 80 {
			put(t, m, newTask(0))
		}
		time.Sleep(10*time.Second - time.Nanosecond)
		stop()
		if done.Load() != 80 || most.Load() != 8 {
			t.Errorf("%d of 80 tasks done in 10 s, %d at a time; want 8 at a time", done.Load(), most.Load())
		}
	})
}

func TestWorkEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := tasks.NewMemory()
		started := 0
		stop := work(t, m, 1, func(publisher.Task) time.Time {
			started++
			time.Sleep(time.Minute)
			return time.Now()
		})
		put(t, m, newTask(0), newTask(0))
		synctest.Wait()
		before := time.Now()
		stop() // the task that is handed out is finished, no other is begun
		if started != 1 || time.Since(before) != time.Minute {
			t.Errorf("Work ended after %v, with %d tasks begun; want 1 min and 1", time.Since(before), started)
		}
	})
}

// Ten thousand open tasks cost milliseconds, not a scan for each.
func BenchmarkWork(b *testing.B) {
	for range b.N {
		m := tasks.NewMemory()
		for i := range 10_000 {
			put(b, m, newTask(time.Duration(i%97)*time.Nanosecond))
		}
		ctx, cancel := context.WithCancel(b.Context())
		left := 10_000
		m.Work(ctx, func(context.Context, publisher.Task) time.Time {
			if left--; left == 0 {
				cancel()
			}
			return time.Time{}
		})
		cancel()
	}
}
