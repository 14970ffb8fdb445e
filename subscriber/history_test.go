package subscriber

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// rollBack gives the stream back to what it held at a sequence, as a store
// that is restored from a copy. Nobody is told.
func (f *fakeSource) rollBack(to uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.stored[:0:0]
	for _, ev := range f.stored {
		if ev.sequence <= to {
			kept = append(kept, ev)
		}
	}
	f.stored, f.head = kept, to
}

// wipe makes the stream anew, with another epoch.
func (f *fakeSource) wipe() {
	f.rollBack(0)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch += "'"
}

func (w *world) wantHistory(part string) {
	w.Helper()
	w.wantStale("other")
	if st := w.wantState(Stale); st.Reason != ReasonHistory || !strings.Contains(st.Detail, part) {
		w.Errorf("reason %q: %q, want history and %q", st.Reason, st.Detail, part)
	}
}

// accept stores a beat that accepts the stream's epoch now, or so.
func (w *world) accept(after time.Duration) event {
	return w.store(revocation.Message{SentAt: time.Now(), Beat: &revocation.Beat{
		ServiceID: "s", Epoch: w.src.epoch, Accepted: revocation.Acceptance{Epoch: w.src.epoch, At: time.Now().Add(after)},
	}})
}

// A store that was restored while the node was away and then overtaken by new
// acts has another message in the place of the node's last: at once the view is
// the union of both histories, and stale until an operator accepts.
func TestRollbackWhileAwayOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.send(w.storeAct(session("old")), w.storeTick())
		w.wantLast(3)
		w.src.rollBack(1)
		w.sleep(10 * time.Second)
		for i := range 5 {
			w.storeAct(session(fmt.Sprint(i)))
		}
		w.send(event{reconnected: true})
		w.wantHistory("message 3 is another one")
		w.wantRevoked("old")
		w.wantRevoked("0") // its sequence is one that the node had applied
		w.pass(2 * time.Minute)
		w.wantHistory("message 3")
		if got := w.s.Status().Counters.Histories; got != 1 {
			t.Errorf("%d changes of history, want 1", got)
		}
		w.send(w.accept(0))
		w.tick()
		w.wantAccepted("other")
		w.wantState(Live)
		w.wantRevoked("old")
		w.wantRevoked("4")
	})
}

// The store is restored after the node has read what was in it, and before it
// has learned when the newest message of that was stored. In its place comes a
// tick, which looks like the one that was read.
func TestRollbackBeforeTheMarkIsKnown(t *testing.T) {
	for _, live := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.tick()
			w.storeAct(session("old"))
			w.storeTick()
			w.storeTick()
			w.src.mu.Lock()
			w.src.script = append(w.src.script, func(_ context.Context, honest batch) (batch, error) {
				w.src.mu.Lock()
				defer w.src.mu.Unlock()
				w.src.unread = errors.New("away for a while")
				return honest, nil
			})
			w.src.mu.Unlock()
			w.send(event{reconnected: true})
			w.wantLast(4)
			w.wantRevoked("old")

			w.src.rollBack(1)
			w.storeAct(session("a"))
			w.storeAct(session("b"))
			w.storeTick()
			if live { // contiguous with what the node has read
				w.send(w.storeAct(session("c")), w.storeTick())
			}
			w.src.mu.Lock()
			w.src.unread = nil
			w.src.mu.Unlock()
			w.sleep(2 * retryMax)
			w.tick()
			w.wantHistory("message 2 is another one")
			for _, id := range []string{"old", "a", "b"} {
				w.wantRevoked(id)
			}
		})
	}
}

// The same under a live connection: the first message at an earlier place with
// a later time makes the node look, before any tick could count.
func TestRollbackUnderALiveConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pass(10 * time.Second)
		w.send(w.storeAct(session("old")), w.storeTick())
		last := w.s.Status().LastSequence
		w.src.rollBack(last - 3)
		w.sleep(500 * time.Millisecond)
		w.send(w.storeAct(session("a"))) // below last: not there yet
		w.sleep(500 * time.Millisecond)
		w.wantAccepted("other") // the last proof is a second old
		w.tick()
		w.send(w.storeAct(session("b"))) // in the place of last
		w.sleep(retryMax)
		w.wantHistory("is another one")
		for _, id := range []string{"old", "a", "b"} {
			w.wantRevoked(id)
		}
	})
}

// A head below ours may be a replica that lags: the node asks on, ages, and
// only when that has lasted for MaxStaleness takes it for another history. What
// the shorter history holds is then enforced, and if the message is there after
// all, nothing was lost.
func TestHeadBelowOurs(t *testing.T) {
	for _, returns := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.pass(5 * time.Second)
			w.send(w.storeAct(session("old")), w.storeTick())
			last := w.s.Status().LastSequence
			whole := append([]event(nil), w.src.stored...)
			w.src.rollBack(last - 4)
			short := w.storeAct(session("short"))
			w.send(event{reconnected: true})
			w.sleep(maxStaleness - 5*time.Second)
			w.wantAccepted("other")
			w.wantAccepted("short")
			w.sleep(5*time.Second + retryMax)
			w.wantHistory("is gone before its time")
			w.wantRevoked("short")
			w.wantRevoked("old")
			if returns {
				w.src.mu.Lock()
				w.src.stored, w.src.head = append(whole[:last-4:last-4], short), last-3
				w.src.stored = append(w.src.stored, whole[last-3:]...)
				w.src.head = last
				w.src.mu.Unlock()
				w.pass(2 * time.Second)
				w.wantAccepted("other")
				w.wantState(Live)
				return
			}
			w.pass(20 * time.Second) // overtaken
			w.wantHistory("is another one")
		})
	}
}

// A message that was removed before its time counts as one of a lost history;
// one whose time has run out does not, and the whole stream is read again.
func TestMissingBeforeItsTimeRanOut(t *testing.T) {
	for _, c := range []struct {
		name string
		ttl  time.Duration // of the last message
		away time.Duration
		lost bool
	}{
		{"never ends", 0, 2 * time.Hour, true},
		{"ends later", 3 * time.Hour, 2 * time.Hour, true},
		{"has ended", time.Hour, 2 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.tick()
				ev := w.storeTick()
				if c.ttl > 0 {
					ev.expires = ev.at.Add(c.ttl)
				}
				w.send(ev)
				w.sleep(c.away)
				w.src.expire(ev.sequence)
				w.storeAct(session("missed"))
				w.src.requests()
				w.send(event{reconnected: true})
				w.pass(3 * time.Second)
				if !c.lost {
					w.wantAccepted("other")
					w.wantRevoked("missed")
					if got := w.src.requests(); len(got) == 0 || got[0] != 1 {
						t.Errorf("asked from %v, want from 1: nothing tells the history", got)
					}
					return
				}
				w.wantStale("other")
				w.pass(maxStaleness + retryMax)
				w.wantHistory("is gone before its time")
				w.wantRevoked("missed")
			})
		})
	}
}

// If the last message has ended in due course and the stream ends below it,
// that must not last either.
func TestHeadBelowAMessageThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pass(5 * time.Second)
		ev := w.storeTick()
		ev.expires = ev.at.Add(time.Hour)
		w.send(ev)
		w.sleep(2 * time.Hour)
		w.src.rollBack(2)
		w.send(event{reconnected: true})
		w.tick()
		w.wantStale("other") // a tick, but not beyond what the stream had
		w.sleep(maxStaleness + retryMax)
		w.wantHistory("the stream ends at 3, but had 6")
	})
}

// A stream that was made anew has another epoch, which each tick names.
func TestWipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.send(w.storeAct(session("old")))
		w.wantLast(2)
		w.src.wipe()
		w.sleep(time.Second)
		w.storeAct(session("new"))
		w.storeTick()
		w.send(w.storeTick()) // contiguous, as it happens: nothing seems missing
		w.wantHistory("the epoch was epoch-1 and is epoch-1'")
		w.wantRevoked("old")
		w.wantRevoked("new")
		w.send(w.accept(0))
		w.tick()
		w.wantAccepted("other")
	})
}

// Whoever has the service's credential can have the server remove every act by a
// header of one message. The node's newest message, a tick, is still there: only
// the message itself shows it.
func TestMessageThatRemovesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		old := w.storeAct(session("old"))
		w.send(old, w.storeTick())
		w.wantLast(2)
		w.src.expire(old.sequence)
		w.sleep(time.Second)
		last := w.storeAct(session("last"))
		last.rollsUp = true
		w.send(last, w.storeTick())
		w.wantHistory("message 3 has removed others")
		w.pass(5 * time.Second)
		w.wantHistory("message 3 has removed others")
		w.wantRevoked("old")
		w.wantRevoked("last")
		// The same again, as of a server that repeats it, or of somebody who has
		// stored messages sent here, is nothing new.
		w.send(w.accept(0))
		w.pass(time.Second)
		w.wantAccepted("other")
		w.send(last)
		w.pass(time.Second)
		w.wantAccepted("other")
	})
}

// The server's clock was ahead, and is right again when the stream is made
// anew: no message of the new one bears a time as late as the node's newest.
// The node looks all the same, long before the new stream is as long as the old.
func TestWipeAfterTheServersClockWasAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pass(3 * maxStaleness)
		w.skew = 10 * time.Minute
		w.send(w.storeAct(session("old")), w.storeTick())
		w.skew = 0
		w.src.wipe()
		w.pass(2 * maxStaleness)
		w.wantHistory("the epoch was epoch-1 and is epoch-1'")
		w.wantRevoked("old")
		w.send(w.accept(11 * time.Minute)) // later than what was lost
		w.tick()
		w.wantAccepted("other")
	})
}

// A start from a local file on a stream that was made anew, and is far from as
// long as the old one, takes the time that it takes to believe that: Open does
// not give up before, and begin once more, without end.
func TestStartAfterAWipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pass(10 * maxStaleness)
		w.send(w.storeAct(session("old")), w.storeTick())
		at := *w.s.position.Load()
		w.s.Close()
		w.src.wipe()
		src := newFakeSource()
		src.epoch = w.src.epoch
		again := &world{T: t, src: src}
		again.s = start(src, viewWithoutBeats(zerolog.Nop()), begin{deny: w.s.deny, maxActs: defaultMaxActs, at: at})
		defer again.s.Close()
		opened := make(chan error, 1)
		go func() {
			opened <- again.s.awaitFresh(t.Context(), settings{Config: Config{
				LocalFile: "acts", MaxStaleness: maxStaleness, AllowLostHistory: true,
			}})
		}()
		again.pass(2 * maxStaleness)
		select {
		case err := <-opened:
			if err != nil {
				t.Fatalf("Open = %v; it has to go on until what it misses counts as lost", err)
			}
		default:
			t.Fatalf("Open waits; status %+v", again.s.Status())
		}
		again.wantHistory("the epoch was epoch-1 and is epoch-1'")
		again.wantRevoked("old")
		again.send(again.accept(0))
		again.tick()
		again.wantAccepted("other")
	})
}

// An acceptance counts for the epoch that it names, and for histories that were
// lost before it: not for the next time.
func TestAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.send(w.accept(0)) // of an earlier change; nothing is lost now
		w.wantAccepted("other")
		w.pass(3 * time.Second)
		w.src.rollBack(2) // the copy holds that acceptance
		w.sleep(time.Second)
		for range 5 {
			w.storeTick()
		}
		w.send(event{reconnected: true})
		w.wantHistory("is another one")
		w.pass(5 * time.Second)
		w.wantHistory("is another one")
		foreign := w.store(revocation.Message{Beat: &revocation.Beat{Accepted: revocation.Acceptance{Epoch: "other", At: time.Now()}}})
		w.send(foreign)
		w.pass(time.Second)
		w.wantHistory("is another one")
		w.send(w.accept(0))
		w.pass(time.Second)
		w.wantState(Live)
		if got := w.s.Status().Accepted; got.Epoch != "epoch-1" || got.At.IsZero() {
			t.Errorf("accepted %+v, want it in the status", got)
		}
	})
}

// No tick counts between a reconnect and the answer that the last message is
// still the same: nothing else shows that a store was restored and overtaken.
func TestNoProofBeforeTheLastMessageIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		proven := w.s.Status().AsOf
		w.src.mu.Lock()
		w.src.unread = fmt.Errorf("no answer")
		w.src.mu.Unlock()
		w.send(event{reconnected: true})
		w.pass(10 * time.Second)
		w.send(w.storeAct(session("a")))
		w.wantRevoked("a") // applied all the same
		if got := w.s.Status().AsOf; !got.Equal(proven) {
			t.Errorf("as of %v without an answer, want %v", got, proven)
		}
		w.src.mu.Lock()
		w.src.unread = nil
		w.src.mu.Unlock()
		w.sleep(retryMax)
		if st := w.wantState(Live); !st.AsOf.After(proven) {
			t.Errorf("as of %v, want a later tick", st.AsOf)
		}
	})
}

// A view that was too old returns only after the last message was read again.
func TestReturnFromStaleReadsTheLastMessageAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.sleep(2 * maxStaleness)
		w.wantStale("other")
		w.src.rollBack(0)
		w.storeAct(session("another")) // in the place of the tick
		w.tick()                       // contiguous
		w.wantHistory("message 1 is another one")
		w.wantRevoked("another")
	})
}

// A view is complete only with a beat of the stream's epoch: an older one was
// written by a service that has not put its acts into the stream yet.
func TestCompleteOnlyWithABeatOfTheEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		beat := func(w *world, epoch string) event {
			return w.store(revocation.Message{SentAt: time.Now(), Beat: &revocation.Beat{ServiceID: "s", Epoch: epoch}})
		}
		wantService := func(w *world, part string) {
			t.Helper()
			if st := w.wantState(Stale); st.Reason != ReasonService || !strings.Contains(st.Detail, part) {
				t.Errorf("%s: %s, want service and %q", st.Reason, st.Detail, part)
			}
		}
		w := startView(t, newFakeSource(), newView(maxStaleness, zerolog.Nop()))
		w.tick()
		wantService(w, `no beat of epoch "epoch-1"`)
		w.send(beat(w, "another"))
		w.tick()
		wantService(w, `no beat of epoch "epoch-1"`)
		w.send(beat(w, "epoch-1"))
		w.tick()
		w.wantAccepted("other")
		if st := w.wantState(Live); !st.LastBeat.Equal(time.Now()) {
			t.Errorf("last beat %v, want now", st.LastBeat)
		}
		w.pass(maxSilence)
		w.wantAccepted("other")
		w.pass(time.Second)
		wantService(w, "no beat of the revoke service since 2000-01-01T00:00:00Z")
		w.send(beat(w, "epoch-1"))
		w.wantAccepted("other")
	})
}

// The library's notice that it has dropped messages starts a catch-up.
func TestDroppedMessagesAreAHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.storeAct(session("dropped"))
		w.send(event{dropped: true})
		w.wantRevoked("dropped")
		if got := w.s.Status().Counters.Dropped; got != 1 {
			t.Errorf("%d drops counted, want 1", got)
		}
	})
}

// An answer that ends early, because the server may not send as much at once,
// is asked for again in smaller pieces.
func TestSmallerBatchesAfterAnAnswerThatIsNotWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		for i := range 900 {
			src.store(revocation.Message{Acts: []revocation.Act{session(fmt.Sprint(i))}}.Encode(), false, time.Now())
		}
		const most = 70
		cut := func(_ context.Context, b batch) (batch, error) {
			if n := len(b.payloads); n > most {
				b.payloads, b.last = b.payloads[:most], b.last-uint64(n-most)
			}
			return b, nil
		}
		for range 1000 {
			src.next(cut)
		}
		w := startWorld(t, src, zerolog.Nop())
		w.sleep(time.Minute)
		w.wantLast(900)
		w.wantRevoked("899")
	})
}

// Acts that there is no room for make the view stale until there is, and all
// of them are held. None that was held is given up for another.
func TestFullDenylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		w := &world{T: t, src: src, s: start(src, viewWithoutBeats(zerolog.Nop()), begin{deny: denylist.New(), maxActs: 10})}
		t.Cleanup(func() { w.s.Close() })
		short := func(i int) revocation.Act {
			a := session(fmt.Sprint(i))
			a.ExpiresAt = time.Now().Add(10 * time.Second).Unix()
			return a
		}
		for i := range 10 {
			w.send(w.storeAct(short(i)))
		}
		w.tick()
		w.wantAccepted("other")
		w.send(w.storeAct(session("late")))
		w.tick()
		if st := w.wantState(Stale); st.Reason != ReasonFull || st.Counters.Refused != 1 || st.Acts != 10 {
			t.Errorf("%s: %+v, want full with 10 acts and one refused", st.Reason, st.Counters)
		}
		w.wantStale("other")
		w.wantRevoked("0")
		w.src.expire(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		w.pass(10*time.Second + revocation.MaxLeeway + retryMax)
		w.wantRevoked("late")
		w.wantAccepted("other")
		w.wantState(Live)
	})
}

// When there is room the stream is read anew, with what was left out. If it was
// rolled back before that is done, the node still knows what it had applied.
func TestRollbackWhileAFullDenylistIsReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		w := &world{T: t, src: src, s: start(src, viewWithoutBeats(zerolog.Nop()), begin{deny: denylist.New(), maxActs: 10})}
		t.Cleanup(func() { w.s.Close() })
		for i := range 10 {
			a := session(fmt.Sprint(i))
			a.ExpiresAt = time.Now().Add(10 * time.Second).Unix()
			w.send(w.storeAct(a))
		}
		w.send(w.storeAct(session("late")))
		w.tick()
		if st := w.wantState(Stale); st.Reason != ReasonFull {
			t.Fatalf("%s, want full", st.Reason)
		}
		src.mu.Lock()
		for range 1000 { // an outage
			src.script = append(src.script, func(context.Context, batch) (batch, error) { return batch{}, errors.New("no answer") })
		}
		src.mu.Unlock()
		w.pass(10*time.Second + revocation.MaxLeeway + retryMax)
		src.rollBack(5)
		for range 2000 {
			w.storeTick()
		}
		src.mu.Lock()
		src.script = nil
		src.mu.Unlock()
		w.pass(5 * time.Second)
		w.wantHistory("is another one")
	})
}
