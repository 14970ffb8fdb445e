package subscriber

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// An answer that is not whole, or does not reach what is known to exist, is
// not taken for the end of the stream: the view gets no proof from it, says
// why, and asks again until the answer is good.
func TestBadAnswersAreAskedAgain(t *testing.T) {
	long := func(_ context.Context, b batch) (batch, error) { // one message twice
		b.payloads = append(b.payloads, b.payloads[0])
		return b, nil
	}
	wrongEnd := func(_ context.Context, b batch) (batch, error) { // three messages cannot end there
		b.last = 3
		return b, nil
	}
	noEnd := func(_ context.Context, b batch) (batch, error) {
		b.last = 0
		return b, nil
	}
	for _, c := range []struct {
		name string
		bad  answer
		last uint64 // applied of the bad answer, from sequence 2 on
	}{
		{"request lost", lost, 1},
		{"first message lost", short(1), 1},
		{"all messages lost", short(3), 1},
		{"a message twice", long, 1},
		{"end before its messages", wrongEnd, 1},
		{"no end", noEnd, 1},
		{"replica lags by one", lagging(1), 3},
		{"replica lags by all", lagging(3), 1},
		{"status 404", nothing, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.tick()
				proved := time.Now()
				w.sleep(10 * time.Second)
				w.storeAct(session("a"))
				w.storeAct(session("b"))
				w.src.next(c.bad, c.bad)
				w.tick()
				w.wantLast(c.last)
				st := w.wantState(CatchingUp)
				if st.Stalled == nil || !st.AsOf.Equal(proved) {
					t.Errorf("as of %v, stalled %v; want %v and the reason", st.AsOf, st.Stalled, proved)
				}
				w.sleep(5 * retryMin) // both retries, and no tick
				w.wantRevoked("a")
				w.wantRevoked("b")
				w.wantLast(4)
				st = w.wantState(Live) // by the tick that waited for the hole to be filled
				if st.Stalled != nil || !st.AsOf.Equal(proved.Add(10*time.Second)) {
					t.Errorf("as of %v, stalled %v; want 10 s after %v and nil", st.AsOf, st.Stalled, proved)
				}
				if st.Counters.CatchUps != 2 || st.Counters.Holes != 1 {
					t.Errorf("counters %+v, want 2 catch-ups that came to the end and 1 hole", st.Counters)
				}
			})
		})
	}
}

// A replay whose second batch fails goes on behind the first one.
func TestReplayGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		for range 700 {
			src.store(revocation.Message{Acts: []revocation.Act{session("a")}}.Encode(), false, time.Now())
		}
		honest := func(_ context.Context, b batch) (batch, error) { return b, nil }
		src.next(honest, short(1))
		w := startWorld(t, src, zerolog.Nop())
		w.wantLast(500)
		w.sleep(retryMin)
		w.wantLast(700)
		if got, want := src.requests(), []uint64{1, 501, 501}; len(got) != 3 || got[2] != want[2] {
			t.Errorf("asked from %v, want %v", got, want)
		}
		if got := w.s.Status().Acts; got != 700 {
			t.Errorf("%d acts, want 700", got)
		}
	})
}

// Once caught up, Stalled is nil although no tick has come: what is waited for
// is named by the state.
func TestStalledEndsWithTheReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.next(lost)
		w := startWorld(t, src, zerolog.Nop())
		if st := w.wantState(CatchingUp); st.Stalled == nil || st.Counters.CatchUps != 0 {
			t.Errorf("stalled %v after %d catch-ups, want the reason and none", st.Stalled, st.Counters.CatchUps)
		}
		w.sleep(retryMin)
		if st := w.wantState(CatchingUp); st.Stalled != nil || st.Counters.CatchUps != 1 {
			t.Errorf("stalled %v after %d catch-ups, want nil and one", st.Stalled, st.Counters.CatchUps)
		}
	})
}

// Retries begin within 50 ms, slow down to one in 1 to 2 s and never end; a
// later failure begins anew.
func TestRetriesSlowDownAndGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		fail := func() {
			for range 10_000 {
				src.next(lost)
			}
		}
		fail()
		w := startWorld(t, src, zerolog.Nop())
		w.sleep(retryMin)
		if got := len(src.requests()); got != 2 {
			t.Errorf("%d requests within %v, want 2", got, retryMin)
		}
		w.sleep(10 * time.Second)
		src.requests()
		w.sleep(time.Hour)
		if got := len(src.requests()); got < 1800 || got > 3600 {
			t.Errorf("%d requests in an hour, want one in %v to %v", got, retryMax/2, retryMax)
		}
		src.mu.Lock()
		src.script = nil
		src.mu.Unlock()
		w.sleep(retryMax)
		w.tick()
		w.wantState(Live)
		src.requests()
		fail()
		w.send(event{reconnected: true})
		w.sleep(retryMin)
		if got := len(src.requests()); got != 2 {
			t.Errorf("%d requests within %v of the next failure, want 2", got, retryMin)
		}
	})
}

// While a retry is waited for, messages in sequence are applied, messages ahead
// ask for nothing more, and a reconnect ends the wait.
func TestEventsWhileARetryIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		first := w.storeAct(session("late"))
		second := w.storeAct(session("hole"))
		third := w.storeAct(session("ahead"))
		w.src.next(lost)
		w.src.requests()
		w.send(second, third)
		if got := len(w.src.requests()); got != 1 {
			t.Errorf("%d requests for one hole, want 1", got)
		}
		w.wantAccepted("late")
		w.send(first)
		w.wantRevoked("late")
		w.wantLast(2)
		w.send(event{reconnected: true})
		w.wantRevoked("hole")
		w.wantRevoked("ahead")
		w.sleep(2 * retryMax)
		if got := len(w.src.requests()); got != 1 {
			t.Errorf("%d requests after the reconnect, want 1 and no retry", got)
		}
	})
}

// What arrives while a batch is waited for is applied after it.
func TestEventsDuringABatchWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.next(func(_ context.Context, b batch) (batch, error) {
			time.Sleep(1500 * time.Millisecond)
			return b, nil
		})
		w := startWorld(t, src, zerolog.Nop())
		w.send(w.storeAct(session("a")), w.storeTick())
		w.wantLast(0)
		w.sleep(1500 * time.Millisecond)
		w.wantLast(2)
		w.wantRevoked("a")
		if st := w.wantState(Live); st.Staleness != 1500*time.Millisecond {
			t.Errorf("staleness %v, want the 1.5 s that the tick has waited", st.Staleness)
		}
	})
}

// Close returns at once from a batch that nobody answers, and twice, and from
// several goroutines; nothing runs on (the bubble would not end).
func TestCloseDuringCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.next(never)
		w := startWorld(t, src, zerolog.Nop())
		w.send(w.storeTick())
		begin := time.Now()
		for range 3 {
			go w.s.Close()
		}
		if err := w.s.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		if !src.closed || time.Since(begin) != 0 {
			t.Errorf("source closed: %v, after %v; want true, at once", src.closed, time.Since(begin))
		}
		if st := w.wantState(Closed); st.Stalled != nil {
			t.Errorf("stalled: %v, want nil: Close is no failure", st.Stalled)
		}
	})
}

// Close ends the wait for a retry.
func TestCloseWhileARetryIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.next(lost, lost, lost)
		w := startWorld(t, src, zerolog.Nop())
		src.requests()
		w.s.Close()
		w.sleep(time.Hour)
		if got := len(src.requests()); got != 0 {
			t.Errorf("%d requests after Close, want none", got)
		}
	})
}
