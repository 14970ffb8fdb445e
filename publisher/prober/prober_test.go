package prober_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/publisher/prober"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	interval = time.Minute
	timeout  = 20 * time.Second
)

// world is what surrounds a prober: a publisher and a fleet as slow and as
// broken as the test says.
type world struct {
	*testing.T
	log bytes.Buffer

	mu       sync.Mutex // guards the fields below
	revoking time.Duration
	err      error
	waiting  time.Duration // until every node has answered
	receipt  members.Receipt
	took     map[string][]time.Duration
	begun    []time.Time
	running  int
	asked    []members.Question
	outcomes []prober.Outcome
	ended    []time.Time // of outcomes
}

func (w *world) canary(ctx context.Context, life time.Duration) (publisher.Status, error) {
	w.mu.Lock()
	w.begun = append(w.begun, time.Now())
	if w.running++; w.running > 1 {
		w.Error("two runs at once")
	}
	pause, err := w.revoking, w.err
	w.mu.Unlock()
	if life != timeout {
		w.Errorf("the canary is to live for %v, want %v", life, timeout)
	}
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(pause):
	}
	if err != nil {
		return publisher.Status{}, err
	}
	return publisher.Status{
		Act: revocation.Act{ID: revocation.NewActID()}, AcceptedAt: time.Now().Add(-pause), Denied: publisher.Denied{Sequence: 7},
	}, nil
}

// Await implements prober.Fleet.
func (w *world) Await(ctx context.Context, q members.Question, want members.Want) (members.Receipt, error) {
	if want != members.Known {
		w.Errorf("waits for %v, want the nodes that are known", want)
	}
	w.mu.Lock()
	w.asked = append(w.asked, q)
	pause := w.waiting
	w.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
	return members.Receipt{}, nil
}

// Conclude implements prober.Fleet.
func (w *world) Conclude(id revocation.ActID, _ members.Want) (members.Receipt, map[string][]time.Duration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := w.asked[len(w.asked)-1]; last.Act.ID != id || last.Sequence != 7 || !last.Fresh {
		w.Errorf("concluded %v, asked for %+v", id, last)
	}
	return w.receipt, w.took, nil
}

func (w *world) done(out prober.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	w.outcomes, w.ended = append(w.outcomes, out), append(w.ended, time.Now())
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// start runs a prober, and returns how to end it and wait for it.
func (w *world) start() (stop func()) {
	p, err := prober.New(prober.Config{
		Canary: w.canary, Fleet: w, Interval: interval, Timeout: timeout, Done: w.done, Logger: zerolog.New(&w.log),
	})
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func whole() members.Receipt {
	return members.Receipt{Met: true, Enforced: 2, Total: 3, Services: []members.ServiceCount{{Service: "orders", Enforced: 2, Total: 3, ReportOnly: 1}}}
}

func TestRunsAtIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, receipt: whole(), took: map[string][]time.Duration{"orders": {time.Millisecond, time.Second}}, waiting: time.Second}
		stop, start := w.start(), time.Now()
		time.Sleep(10*interval + timeout)
		stop()
		if n := len(w.begun); n < 10 || n > 11 {
			t.Fatalf("%d runs in ten intervals", n)
		}
		if late := w.begun[0].Sub(start); late >= interval {
			t.Errorf("the first run began after %v, want less than %v", late, interval)
		}
		for i, at := range w.begun[1:] {
			if pause := at.Sub(w.begun[i]); pause != interval {
				t.Errorf("run %d began %v after the one before", i+1, pause)
			}
		}
		want := prober.Outcome{Result: prober.Enforced, Services: []prober.Service{{Name: "orders", Took: []time.Duration{time.Millisecond, time.Second}}}}
		if diff := cmp.Diff(want, w.outcomes[0]); diff != "" {
			t.Errorf("outcome (-want +got):\n%s", diff)
		}
		if n := strings.Count(w.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines of the log, want one for all runs that end alike:\n%s", n, w.log.String())
		}
	})
}

// Replicas that start together don't probe together.
func TestFirstRunIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []*world
		var stops []func()
		for range 50 {
			w := &world{T: t, receipt: whole()}
			all, stops = append(all, w), append(stops, w.start())
		}
		time.Sleep(interval)
		early := 0
		for i, w := range all {
			stops[i]()
			if len(w.begun) == 1 && time.Since(w.begun[0]) > interval/2 {
				early++
			}
		}
		if early < 5 || early > 45 {
			t.Errorf("%d of 50 began in the first half of the interval", early)
		}
	})
}

func TestOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, receipt: whole()}
		stop := w.start()
		defer stop()
		time.Sleep(interval)

		// A node that does not answer: the run takes its time, and no more.
		w.set(func() {
			w.waiting = time.Hour
			w.receipt = members.Receipt{
				Services:   []members.ServiceCount{{Service: "orders", Enforced: 1, Total: 2}, {Service: "payments", Expected: 2}},
				Stragglers: []members.Straggler{{Service: "orders", Node: "b", Reason: members.ReasonSilent}},
				Shortfalls: []members.Shortfall{members.ShortfallExpected},
			}
			w.took = map[string][]time.Duration{"orders": {time.Millisecond}}
		})
		time.Sleep(3 * interval)
		w.set(func() {
			last := w.outcomes[len(w.outcomes)-1]
			want := prober.Outcome{
				Result: prober.Incomplete, Services: []prober.Service{{Name: "orders", Took: []time.Duration{time.Millisecond}, Missing: 1}, {Name: "payments"}},
				Stragglers: w.receipt.Stragglers, Shortfalls: w.receipt.Shortfalls,
			}
			if diff := cmp.Diff(want, last); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})

		// Every node that there is has proven it, and there must be more.
		w.set(func() { w.waiting, w.receipt.Stragglers = 0, nil })
		time.Sleep(interval)
		w.set(func() {
			if last := w.outcomes[len(w.outcomes)-1]; last.Result != prober.Incomplete || len(last.Shortfalls) != 1 {
				t.Errorf("outcome %+v, want incomplete by its shortfall", last)
			}
		})

		// The canary can't be revoked, or takes longer than a run may.
		broken := errors.New("no quorum")
		w.set(func() { w.err = broken })
		time.Sleep(2 * interval)
		w.set(func() { w.err, w.revoking = nil, time.Hour })
		time.Sleep(2 * interval)
		w.set(func() {
			n := len(w.outcomes)
			if out := w.outcomes[n-3]; out.Result != prober.Failed || !errors.Is(out.Err, broken) || out.Services != nil {
				t.Errorf("outcome %+v, want failed by %v", out, broken)
			}
			if out := w.outcomes[n-1]; out.Result != prober.Failed || !errors.Is(out.Err, context.DeadlineExceeded) {
				t.Errorf("outcome %+v, want failed by its time", out)
			}
			// And well again, without a pause for what has failed.
			w.revoking, w.waiting, w.receipt = 0, 0, whole()
		})
		time.Sleep(interval)
		w.set(func() {
			if out := w.outcomes[len(w.outcomes)-1]; out.Result != prober.Enforced {
				t.Errorf("outcome %+v, want enforced", out)
			}
			for i, at := range w.begun[1:] {
				if pause := at.Sub(w.begun[i]); pause != interval {
					t.Errorf("run %d began %v after the one before", i+1, pause)
				}
			}
			for i, at := range w.ended {
				if took := at.Sub(w.begun[i]); took > timeout {
					t.Errorf("run %d took %v, want %v at most", i, took, timeout)
				}
			}
		})
		stop()
		for _, line := range []string{"canary enforced by every node", `"stragglers":["orders/b: silent"]`, `"fewer_than_expected"`, "no quorum"} {
			if !strings.Contains(w.log.String(), line) {
				t.Errorf("the log lacks %q:\n%s", line, w.log.String())
			}
		}
	})
}

// Who stops does not wait for a run, and an interrupted one has no outcome.
func TestStopDuringARun(t *testing.T) {
	for name, set := range map[string]func(*world){
		"revoking": func(w *world) { w.revoking = time.Hour },
		"waiting":  func(w *world) { w.waiting = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{T: t, receipt: whole()}
				set(w)
				stop := w.start()
				for {
					time.Sleep(time.Second)
					begun := 0
					w.set(func() { begun = len(w.begun) })
					if begun > 0 {
						break
					}
				}
				at := time.Now()
				stop()
				if took := time.Since(at); took > 0 {
					t.Errorf("stopping took %v", took)
				}
				if len(w.outcomes) != 0 {
					t.Errorf("outcomes %+v, want none", w.outcomes)
				}
			})
		})
	}
}

func TestConfig(t *testing.T) {
	w := &world{T: t}
	good := prober.Config{Canary: w.canary, Fleet: w, Done: w.done, Interval: interval, Timeout: timeout}
	for want, change := range map[string]func(*prober.Config){
		"Canary":   func(c *prober.Config) { c.Canary = nil },
		"Fleet":    func(c *prober.Config) { c.Fleet = nil },
		"Done":     func(c *prober.Config) { c.Done = nil },
		"Interval": func(c *prober.Config) { c.Interval = 0 },
		"Timeout":  func(c *prober.Config) { c.Timeout = interval },
	} {
		cfg := good
		change(&cfg)
		if _, err := prober.New(cfg); err == nil || !strings.Contains(err.Error(), "Config."+want) {
			t.Errorf("New = %v, want an error that names %s", err, want)
		}
	}
}
