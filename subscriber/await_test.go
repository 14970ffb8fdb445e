package subscriber

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Who waits for an act is woken by that act, and by nothing else: each looks
// twice, whatever the others wait for and the stream brings.
func TestAwaitWakesOnlyWhoWaitsForTheAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiters = 64
		w := newWorld(t)
		acts := make([]revocation.Act, waiters)
		looked := make([]atomic.Int32, 2*waiters) // two wait for each act
		var done sync.WaitGroup
		for n := range acts {
			acts[n] = session(fmt.Sprint("act-", n))
		}
		for i := range looked {
			act := acts[i/2]
			done.Go(func() {
				if err := w.s.await(t.Context(), act, func() bool { looked[i].Add(1); return w.s.Enforces(act) }); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		for n, act := range acts {
			if n%2 == 0 {
				w.send(w.storeAct(act))
			} else {
				w.fast(time.Now(), act)
			}
			w.send(w.storeAct(session("of nobody")))
			w.pass(time.Second)
			for i := range looked {
				want := int32(1)
				if i/2 <= n {
					want = 2
				}
				if got := looked[i].Load(); got != want {
					t.Fatalf("after act %d the one who waits for act %d has looked %d times, want %d", n, i/2, got, want)
				}
			}
		}
		done.Wait()
		if left := len(w.s.view.watchers.waiters); left != 0 {
			t.Errorf("%d acts are waited for by nobody", left)
		}
	})
}

// An act that comes after the first look and before the wait is not missed.
func TestAwaitMissesNothingBetweenLookAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		act := session("a")
		looks := 0
		begin := time.Now()
		err := w.s.await(t.Context(), act, func() bool {
			if looks++; looks == 1 {
				w.send(w.storeAct(act))
				return false
			}
			return w.s.Enforces(act)
		})
		if err != nil || looks != 2 || !time.Now().Equal(begin) {
			t.Errorf("await = %v after %d looks and %v, want nil after 2 at once", err, looks, time.Since(begin))
		}
	})
}
