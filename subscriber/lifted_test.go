package subscriber

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// AwaitLifted ends with the lift, with the act itself, or with ctx; never with
// a view that has not heard of the act yet.
func TestAwaitLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		lifted, unheard, never, ending := session("lifted"), session("unheard"), session("never"), session("ending")
		ending.ExpiresAt = time.Now().Add(30*time.Second - revocation.MaxLeeway).Unix()
		for _, a := range []revocation.Act{lifted, never, ending} {
			w.send(w.storeAct(a))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		for i, a := range []revocation.Act{lifted, unheard} {
			a.State = revocation.StateLifted
			time.AfterFunc(time.Duration(i+1)*10*time.Second, func() { w.src.live <- w.storeAct(a) })
		}
		time.AfterFunc(30*time.Second, func() { w.src.live <- w.storeAct(session("any")) })
		for _, c := range []struct {
			act   revocation.Act
			after time.Duration
			err   error
		}{
			{lifted, 10 * time.Second, nil},
			{lifted, 10 * time.Second, nil}, // at once
			{unheard, 20 * time.Second, nil},
			{ending, 30 * time.Second, nil},
			{never, time.Minute, context.DeadlineExceeded},
		} {
			err := w.s.AwaitLifted(ctx, c.act)
			if took := time.Since(begin); !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || took != c.after {
				t.Errorf("AwaitLifted(%s) = %v after %v, want %v after %v", c.act.Target.ID, err, took, c.err, c.after)
			}
			if err != nil && !strings.Contains(err.Error(), c.act.ID.String()) {
				t.Errorf("%v: want it to name the act", err)
			}
		}
	})
}

// A copy that ends after its act's lift is reported until a lift ends with it.
func TestOutlivedOverTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		act := session("a")
		lift := act
		lift.State = revocation.StateLifted
		w.send(w.storeAct(lift))
		if got := w.s.Outlived(); len(got) != 0 {
			t.Errorf("Outlived = %+v, want none", got)
		}
		late := act
		late.State, late.ExpiresAt = revocation.StateConfirmed, act.ExpiresAt+60
		w.send(w.storeAct(late))
		want := lift
		want.ExpiresAt = late.ExpiresAt
		if got := w.s.Outlived(); len(got) != 1 || got[0] != want {
			t.Errorf("Outlived = %+v, want %+v", got, want)
		}
		w.tick()
		w.wantAccepted("a")
		w.send(w.storeAct(want))
		if got := w.s.Outlived(); len(got) != 0 {
			t.Errorf("Outlived = %+v after that lift, want none", got)
		}
	})
}
