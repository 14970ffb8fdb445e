package publisher_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// A canary goes the way of every revocation, or it would prove nothing.
func TestCanaryTakesTheStepsOfARevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		defer pr.stop()
		pr.revoke(t, publisher.Request{Target: revocation.Target{Kind: revocation.KindToken, Pool: poolID, ID: "jti-1"}})
		real := w.history()
		canary, err := pr.Canary(t.Context(), 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		mine := w.history()[len(real):]
		if !slices.Equal(names(mine), names(real)) {
			t.Errorf("effects %q, want %q", names(mine), names(real))
		}
		act := canary.Act
		if act.Target.Kind != revocation.KindToken || act.Target.Pool != publisher.CanaryPool || act.State != revocation.StateConfirmed {
			t.Errorf("act %+v", act)
		}
		if canary.Operator != publisher.CanaryOperator || canary.Cognito.State != publisher.LegNotApplicable || canary.Denied.Sequence == 0 {
			t.Errorf("status %+v", canary)
		}
		for _, e := range mine {
			if most := 32*time.Second + revocation.MaxLeeway; e.name == appendAct && e.ttl > most {
				t.Errorf("the act stays for %v, want %v at most", e.ttl, most)
			}
		}
		again, err := pr.Canary(t.Context(), 30*time.Second)
		if err != nil || again.Act.Target == act.Target {
			t.Errorf("a second canary: %v, target %v again", err, again.Act.Target)
		}
		checkOrder(t, w)
	})
}

// Lists leave canaries out unless they are asked for, and none is kept for
// longer than nodes keep its act.
func TestCanariesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.noBeats = true
		pr := w.start(t)
		defer pr.stop()
		own := pr.revoke(t, userRequest())
		var last publisher.Status
		for range 20 {
			var err error
			if last, err = pr.Canary(t.Context(), 30*time.Second); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		all, err := pr.List(t.Context(), publisher.Query{Limit: 100})
		if err != nil || len(all) != 1 || all[0].Act.ID != own.Act.ID {
			t.Errorf("List = %+v, %v, want the revocation of the user alone", all, err)
		}
		canaries, err := pr.List(t.Context(), publisher.Query{Pool: publisher.CanaryPool, Limit: 100})
		if err != nil || len(canaries) == 0 || len(canaries) > 6 {
			t.Errorf("%d canaries are kept, %v, want those of the last 5 minutes and a half", len(canaries), err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if _, err := pr.Get(t.Context(), last.Act.ID); !errors.Is(err, publisher.ErrNotFound) {
			t.Errorf("Get of an old canary: %v, want ErrNotFound", err)
		}
	})
}

// Who stops does not wait for a canary, and nobody carries one on.
func TestCanaryIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.noBeats = true
		w.fault = func(_ int, name string) verdict {
			if name == appendAct {
				return refuse
			}
			return succeed
		}
		w.delay[appendAct] = 3 * time.Second
		pr := w.start(t)
		defer pr.stop()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begun := time.Now()
		_, err := pr.Canary(ctx, 30*time.Second)
		if undone, ok := errors.AsType[*publisher.NotDurableError](err); !ok || !undone.FastOnly {
			t.Errorf("Canary = %v, want a NotDurableError of what nodes were told on the fast path", err)
		}
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("Canary returned after %v, and ctx ended after 2s", took)
		}
		attempts := len(w.history(appendAct))
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if n := len(w.history(appendAct)); n != attempts {
			t.Errorf("the act was published %d times later", n-attempts)
		}
		if left, err := pr.List(t.Context(), publisher.Query{Pool: publisher.CanaryPool, Limit: 10}); err != nil || len(left) > 0 {
			t.Errorf("tasks left: %+v, %v", left, err)
		}
	})
}
