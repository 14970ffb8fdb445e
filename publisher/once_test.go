package publisher_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func onceRequest(key, request byte) publisher.Request {
	req := userRequest()
	req.Once = publisher.Once{Key: publisher.OnceKey{key}, Request: [32]byte{request}}
	return req
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		first := pr.revoke(t, onceRequest(1, 1))
		again := pr.revoke(t, onceRequest(1, 1))
		if again.Act.ID != first.Act.ID || again.Act.Cutoff != first.Act.Cutoff {
			t.Errorf("the repeated request is act %s, want %s", again.Act.ID, first.Act.ID)
		}
		if other := pr.revoke(t, onceRequest(2, 1)); other.Act.ID == first.Act.ID {
			t.Error("another key is the same act")
		}
		if plain, same := pr.revoke(t, userRequest()), pr.revoke(t, userRequest()); plain.Act.ID == same.Act.ID {
			t.Error("requests without a key are the same act")
		}
		synctest.Wait() // until Cognito has confirmed them all
		before := len(w.history())
		if _, err := pr.Revoke(t.Context(), onceRequest(1, 2)); !errors.Is(err, publisher.ErrOnceConflict) {
			t.Errorf("another request under the key = %v, want ErrOnceConflict", err)
		}
		if n := len(w.history(put, appendAct, fast)); n == 0 || len(w.history()) != before {
			t.Error("a conflict had an effect")
		}
		// Another life of the process knows it too, as far as tasks are kept.
		pr.stop()
		if got := w.start(t).revoke(t, onceRequest(1, 1)); got.Act.ID != first.Act.ID {
			t.Errorf("after a restart it is act %s, want %s", got.Act.ID, first.Act.ID)
		}
	})
}

// After 24 hours the key is free.
func TestOnceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr := newWorld().start(t)
		first := pr.revoke(t, onceRequest(1, 1))
		time.Sleep(publisher.OnceFor - time.Second)
		if got := pr.revoke(t, onceRequest(1, 1)); got.Act.ID != first.Act.ID {
			t.Error("a second before the end it is another act")
		}
		time.Sleep(time.Second)
		second := pr.revoke(t, onceRequest(1, 2))
		if second.Act.ID == first.Act.ID {
			t.Error("after 24 hours it is the same act")
		}
		if got := pr.revoke(t, onceRequest(1, 2)); got.Act.ID != second.Act.ID {
			t.Error("the new request is not remembered")
		}
	})
}

// Requests of one key at the same time wait for the first.
func TestOnceAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.delay[put] = time.Second
		pr := w.start(t)
		var mu sync.Mutex
		acts := make(map[revocation.ActID]bool)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				s, err := pr.Revoke(t.Context(), onceRequest(1, 1))
				if err != nil {
					t.Errorf("Revoke = %v", err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				acts[s.Act.ID] = true
			})
		}
		all.Wait()
		if len(acts) != 1 {
			t.Errorf("%d acts, want one", len(acts))
		}
	})
}

// What could not be made durable is not answered as if it were; once a worker
// has finished it, it is the same act.
func TestOnceNotDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		w.set(func() { w.answer[appendAct] = errWorld })
		_, err := pr.Revoke(t.Context(), onceRequest(1, 1))
		undone, ok := errors.AsType[*publisher.NotDurableError](err)
		if !ok {
			t.Fatalf("Revoke = %v, want a NotDurableError", err)
		}
		_, err = pr.Revoke(t.Context(), onceRequest(1, 1))
		if again, ok := errors.AsType[*publisher.NotDurableError](err); !ok || again.Act != undone.Act {
			t.Errorf("repeated = %v, want a NotDurableError of act %s", err, undone.Act)
		}
		w.set(func() { delete(w.answer, appendAct) })
		time.Sleep(time.Minute)
		if got := pr.revoke(t, onceRequest(1, 1)); got.Act.ID != undone.Act {
			t.Errorf("later = act %s, want %s", got.Act.ID, undone.Act)
		}
	})
}

// If nothing was stored, the repeated request begins anew.
func TestOnceNothingStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		w.set(func() { w.answer[put] = errWorld })
		if _, err := pr.Revoke(t.Context(), onceRequest(1, 1)); !errors.Is(err, publisher.ErrNotDurable) {
			t.Fatalf("Revoke = %v, want ErrNotDurable", err)
		}
		w.set(func() { delete(w.answer, put) })
		pr.revoke(t, onceRequest(1, 1))
		// A request that is wrong is not remembered either.
		bad := onceRequest(2, 1)
		bad.Target.Pool = "eu-west-1_Other"
		if _, err := pr.Revoke(t.Context(), bad); err == nil {
			t.Error("Revoke in an unknown pool succeeded")
		}
		pr.revoke(t, onceRequest(2, 2))
		// Nor is it guessed what a store knows that does not answer.
		w.set(func() { w.answer["once"] = errWorld })
		if _, err := pr.Revoke(t.Context(), onceRequest(3, 1)); !errors.Is(err, publisher.ErrNotDurable) {
			t.Errorf("Revoke = %v, want ErrNotDurable", err)
		}
	})
}

// A lifted act stays the answer: the repeated request does not revoke again.
func TestOnceLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr := newWorld().start(t)
		first := pr.revoke(t, onceRequest(1, 1))
		if _, err := pr.Lift(t.Context(), publisher.LiftRequest{Acts: []revocation.ActID{first.Act.ID}}); err != nil {
			t.Fatal(err)
		}
		got := pr.revoke(t, onceRequest(1, 1))
		if got.Act.ID != first.Act.ID || got.Act.State != revocation.StateLifted {
			t.Errorf("repeated = %+v, want the lifted act", got.Act)
		}
	})
}
