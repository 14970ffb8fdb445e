package subscriber

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// A complete replay without a tick proves nothing: the view is not fresh.
func TestNotFreshBeforeTheFirstTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.store(revocation.Message{Tick: true}.Encode(), true, time.Now()) // read, not heard
		src.store(revocation.Message{Acts: []revocation.Act{session("a")}}.Encode(), false, time.Now())
		w := startWorld(t, src, zerolog.Nop())
		w.wantLast(2)
		w.wantRevoked("a") // revoked wins
		w.wantStale("other")
		if st := w.wantState(CatchingUp); !st.AsOf.IsZero() || st.Staleness != 0 {
			t.Errorf("as of %v, staleness %v, want zero", st.AsOf, st.Staleness)
		}
		w.tick()
		w.wantAccepted("other")
		w.wantState(Live)
	})
}

// The boundary of MaxStaleness, exactly, is still fresh; a nanosecond later
// the view is stale, without any event, for tokens that are not known to be
// revoked. The next tick makes it live again.
func TestMaxStalenessToTheNanosecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(w.storeAct(session("a")))
		w.tick()
		w.sleep(maxStaleness)
		w.wantAccepted("other")
		w.wantState(Live)
		w.sleep(time.Nanosecond)
		w.wantStale("other")
		w.wantRevoked("a")
		if st := w.wantState(Stale); st.Reason != ReasonNoTick || st.Detail != "as of 1m0s ago, more than 1m0s" || st.Staleness != maxStaleness+1 {
			t.Errorf("reason %q, staleness %v", st.Reason, st.Staleness)
		}
		w.sleep(24 * time.Hour)
		w.wantStale("other")
		w.tick()
		w.wantAccepted("other")
		w.wantState(Live)
	})
}

// Messages that are not ticks prove nothing, however many arrive in sequence.
func TestActsAndBeatsAreNoProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		for range int(maxStaleness / time.Second) {
			w.sleep(time.Second)
			w.send(w.storeAct(session("a")), w.store(revocation.Message{Beat: &revocation.Beat{Epoch: "e"}}))
			// Only the subject of ticks makes a tick, not what is written in a payload.
			forged := w.storeTick()
			forged.tick = false
			w.send(forged, event{reconnected: true})
		}
		w.wantAccepted("other")
		w.sleep(time.Nanosecond)
		w.wantStale("other")
		w.wantState(Stale)
	})
}

// A tick ahead of the view proves freshness only once everything before it is
// applied, and then as of its own time.
func TestTickWaitsForWhatIsBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		first := time.Now()
		w.sleep(time.Second)
		for range 200 { // 33 s or more of retries
			w.src.next(lost)
		}
		w.storeAct(session("lost"))
		w.pass(30 * time.Second)
		if st := w.wantState(CatchingUp); !st.AsOf.Equal(first) {
			t.Errorf("as of %v while a hole is open, want %v", st.AsOf, first)
		}
		newest := time.Now()
		w.sleep(29 * time.Second)
		w.wantAccepted("other")
		w.sleep(time.Nanosecond)
		w.wantStale("other") // the ticks heard meanwhile do not help
		w.src.mu.Lock()
		w.src.script = nil
		w.src.mu.Unlock()
		w.sleep(retryMax)
		w.wantRevoked("lost")
		if st := w.wantState(Live); !st.AsOf.Equal(newest) {
			t.Errorf("as of %v, want %v, the newest tick that was heard", st.AsOf, newest)
		}
		w.sleep(time.Until(newest.Add(maxStaleness)))
		w.wantAccepted("other")
		w.sleep(time.Nanosecond)
		w.wantStale("other")
	})
}

// Of ticks that a link has held back nobody can say whether they bear the right
// time: they make nothing fresher, until one comes in time.
func TestLateTicksProveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pass(time.Minute)
		before := time.Now()
		var held []event
		for i := range 50 {
			time.Sleep(time.Second)
			w.skew = 0
			if i < 20 {
				w.skew = 5 * time.Second // the server's clock is ahead for a while
			}
			held = append(held, w.storeTick())
		}
		w.storeAct(session("new"))
		w.sleep(maxStaleness - time.Since(before))
		w.wantAccepted("other")
		w.send(held[:20]...)
		w.sleep(time.Nanosecond)
		w.wantStale("other")
		w.send(held[20:]...) // 10 s old
		w.wantStale("other")
		if st := w.wantState(Stale); !st.AsOf.Equal(before) {
			t.Errorf("as of %v, want %v, of the last tick that came in time", st.AsOf, before)
		}
		w.pass(time.Second)
		w.wantAccepted("other")
		w.wantRevoked("new")
		w.wantState(Live)
		w.src.mu.Lock()
		w.src.head = 0 // silence from here on
		w.src.mu.Unlock()
		w.sleep(maxStaleness)
		w.wantAccepted("other")
		w.sleep(time.Nanosecond)
		w.wantStale("other")
	})
}

// A tick that comes in time, but with a delay, is as old as its stamp and not as
// fresh as its arrival.
func TestADelayedTickBuysLessTime(t *testing.T) {
	for _, c := range []struct {
		delay time.Duration
		want  time.Duration // how long the view is fresh from the tick's arrival
	}{
		{maxClockOffset, maxStaleness - maxClockOffset},
		{maxClockOffset + 1, maxStaleness - maxClockOffset - time.Second - 1}, // by the tick before it
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.pass(10 * time.Second)
			w.sleep(time.Second)
			delayed := w.storeTick()
			w.sleep(c.delay)
			w.send(delayed)
			w.sleep(c.want)
			w.wantAccepted("other")
			w.sleep(time.Nanosecond)
			w.wantStale("other")
		})
	}
}

// Ticks that wait for a hole are bounded in number; those kept are the newest.
func TestWaitingTicksAreBounded(t *testing.T) {
	f := &follower{src: newFakeSource(), view: newView(maxStaleness, zerolog.Nop())}
	for seq := range uint64(10 * maxPendingTicks) {
		f.remember(tick{sequence: seq})
	}
	if len(f.ticks) != maxPendingTicks || f.ticks[maxPendingTicks-1].sequence != 10*maxPendingTicks-1 ||
		f.ticks[0].sequence != 9*maxPendingTicks {
		t.Errorf("%d ticks from %d to %d, want the newest %d", len(f.ticks), f.ticks[0].sequence,
			f.ticks[len(f.ticks)-1].sequence, maxPendingTicks)
	}
}

// After a long outage the view is stale until the hole is filled and a tick
// proves it; nothing needs a restart.
func TestRecoversFromALongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		for range 4 * 60 {
			w.sleep(time.Minute)
			w.storeTick()
		}
		w.storeAct(session("missed"))
		w.wantStale("missed")
		for range 2000 {
			w.src.next(lost)
		}
		w.send(event{reconnected: true})
		w.wantStale("missed")
		w.wantState(Stale)
		w.src.mu.Lock()
		w.src.script = nil
		w.src.mu.Unlock()
		w.sleep(retryMax)
		w.wantRevoked("missed")
		w.wantStale("other") // caught up, not proved
		w.pass(time.Second)
		w.wantAccepted("other")
		w.wantState(Live)
	})
}
