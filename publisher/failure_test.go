package publisher_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// accepted is the number of effects of a request: fast, put, append, await, put.
const accepted = 5

// requests whose effects the tables below go through, one by one.
var requests = map[string]func() publisher.Request{
	"user":    userRequest,
	"session": sessionRequest,
	"session by id": func() publisher.Request {
		req := sessionRequest()
		req.Grant = nil
		return req
	},
	"told by the caller": func() publisher.Request {
		req := userRequest()
		req.SkipCognito = true
		return req
	},
}

// forEachEffect runs a test for each effect of each request, as they are if
// nothing fails.
func forEachEffect(t *testing.T, test func(t *testing.T, f failing)) {
	t.Helper()
	for kind, request := range requests {
		var effects []string
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.start(t).revoke(t, request())
			synctest.Wait()
			effects = names(w.history())
		})
		for i, name := range effects {
			t.Run(fmt.Sprintf("%s/%d %s", kind, i, name), func(t *testing.T) {
				test(t, failing{kind: kind, request: request, effects: effects, i: i, name: name})
			})
		}
	}
}

// failing is an effect that is to fail.
type failing struct {
	kind    string
	request func() publisher.Request
	effects []string // of the request, if nothing fails
	i       int      // index of the one that fails
	name    string   // of that one
}

// once returns a fault of that one effect.
func (f failing) once(v verdict) func(int, string) verdict {
	return func(n int, _ string) verdict {
		if n == f.i {
			return v
		}
		return succeed
	}
}

// checkEnd checks what a world must have come to in the end, after an outage
// that is over: what is stored is carried out to its end, what was
// acknowledged is stored, and Cognito was told.
func checkEnd(t *testing.T, w *world, err error) {
	t.Helper()
	checkOrder(t, w)
	stored := w.tasks()
	if err == nil && len(stored) != 1 {
		t.Fatalf("%d tasks are stored of an acknowledged request, want 1", len(stored))
	}
	if len(stored) == 0 {
		if got := w.history(append([]string{appendAct}, cognitoCalls...)...); len(got) > 0 {
			t.Errorf("effects without a task: %v", names(got))
		}
		return
	}
	s := stored[0].Status
	told := took(w.history(signOut, revokeToken))
	copies := took(w.history(appendAct))
	if len(copies) == 0 && err != nil && s.Act.Expired(time.Now().Unix()) && stored[0].Due.IsZero() {
		return // it ended before it could be published
	}
	switch last := copies[len(copies)-1].act; {
	case s.Denied.Sequence == 0 && s.Act.Expired(time.Now().Unix()):
		// It ended before its sequence could be stored.
	case s.Denied.Sequence == 0 || last != s.Act:
		t.Errorf("newest copy on the stream is %+v, want that of the status %+v", last, s)
	case s.Cognito.State == publisher.LegNotApplicable:
		if s.Act.State != revocation.StateOpen || len(told) != 0 {
			t.Errorf("act is %v with %d calls to Cognito, want it to stand with none", s.Act.State, len(told))
		}
	case s.Act.State != revocation.StateConfirmed || s.Cognito.State != publisher.LegDone:
		t.Errorf("act is %v and Cognito's leg %q, want it confirmed and done", s.Act.State, s.Cognito.State)
	case s.Cognito.Attempts > 0 != (len(told) > 0):
		t.Errorf("%d attempts, %d calls that took place", s.Cognito.Attempts, len(told))
	}
	if !stored[0].Due.IsZero() || stored[0].Grant != (publisher.Grant{}) {
		t.Errorf("task at the end: due %v, grant %+v, want neither", stored[0].Due, stored[0].Grant)
	}
}

// checkAnswer checks what the caller was told of a request.
func checkAnswer(t *testing.T, f failing, err error) {
	t.Helper()
	if f.i == 0 || f.i >= accepted { // the fast path is an extra
		if err != nil {
			t.Errorf("Revoke = %v, want success", err)
		}
		return
	}
	failed, ok := errors.AsType[*publisher.NotDurableError](err)
	if !ok || !errors.Is(err, publisher.ErrNotDurable) || !errors.Is(err, errWorld) {
		t.Fatalf("Revoke = %v, want a NotDurableError with the cause", err)
	}
	if !failed.FastOnly || failed.Act.IsZero() {
		t.Errorf("Revoke = %+v, want FastOnly and the act", failed)
	}
}

// Every effect fails once, with and without having taken place.
func TestOneFailureAnywhere(t *testing.T) {
	forEachEffect(t, func(t *testing.T, f failing) {
		t.Helper()
		for _, v := range []verdict{refuse, lose} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.fault = f.once(v)
				pr := w.start(t)
				_, err := pr.Revoke(t.Context(), f.request())
				checkAnswer(t, f, err)
				time.Sleep(time.Minute)
				checkEnd(t, w, err)
			})
		}
	})
}

// Every effect fails from some point on, for ever; then the outage ends.
func TestLastingFailureAnywhere(t *testing.T) {
	forEachEffect(t, func(t *testing.T, f failing) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.noBeats = true
			outage := true
			w.fault = func(n int, name string) verdict {
				if outage && n >= f.i && name == f.name {
					return refuse
				}
				return succeed
			}
			pr := w.start(t)
			s, err := pr.Revoke(t.Context(), f.request())
			checkAnswer(t, f, err)
			switch {
			case isCall(f.name):
				time.Sleep(100 * time.Hour)
			case f.kind == "user" && f.i == accepted-1: // one is enough, it takes a while
				time.Sleep(26 * time.Hour) // past half the life of an open act
			default:
				time.Sleep(time.Hour)
			}
			told := w.history(signOut, revokeToken)
			last := w.stored[s.Act.ID]
			switch {
			case isCall(f.name) && (last.Cognito.State != publisher.LegPending || last.Cognito.Code != "unreachable" || last.Act.State != revocation.StateOpen):
				t.Errorf("without Cognito the act is %+v", last)
			case isCall(f.name) && time.Until(time.Unix(last.Act.ExpiresAt, 0)) < 23*time.Hour:
				t.Errorf("the act ends at %v, in %v", last.Act.ExpiresAt, time.Until(time.Unix(last.Act.ExpiresAt, 0)))
			case !isCall(f.name) && f.i >= slices.IndexFunc(f.effects, isCall) && len(told) > 1:
				t.Errorf("Cognito was told %d times by one process, want once", len(told))
			case f.i > 0 && f.i < accepted && f.name != await && len(told) > 0 && last.Cognito.State == publisher.LegPending:
				t.Errorf("Cognito was told of a request that got no further than %q", f.name)
			}
			w.set(func() { outage = false })
			time.Sleep(6 * time.Minute)
			checkEnd(t, w, err)
		})
	})
}

// The process dies at every effect, before or after it took place; another one
// takes over.
func TestDeathAnywhere(t *testing.T) {
	forEachEffect(t, func(t *testing.T, f failing) {
		t.Helper()
		for _, v := range []verdict{dieBefore, dieAfter} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.fault = f.once(v)
				first := w.start(t)
				_, err := first.Revoke(t.Context(), f.request())
				if f.i >= accepted && err != nil || f.i < accepted && err == nil {
					t.Errorf("Revoke = %v", err)
				}
				synctest.Wait()
				first.kill()
				w.start(t)
				time.Sleep(time.Minute)
				checkEnd(t, w, err)
				recorded := 1 + slices.IndexFunc(f.effects, isCall)
				if told := took(w.history(signOut, revokeToken)); f.i > recorded+1 && recorded > 0 && len(told) != 1 {
					t.Errorf("Cognito was told %d times although its answer was recorded, want once", len(told))
				}
			})
		}
	})
}

func isCall(name string) bool { return slices.Contains(cognitoCalls, name) }
