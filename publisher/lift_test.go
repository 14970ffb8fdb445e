package publisher_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func liftOf(ids ...revocation.ActID) publisher.LiftRequest {
	return publisher.LiftRequest{Acts: ids, Reason: "a mistake", Operator: "operator-1"}
}

// lift carries out a lift that must succeed, and returns its one status.
func (pr *process) lift(t tester, id revocation.ActID) publisher.Status {
	t.Helper()
	list, err := pr.Lift(t.Context(), liftOf(id))
	if err != nil || len(list) != 1 {
		t.Fatalf("Lift = %+v, %v, want one status", list, err)
	}
	return list[0]
}

// checkLifted checks that the newest copy on the stream is the lift, and that
// it stays as long as any copy.
func checkLifted(t tester, w *world, id revocation.ActID) {
	t.Helper()
	var last effect
	var latest int64
	for _, e := range took(w.history(appendAct)) {
		if e.act.ID == id {
			last, latest = e, max(latest, e.act.ExpiresAt)
		}
	}
	counts := time.Unix(latest, 0).Add(revocation.MaxLeeway) // from then on no copy does
	if last.act.State != revocation.StateLifted || last.act.ExpiresAt != latest || last.at.Add(last.ttl).Before(counts) {
		t.Errorf("newest copy is %v until %d, gone at %v; want a lift until %d that is there until %v",
			last.act.State, last.act.ExpiresAt, last.at.Add(last.ttl), latest, counts)
	}
}

func TestLift(t *testing.T) {
	unproven := sessionRequest()
	unproven.Grant.AccessToken = ""
	for _, test := range []struct {
		name string
		req  publisher.Request
		wait time.Duration
		leg  publisher.LegState
	}{
		{"user, Cognito not told", userRequest(), 0, publisher.LegCanceled},
		{"session, Cognito not told", sessionRequest(), 0, publisher.LegCanceled},
		{"user, confirmed", userRequest(), time.Minute, publisher.LegDone},
		{"session, unproven", unproven, time.Minute, publisher.LegFailed},
		{"client", target(revocation.KindClient), 0, publisher.LegNotApplicable},
		{"pool, session basis", with(target(revocation.KindPool), sessionBasis), 0, publisher.LegNotApplicable},
		{"token", target(revocation.KindToken), time.Minute, publisher.LegNotApplicable},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.validity.Token = hour // a confirmed copy ends before the open one
				w.delay[signOut], w.delay[revokeToken] = 10*time.Second, 10*time.Second
				pr := w.start(t)
				before := pr.revoke(t, test.req)
				time.Sleep(test.wait)
				synctest.Wait()
				started := len(w.history())
				now := time.Now()
				s := pr.lift(t, before.Act.ID)

				want := publisher.Lift{At: now, Reason: "a mistake", Operator: "operator-1"}
				if s.Act.State != revocation.StateLifted || s.Lift != want || s.Cognito.State != test.leg || !s.Cognito.NextTry.IsZero() {
					t.Errorf("Lift = %+v, want a lifted act, %+v, and the leg %q", s, want, test.leg)
				}
				if s.Denied != before.Denied || s.Reason != before.Reason || s.StandingUntil() != 0 {
					t.Errorf("Lift = %+v, want the rest as it was in %+v", s, before)
				}
				effects := "put append await lift put"
				if test.leg == publisher.LegCanceled {
					effects = "put " + effects // of the attempt that the lift interrupts
				}
				if got := strings.Join(names(w.history()[started:]), " "); got != effects {
					t.Errorf("effects: %s; want %s", got, effects)
				}
				checkLifted(t, w, s.Act.ID)

				ended := len(w.history())
				time.Sleep(30 * time.Minute)
				if again := pr.lift(t, s.Act.ID); again != s || pr.status(t, s.Act.ID) != s {
					t.Errorf("second Lift = %+v, want %+v", again, s)
				}
				got := names(w.history()[ended:])
				got = slices.DeleteFunc(got, func(name string) bool { return name == put }) // nothing new
				if !slices.Equal(got, []string{awaitLift}) {
					t.Errorf("effects after the lift: %v, want none but that the second looks at the view", got)
				}
				if task := w.tasks()[0]; task.Grant != (publisher.Grant{}) || !task.Due.IsZero() {
					t.Errorf("task = %+v, want no grant and nothing due", task)
				}
				checkOrder(t, w)
			})
		})
	}
}

// A call that is under way is waited for, whatever its answer: the leg says
// what became of it.
func TestLiftWhileCognitoIsBeingTold(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer error
		want   publisher.Leg
	}{
		{"success", nil, publisher.Leg{State: publisher.LegDone, Attempts: 1}},
		{
			"no answer", &publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "timeout", Retry: true},
			publisher.Leg{State: publisher.LegCanceled, Attempts: 1, Code: "timeout"},
		},
		{
			"refusal", &publisher.CognitoError{Op: "AdminUserGlobalSignOut", Code: "NotAuthorizedException"},
			publisher.Leg{State: publisher.LegCanceled, Attempts: 1, Code: "NotAuthorizedException"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.onItsWay = 3 * time.Second
				if test.answer != nil {
					w.answer[signOut] = test.answer
				}
				pr := w.start(t)
				first := pr.revoke(t, userRequest())
				time.Sleep(time.Second) // the call has left
				start := time.Now()
				s := pr.lift(t, first.Act.ID)
				if took := time.Since(start); took != 2*time.Second {
					t.Errorf("Lift took %v, want it to wait for the answer after 2 s", took)
				}
				s.Cognito.DoneAt = time.Time{}
				if s.Cognito != test.want || s.Act.State != revocation.StateLifted {
					t.Errorf("Lift = %v, leg %+v; want lifted, %+v", s.Act.State, s.Cognito, test.want)
				}
				time.Sleep(day)
				if n := len(w.history(signOut)); n != 1 {
					t.Errorf("%d sign-outs, want the one that was under way", n)
				}
				checkLifted(t, w, s.Act.ID)
			})
		})
	}
}

func TestLiftOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		a, b := pr.revoke(t, target(revocation.KindClient)).Act.ID, pr.revoke(t, target(revocation.KindGroup)).Act.ID
		c := pr.revoke(t, target(revocation.KindDevice)).Act.ID
		before := len(w.history())

		unknown := revocation.NewActID()
		list, err := pr.Lift(t.Context(), liftOf(a, unknown, b))
		wrong, ok := errors.AsType[*publisher.UnknownActsError](err)
		if list != nil || !ok || !slices.Equal(wrong.Acts, []revocation.ActID{unknown}) || !errors.Is(err, publisher.ErrNotFound) ||
			!strings.Contains(err.Error(), unknown.String()) || strings.Contains(err.Error(), a.String()) {
			t.Errorf("Lift with an unknown id = %v, %v; want an UnknownActsError of that alone", list, err)
		}
		for _, ids := range [][]revocation.ActID{nil, make([]revocation.ActID, 501)} {
			_, err := pr.Lift(t.Context(), liftOf(ids...))
			if wrong, ok := errors.AsType[*publisher.RequestError](err); !ok || wrong.Field != "acts" {
				t.Errorf("Lift of %d ids = %v, want a RequestError for acts", len(ids), err)
			}
		}
		if got := names(w.history()[before:]); len(got) > 0 {
			t.Errorf("effects of wrong requests: %v", got)
		}

		// The second one fails, and the third is not begun.
		w.set(func() {
			lifts := 0
			w.fault = func(_ int, name string) verdict {
				if name == appendAct {
					if lifts++; lifts == 2 {
						return refuse
					}
				}
				return succeed
			}
		})
		list, err = pr.Lift(t.Context(), liftOf(a, a, b, c))
		failed, ok := errors.AsType[*publisher.LiftError](err)
		if !ok || !slices.Equal(failed.Left, []revocation.ActID{b, c}) || !errors.Is(err, publisher.ErrNotDurable) ||
			!errors.Is(err, errWorld) || !strings.Contains(err.Error(), b.String()+", "+c.String()) {
			t.Errorf("Lift = %v, want a LiftError with the second and third left", err)
		}
		if len(list) != 1 || list[0].Act.ID != a || list[0].Act.State != revocation.StateLifted {
			t.Errorf("Lift = %+v, want the first one lifted", list)
		}
		if s := pr.status(t, c); s.Act.State != revocation.StateConfirmed || s.Lift != (publisher.Lift{}) {
			t.Errorf("the third act = %+v, want it untouched", s)
		}
		time.Sleep(time.Minute) // a worker finishes what was begun
		if s := pr.status(t, b); s.Act.State != revocation.StateLifted {
			t.Errorf("the second act = %+v, want it lifted in the end", s)
		}
		list, err = pr.Lift(t.Context(), liftOf(c, b, a))
		if err != nil || len(list) != 3 || list[0].Act.ID != c || list[1].Act.ID != b || list[2].Act.ID != a {
			t.Errorf("Lift of all = %+v, %v, want them in the order of the request", list, err)
		}
		// A caller who has gone away gets no further.
		d := pr.revoke(t, target(revocation.KindPool)).Act.ID
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := pr.Lift(gone, liftOf(d)); !errors.Is(err, context.Canceled) {
			t.Errorf("Lift for nobody = %v, want context.Canceled", err)
		}
		if s := pr.status(t, d); s.Lift != (publisher.Lift{}) {
			t.Errorf("act = %+v, want it untouched", s)
		}
	})
}
