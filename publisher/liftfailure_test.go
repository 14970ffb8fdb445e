package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// liftEffects are the effects of a lift of an act that needs nothing else.
var liftEffects = []string{put, appendAct, awaitLift, put}

// Every effect of a lift fails once, with and without having taken place, or the
// process dies before or after it. The caller is never told of a lift that is
// not in force; a lift that was begun comes to its end; one that was not leaves
// everything as it was, Cognito included.
func TestLiftFailsAnywhere(t *testing.T) {
	for i, name := range liftEffects {
		for _, v := range []verdict{refuse, lose, dieBefore, dieAfter} {
			t.Run(fmt.Sprintf("%d %s/%d", i, name, v), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld()
					w.nodes = newNodes()
					w.validity = publisher.Validity{Token: hour, Refresh: 10 * day}
					pr := w.start(t)
					id := pr.revoke(t, with(target(revocation.KindClient), sessionBasis)).Act.ID
					w.set(func() {
						at := len(w.effects) + i
						w.fault = func(n int, _ string) verdict {
							if n == at {
								return v
							}
							return succeed
						}
					})
					list, err := pr.Lift(t.Context(), liftOf(id))
					failed, ok := errors.AsType[*publisher.LiftError](err)
					if !ok || list != nil || !slices.Equal(failed.Left, []revocation.ActID{id}) {
						t.Errorf("Lift = %v, %v, want a LiftError with the act left", list, err)
					}
					if pr.isDead() {
						pr.kill()
						w.set(func() { w.fault = nil })
						pr = w.start(t)
					}
					time.Sleep(time.Minute)
					begun := i > 0 || v == lose || v == dieAfter // the first store took place
					s := pr.status(t, id)
					if lifted := s.Act.State == revocation.StateLifted; lifted != begun || s.Lift.At.IsZero() == begun {
						t.Errorf("act = %+v, %+v; want it lifted: %v", s.Act, s.Lift, begun)
					}
					if refused := w.refuses(s.Act); refused == begun {
						t.Errorf("the nodes refuse it: %v, want %v", refused, !begun)
					}
					if task := w.tasks()[0]; !task.Due.IsZero() {
						t.Errorf("due at the end: %v", task.Due)
					}
					again := pr.lift(t, id)
					if again.Act.State != revocation.StateLifted || begun && again.Lift != s.Lift {
						t.Errorf("Lift once more = %+v, want it lifted by the first", again)
					}
					checkLifted(t, w, id)
					checkOrder(t, w)
				})
			})
		}
	}
}

// A lift that got half-way is finished by whoever asks again, and stays that of
// whoever asked first.
func TestLiftStaysTheFirstOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		id := pr.revoke(t, target(revocation.KindClient)).Act.ID
		w.set(func() { w.answer[appendAct] = errWorld })
		begun := time.Now()
		if _, err := pr.Lift(t.Context(), liftOf(id)); !errors.Is(err, publisher.ErrNotDurable) {
			t.Fatalf("Lift = %v, want ErrNotDurable", err)
		}
		w.set(func() { clear(w.answer) })
		time.Sleep(time.Second)
		list, err := pr.Lift(t.Context(), publisher.LiftRequest{Acts: []revocation.ActID{id}, Reason: "another", Operator: "operator-2"})
		want := publisher.Lift{At: begun, Reason: "a mistake", Operator: "operator-1"}
		if err != nil || list[0].Act.State != revocation.StateLifted || list[0].Lift != want {
			t.Errorf("second Lift = %+v, %v; want it lifted, %+v", list, err, want)
		}
		checkLifted(t, w, id)
	})
}

// refuses reports what the nodes, which must agree, do with the act's witness.
func (w *world) refuses(act revocation.Act) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	tok, count := act.Witness(), 0
	lists := w.nodes.denylists()
	for _, list := range lists {
		if _, _, refused := list.Find(&tok, time.Now().Unix()); refused {
			count++
		}
	}
	if count != 0 && count != len(lists) {
		panic("an old and a new node disagree")
	}
	return count > 0
}

// If a lift that was to cancel the leg is not stored, Cognito is told.
func TestLiftThatWasNotBegunCancelsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.delay[signOut] = 10 * time.Second
		pr := w.start(t)
		id := pr.revoke(t, userRequest()).Act.ID
		synctest.Wait()
		w.set(func() {
			w.fault = func(_ int, name string) verdict {
				if name == put {
					return refuse
				}
				return succeed
			}
		})
		if _, err := pr.Lift(t.Context(), liftOf(id)); !errors.Is(err, publisher.ErrNotDurable) {
			t.Errorf("Lift = %v, want ErrNotDurable", err)
		}
		w.set(func() { w.fault = nil })
		time.Sleep(time.Minute)
		if s := pr.status(t, id); s.Act.State != revocation.StateConfirmed || s.Cognito.State != publisher.LegDone || s.Lift != (publisher.Lift{}) {
			t.Errorf("status = %+v, want it confirmed and done", s)
		}
	})
}

// Cognito has answered, and that could not be stored; a lift knows of it.
func TestLiftKnowsWhatCouldNotBeRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		puts := 0
		w.fault = func(_ int, name string) verdict {
			if name == put {
				if puts++; puts > 2 {
					return refuse
				}
			}
			return succeed
		}
		pr := w.start(t)
		id := pr.revoke(t, userRequest()).Act.ID
		synctest.Wait()
		if _, err := pr.Lift(t.Context(), liftOf(id)); !errors.Is(err, publisher.ErrNotDurable) {
			t.Errorf("Lift without a store = %v, want ErrNotDurable", err)
		}
		w.set(func() { w.fault = nil })
		if s := pr.lift(t, id); s.Cognito.State != publisher.LegDone {
			t.Errorf("leg = %+v, want it done: Cognito was told", s.Cognito)
		}
		time.Sleep(time.Hour)
		if n := len(took(w.history(signOut))); n != 1 {
			t.Errorf("%d sign-outs, want 1", n)
		}
		checkLifted(t, w, id)
	})
}

// An act that has ended refuses nothing: its lift is recorded, not published.
func TestLiftOfWhatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.validity.Token = hour
		pr := w.start(t)
		id := pr.revoke(t, target(revocation.KindClient)).Act.ID
		time.Sleep(2 * hour)
		if s := pr.lift(t, id); s.Act.State != revocation.StateLifted || s.Lift.Operator != "operator-1" {
			t.Errorf("Lift = %+v, want it lifted", s)
		}
		if n := len(w.history(appendAct)); n != 1 {
			t.Errorf("%d copies, want the first alone", n)
		}
	})
}

// A request that is not durable yet can be lifted, too: what its author asked
// for is carried out by nobody.
func TestLiftOfWhatWasNotDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.nodes = newNodes()
		w.fault = func(_ int, name string) verdict {
			if name == appendAct {
				return refuse
			}
			return succeed
		}
		pr := w.start(t)
		_, err := pr.Revoke(t.Context(), userRequest())
		failed, ok := errors.AsType[*publisher.NotDurableError](err)
		if !ok {
			t.Fatalf("Revoke = %v, want a NotDurableError", err)
		}
		w.set(func() { w.fault = nil })
		s := pr.lift(t, failed.Act)
		if s.Denied.Sequence != 0 || w.refuses(s.Act) {
			t.Errorf("Lift = %+v, want it denied nowhere", s)
		}
		time.Sleep(hour)
		if n := len(w.history(signOut)); n != 0 || w.refuses(s.Act) {
			t.Errorf("%d sign-outs an hour later, want none", n)
		}
		checkLifted(t, w, failed.Act)
	})
}

// noWork is a store that hands out nothing: another replica works it off.
type noWork struct{ publisher.Tasks }

func (noWork) Work(ctx context.Context, _ func(context.Context, publisher.Task) time.Time) {
	<-ctx.Done()
}

// One replica lifts while another is telling Cognito, about to extend, or about
// to confirm: the act stays lifted, and the leg says what Cognito was told.
func TestLiftByAnotherReplica(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration // of the lift
		setup func(*world)
		leg   publisher.LegState
	}{
		{"before Cognito is told", time.Nanosecond, func(w *world) { w.delay[signOut] = 10 * time.Second }, publisher.LegDone},
		{"while Cognito is being told", time.Second, func(w *world) { w.onItsWay = 3 * time.Second }, publisher.LegDone},
		{"while Cognito says no", time.Second, func(w *world) {
			w.onItsWay = 3 * time.Second
			w.answer[signOut] = &publisher.CognitoError{Op: "ListUsers", Code: "AccessDeniedException"}
		}, publisher.LegCanceled},
		{"while it confirms", time.Second, func(w *world) { w.delay[appendAct] = 800 * time.Millisecond }, publisher.LegDone},
		{"long after", time.Minute, func(*world) {}, publisher.LegDone},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.noBeats = true
				w.nodes = newNodes()
				w.validity.Token = hour
				test.setup(w)
				worker := w.start(t)
				other := w.startOn(t, worker.memory, func(cfg *publisher.Config) { cfg.Tasks = noWork{cfg.Tasks} })
				id := worker.revoke(t, userRequest()).Act.ID
				time.Sleep(test.after)
				start := time.Now()
				s := other.lift(t, id)
				if s.Act.State != revocation.StateLifted || time.Since(start) > 2*time.Second {
					t.Errorf("Lift = %+v after %v, want it lifted without waiting for the other", s.Act, time.Since(start))
				}
				if w.refuses(s.Act) {
					t.Errorf("the nodes refuse it after the lift")
				}
				time.Sleep(47 * hour) // until long after any copy but the open one
				s = other.status(t, id)
				if s.Act.State != revocation.StateLifted || s.Cognito.State != test.leg {
					t.Errorf("in the end: %v, leg %+v; want lifted, %q", s.Act.State, s.Cognito, test.leg)
				}
				if n := len(w.history(signOut)); n != 1 {
					t.Errorf("%d calls, want 1", n)
				}
				if w.refuses(s.Act) {
					t.Errorf("the nodes refuse it in the end")
				}
				if task := w.tasks()[0]; !task.Due.IsZero() || task.Grant != (publisher.Grant{}) {
					t.Errorf("task at the end: %+v", task)
				}
			})
		})
	}
}

// A replica dies right after it has stored that it lifts, while another one is
// telling Cognito: that one finishes the lift, and confirms nothing.
func TestLiftIsFinishedByAnotherReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.nodes = newNodes()
		w.onItsWay = 3 * time.Second
		worker := w.start(t)
		other := w.startOn(t, worker.memory, func(cfg *publisher.Config) { cfg.Tasks = noWork{cfg.Tasks} })
		id := worker.revoke(t, userRequest()).Act.ID
		time.Sleep(time.Second)
		w.set(func() {
			at := len(w.effects)
			w.fault = func(n int, _ string) verdict {
				if n == at {
					return dieAfter
				}
				return succeed
			}
		})
		if _, err := other.Lift(t.Context(), liftOf(id)); !errors.Is(err, publisher.ErrNotDurable) {
			t.Errorf("Lift = %v, want ErrNotDurable", err)
		}
		time.Sleep(3 * time.Second) // Cognito has answered
		s := worker.status(t, id)
		if s.Act.State != revocation.StateLifted || s.Cognito.State != publisher.LegDone || s.Lift.Operator != "operator-1" || w.refuses(s.Act) {
			t.Errorf("status = %+v, want it lifted, and the leg done", s)
		}
		for _, e := range w.history(appendAct) {
			if e.act.State == revocation.StateConfirmed {
				t.Errorf("a copy was confirmed after the lift was stored: %+v", e.act)
			}
		}
		checkLifted(t, w, id)
	})
}

// Two replicas with stores of their own: one lifts, the other, which does not
// know, goes on extending the act. Each sees in the stream that a copy outlives
// the lift, and repeats the lift with that end.
func TestLiftIsRepeatedUntilItOutlivesEveryCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.nodes = newNodes()
		w.answer[signOut] = &publisher.CognitoError{Op: "ListUsers", Code: "unreachable", Retry: true}
		first := w.start(t)
		act := first.revoke(t, userRequest()).Act
		first.kill()
		ignorant, lifting := w.start(t), w.start(t)
		lifting.lift(t, act.ID)
		time.Sleep(50 * hour) // extensions at 24 and 48 h
		extensions := 0
		var ends []int64
		for _, e := range took(w.history(appendAct)) {
			switch e.act.State {
			case revocation.StateOpen:
				extensions++
				ends = append(ends, e.act.ExpiresAt)
			case revocation.StateLifted:
				if latest := slices.Max(ends); e.act.ExpiresAt != latest {
					t.Errorf("lift until %d while a copy lasts until %d", e.act.ExpiresAt, latest)
				}
			}
		}
		if extensions != 3 {
			t.Fatalf("%d open copies, want 3: the test itself is wrong", extensions)
		}
		if w.refuses(act) {
			t.Error("the nodes refuse it")
		}
		if s := ignorant.status(t, act.ID); s.Act.State != revocation.StateOpen {
			t.Fatalf("the other replica knows of the lift: the test itself is wrong")
		}
		checkLifted(t, w, act.ID)
		if n := len(w.history(appendAct)); n > 3+1+2*2 {
			t.Errorf("%d copies, want 3 open ones, a lift, and a repetition per extension and replica", n)
		}
	})
}
