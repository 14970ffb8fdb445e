package subscriber

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// fast delivers acts on the fast path, sent at the given time.
func (w *world) fast(sent time.Time, acts ...revocation.Act) {
	w.src.quic <- fastMsg(sent, acts...)
	synctest.Wait()
}

func fastMsg(sent time.Time, acts ...revocation.Act) *nats.Msg {
	return &nats.Msg{Data: revocation.Message{SentAt: sent, Acts: acts}.Encode()}
}

func (w *world) wantIgnored(reason string, want uint64) {
	w.Helper()
	if got := w.s.Status().Ignored[reason]; got != want {
		w.Errorf("ignored for %s: %d, want %d", reason, got, want)
	}
}

// An act that only the fast path has brought denies at once, for 120 s from
// the time it was sent, not from its arrival.
func TestProvisionalActLives120Seconds(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second, 119 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			sent := time.Now()
			w.pass(delay)
			w.fast(sent, session("a"))
			w.wantRevoked("a")
			if st := w.s.Status(); st.Acts != 1 || st.Provisional != 1 || st.Counters.Acts != 1 {
				t.Errorf("status %+v, want one act, provisional", st)
			}
			w.pass(provisionalLife - delay - time.Second)
			w.sleep(time.Second - 1)
			w.wantRevoked("a")
			w.sleep(1)
			w.tick()
			w.wantAccepted("a")
			if st := w.s.Status(); st.Acts != 0 {
				t.Errorf("%d acts after the end, want none", st.Acts)
			}
		})
	}
}

// Each repeat renews the time.
func TestRepeatsRenewAProvisionalAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		act := session("a")
		for range 5 {
			w.fast(time.Now(), act)
			w.pass(provisionalLife - time.Second)
			w.wantRevoked("a")
		}
		w.fast(time.Now().Add(-time.Minute), act) // an older copy takes nothing away
		w.wantRevoked("a")
		w.fast(time.Now(), act)
		w.fast(time.Now().Add(-time.Minute), act)
		w.pass(provisionalLife - time.Second)
		w.wantRevoked("a")
		w.pass(time.Second)
		w.wantAccepted("a")
	})
}

// A copy from the future counts no longer than one sent now.
func TestProvisionalActFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fast(time.Now().Add(24*time.Hour), session("a"))
		w.wantRevoked("a")
		w.pass(provisionalLife - time.Second)
		w.wantRevoked("a")
		w.pass(time.Second)
		w.wantAccepted("a")
	})
}

// Copies older than 120 s, without a time or unreadable are counted and
// ignored, and never make the view incomplete: the stream brings the same acts.
func TestUselessFastCopiesAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.fast(time.Now().Add(-provisionalLife), session("a"))
		w.fast(time.Now().Add(-time.Hour), session("a"))
		w.fast(time.Time{}, session("a"))
		w.wantIgnored("fast_late", 3)
		w.src.quic <- &nats.Msg{Data: []byte("\xff")}
		w.src.quic <- &nats.Msg{}
		synctest.Wait()
		w.wantIgnored("fast_unreadable", 2)
		w.src.quic <- &nats.Msg{Data: append(laterAct(revocation.NewActID(), 42, 1, 1<<32),
			revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{session("b")}}.Encode()...)}
		synctest.Wait()
		w.wantRevoked("b")
		w.wantAccepted("a")
		w.wantState(Live)
	})
}

// The fast path never lifts, neither a provisional act nor a stored one, and
// brings no act back that the stream has lifted.
func TestFastPathNeverLifts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stored, provisional, lifted := session("stored"), session("provisional"), session("lifted")
		lifted.State = revocation.StateLifted
		w.send(w.storeAct(stored), w.storeAct(lifted))
		w.tick()
		w.fast(time.Now(), provisional)
		for _, a := range []revocation.Act{stored, provisional} {
			a.State = revocation.StateLifted
			w.fast(time.Now(), a)
		}
		lifted.State = revocation.StateConfirmed
		w.fast(time.Now(), lifted)
		w.wantRevoked("stored")
		w.wantRevoked("provisional")
		w.wantAccepted("lifted")
	})
}

// Once the stream has brought the act, it lives as long as the act says: from
// then on neither the end of the provisional time nor a fast copy changes it.
func TestStreamMakesAProvisionalActPermanent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		act := session("a")
		w.fast(time.Now(), act)
		w.pass(time.Minute)
		w.send(w.storeAct(act))
		if st := w.s.Status(); st.Provisional != 0 || st.Acts != 1 {
			t.Errorf("%d acts, %d provisional; want 1, 0", st.Acts, st.Provisional)
		}
		longer := act
		longer.ExpiresAt += 24 * 3600
		w.fast(time.Now(), longer)
		w.pass(provisionalLife)
		w.wantRevoked("a")
		if got := w.s.Refusals(tokenOf("a")); len(got) != 1 || got[0] != act {
			t.Errorf("refusals %+v, want %+v", got, act)
		}
		lifted := act
		lifted.State = revocation.StateLifted
		w.send(w.storeAct(lifted))
		w.wantAccepted("a")
		w.fast(time.Now(), act)
		w.wantAccepted("a")
	})
}

// The fast path works while the stream is silent and the view stale, and
// proves nothing.
func TestFastPathIsNoProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fast(time.Now(), session("before"))
		w.wantRevoked("before")
		w.wantStale("other")
		w.tick()
		w.sleep(maxStaleness + 1)
		w.fast(time.Now(), session("after"))
		w.wantRevoked("after")
		w.wantStale("other")
	})
}

// A fast copy is applied while the follower waits for a batch.
func TestFastPathDuringCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.src.next(never)
		w.send(event{reconnected: true})
		w.fast(time.Now(), session("a"))
		w.wantRevoked("a")
	})
}
