package subscriber

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// What arrives in sequence is applied, and the stream is asked only once, at
// the start.
func TestContiguousMessagesNeedNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.send(w.storeAct(session("a")), w.storeAct(session("b")), w.storeTick())
		w.wantRevoked("a")
		w.wantRevoked("b")
		w.wantAccepted("c")
		st := w.wantState(Live)
		want := Status{State: Live, AsOf: time.Now().UTC(), LastSequence: 4, Acts: 2, Epoch: "epoch-1",
			MaxStaleness: maxStaleness, MaxActs: defaultMaxActs, Kinds: st.Kinds, Propagation: st.Propagation,
			Counters: Counters{Acts: 2, CatchUps: 1}, Ignored: map[string]uint64{}}
		if st.Bytes <= 0 || st.Filter.Fill <= 0 || st.Filter.Fill >= 1 {
			t.Errorf("%d bytes, filter %+v, want some of each", st.Bytes, st.Filter)
		}
		if st.Kinds[revocation.KindSession] != 2 || len(st.Kinds) != len(revocation.Kinds()) {
			t.Errorf("kinds %v, want two sessions", st.Kinds)
		}
		want.Bytes, want.Filter = st.Bytes, st.Filter // package denylist checks them
		if diff := cmp.Diff(want, st); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		if got, want := w.src.requests(), []uint64{1}; !slices.Equal(got, want) {
			t.Errorf("asked from %v, want %v", got, want)
		}
	})
}

// A message that comes too early is a hole: what lies before it, and itself,
// is read from the stream at once.
func TestHoleIsFilledFromTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.storeAct(session("lost"))
		w.send(w.storeAct(session("heard")))
		w.wantRevoked("lost")
		w.wantRevoked("heard")
		w.wantLast(3)
		if got, want := w.src.requests(), []uint64{1, 2}; !slices.Equal(got, want) {
			t.Errorf("asked from %v, want %v", got, want)
		}
		if got := w.s.Status().Counters; got.Holes != 1 || got.CatchUps != 2 {
			t.Errorf("counters %+v, want 1 hole and 2 catch-ups", got)
		}
	})
}

// A tick is heard although acts before it are not: the hole is found within
// its second.
func TestTickAheadShowsWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.storeAct(session("lost"))
		w.pass(time.Second)
		w.wantRevoked("lost")
		w.wantState(Live)
	})
}

// A tick beyond a hole proves nothing while the hole is open, also if messages
// before the hole still come in.
func TestTickBeyondAHoleProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		proven := w.s.Status().AsOf
		w.sleep(5 * time.Second)
		late := w.storeAct(session("late"))
		w.storeAct(session("lost"))
		w.src.next(lost)
		w.send(w.storeTick(), late)
		w.wantRevoked("late")
		w.wantAccepted("lost") // the batch is still to be asked for again
		if got := w.s.Status().AsOf; !got.Equal(proven) {
			t.Errorf("as of %v with a hole before the tick, want %v", got, proven)
		}
		w.sleep(retryMin)
		w.wantRevoked("lost")
		if got := w.s.Status().AsOf; !got.After(proven) {
			t.Errorf("as of %v after the hole was filled", got)
		}
	})
}

// Messages at or below the last sequence change nothing, whatever they say. If
// they bear a later time than the newest message has, that one is read again,
// at most once a second.
func TestRepeatedMessagesChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		act := session("a")
		w.send(w.storeAct(act), w.storeTick())
		before := w.s.Status()
		w.src.requests()

		lifted := act
		lifted.State = revocation.StateLifted
		for seq := range uint64(4) {
			w.send(
				event{sequence: seq, at: time.Now().Add(time.Second), payload: revocation.Message{Acts: []revocation.Act{session("forged")}}.Encode()},
				event{sequence: seq, at: time.Now(), payload: revocation.Message{Acts: []revocation.Act{lifted}}.Encode()},
				event{sequence: seq, at: time.Now().Add(time.Hour), tick: true, payload: revocation.Message{Tick: true}.Encode()},
				event{sequence: seq, payload: []byte("not a message")},
			)
		}
		w.wantRevoked("a")
		w.wantAccepted("forged")
		after := w.s.Status()
		if after.Counters.Repeated != 16 {
			t.Errorf("%d messages counted as repeated, want 16", after.Counters.Repeated)
		}
		after.Counters.Repeated = 0
		if got := after.Counters.Rereads; got < 1 || got > 2 {
			t.Errorf("%d reads, want one or two", got)
		}
		after.Counters.Rereads = before.Counters.Rereads
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("status before and after (-before +after):\n%s", diff)
		}
		if got := w.src.requests(); len(got) != 0 {
			t.Errorf("asked from %v, want no request", got)
		}
	})
}

// Any order of delivery, with repeats, ends in the same complete view.
func TestOrderOfDeliveryDoesNotMatter(t *testing.T) {
	orders := [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 3, 2}, {2, 2, 0, 1, 1, 3}, {3}, {0, 3, 1}}
	for _, order := range orders {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.tick()
			events := []event{w.storeAct(session("a")), w.storeAct(session("b")), w.storeAct(session("c")), w.storeTick()}
			for _, i := range order {
				w.send(events[i])
			}
			for _, id := range []string{"a", "b", "c"} {
				w.wantRevoked(id)
			}
			w.wantLast(5)
			w.pass(time.Second) // the tick may have been read from the stream, which proves nothing
			if st := w.wantState(Live); !st.AsOf.Equal(time.Now()) {
				t.Errorf("order %v: as of %v, want %v", order, st.AsOf, time.Now())
			}
		})
	}
}

// A reconnect starts catch-up although nothing seems to be missing: messages
// may have passed while nobody listened.
func TestReconnectCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.storeAct(session("missed"))
		w.wantAccepted("missed")
		w.send(event{reconnected: true})
		w.wantRevoked("missed")
		st := w.wantState(CatchingUp) // until a tick has proved that this was all
		if st.Counters.Reconnects != 1 || st.Counters.CatchUps != 2 || st.Stalled != nil {
			t.Errorf("status %+v, want 1 reconnect, 2 catch-ups, not stalled", st)
		}
		w.wantAccepted("other") // the last proof holds
		w.pass(time.Second)
		w.wantState(Live)
	})
}

// The store has holes where messages have expired. They are not loss.
func TestExpiredMessagesAreNotLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		for range 20 {
			src.store(revocation.Message{Tick: true}.Encode(), true, time.Now())
		}
		act := revocation.Message{Acts: []revocation.Act{session("a")}}
		src.store(act.Encode(), false, time.Now())
		src.expire(1, 2, 3, 7, 8, 19)
		w := startWorld(t, src, zerolog.Nop())
		w.wantLast(21)
		w.wantRevoked("a")
		w.tick()
		w.wantState(Live)
		w.storeAct(session("b"))
		w.storeTick()
		w.src.expire(23)
		w.tick()
		w.wantLast(25)
		w.wantState(Live)
	})
}

// A replay is read in batches of 500, each from behind the last message of the
// one before; a full last batch is followed by a request that finds nothing.
func TestReplayInBatches(t *testing.T) {
	for _, c := range []struct {
		stored int
		asked  []uint64
	}{
		{0, []uint64{1}},
		{1, []uint64{1}},
		{499, []uint64{1}},
		{500, []uint64{1, 501}},
		{501, []uint64{1, 501}},
		{1200, []uint64{1, 501, 1001}},
	} {
		synctest.Test(t, func(t *testing.T) {
			src := newFakeSource()
			for range c.stored {
				src.store(revocation.Message{Acts: []revocation.Act{session("a")}}.Encode(), false, time.Now())
			}
			w := startWorld(t, src, zerolog.Nop())
			w.wantLast(uint64(c.stored))
			if got := src.requests(); !slices.Equal(got, c.asked) {
				t.Errorf("%d stored: asked from %v, want %v", c.stored, got, c.asked)
			}
			if got := w.s.Status().Acts; got != c.stored {
				t.Errorf("%d acts, want %d", got, c.stored)
			}
		})
	}
}

// A forged message with a sequence that does not exist costs requests, but the
// node goes on to follow, and to be fresh by, what is in sequence.
func TestForgedSequenceDoesNotStopTheNode(t *testing.T) {
	for _, forged := range []event{
		{sequence: math.MaxUint64, payload: revocation.Message{Acts: []revocation.Act{session("forged")}}.Encode()},
		{sequence: 1 << 40, tick: true, payload: revocation.Message{Tick: true}.Encode()},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.tick()
			forged.at = time.Now()
			w.send(forged)
			w.wantAccepted("forged")
			if st := w.wantState(CatchingUp); st.Stalled == nil {
				t.Error("not stalled, want the reason why the head is not reached")
			}
			for range 2 * int(maxStaleness/time.Second) {
				w.pass(time.Second)
				w.wantAccepted("other")
			}
			w.send(w.storeAct(session("a")))
			w.wantRevoked("a")
			w.storeAct(session("lost")) // a true hole is found, at the latest by the next retry
			w.pass(2 * retryMax)
			w.wantRevoked("lost")
			if asked := len(w.src.requests()); asked > 4*int(maxStaleness/time.Second) {
				t.Errorf("%d requests in two minutes, want them bounded", asked)
			}
		})
	}
}
