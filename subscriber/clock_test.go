package subscriber

import (
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/rs/zerolog"
)

// What has ended is removed by the clock that is behind. Ticks of a clock that is
// more than 2 s off prove nothing and remove nothing either; this holds without
// relying on that.
func TestEndedActsAreRemovedByTheClockThatIsBehind(t *testing.T) {
	early := time.Unix(1000, 0)
	late := early.Add(time.Hour)
	for _, c := range []struct{ asOf, now time.Time }{{early, late}, {late, early}} {
		if got := surelyPast(c.asOf, c.now); got != early.Unix() {
			t.Errorf("as of %v at %v: everything until %d is removed, want %d", c.asOf.Unix(), c.now.Unix(), got, early.Unix())
		}
	}
}

// A node whose clock is more than 2 s from the server's is stale, in both
// directions; 2 s exactly are accepted.
func TestClockOffset(t *testing.T) {
	for _, c := range []struct {
		name  string
		skew  time.Duration // of the server
		stale bool
	}{
		{"none", 0, false},
		{"server 2 s ahead", 2 * time.Second, false},
		{"server more than 2 s ahead", 2*time.Second + 1, true},
		{"server an hour ahead", time.Hour, true},
		{"server 2 s behind", -2 * time.Second, false},
		{"server more than 2 s behind", -2*time.Second - 1, true},
		{"server 50 s behind", -50 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.skew = c.skew
				w.send(w.storeAct(session("a")))
				w.pass(2 * offsetSamples * time.Second)
				w.wantRevoked("a")
				if got := w.s.Status().ClockOffset; got != -c.skew {
					t.Errorf("clock offset %v, want %v", got, -c.skew)
				}
				if !c.stale {
					w.wantAccepted("other")
					w.wantState(Live)
					return
				}
				w.wantStale("other")
				if st := w.wantState(Stale); st.Reason != "clock" {
					t.Errorf("reason %q, want the clock", st.Reason)
				}
				if w.s.view.ready.Load() {
					t.Error("ready, want not before the first fresh view")
				}
				w.skew = 0
				w.pass(offsetSamples * time.Second)
				w.wantAccepted("other")
				w.wantState(Live)
			})
		})
	}
}

// A server's clock that jumps ahead makes the node stale at once, and lets it
// recover when it is set right, without waiting for the wrong time to come.
// Nothing is forgotten by the wrong time.
func TestServerClockJumpsAndReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(w.storeAct(session("a"))) // ends in an hour
		w.pass(time.Minute)
		w.wantState(Live)
		w.skew = 24 * time.Hour
		w.pass(time.Second)
		w.wantStale("other")
		w.wantRevoked("a")
		w.skew = 0
		w.pass(offsetSamples * time.Second)
		w.wantAccepted("other")
		w.wantRevoked("a")
		if st := w.wantState(Live); !st.AsOf.Equal(time.Now()) || st.Acts != 1 {
			t.Errorf("as of %v with %d acts, want %v with 1", st.AsOf, st.Acts, time.Now())
		}
	})
}

// An act is removed once its expiry and the leeway have passed by the time of
// the ticks, and not by the node's clock alone.
func TestActsAreRemovedByAsOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		act := session("a")
		act.ExpiresAt = time.Now().Unix() + 10
		w.send(w.storeAct(act))
		const end = 310 * time.Second
		w.sleep(end - time.Second)
		w.tick()
		w.wantRevoked("a")
		w.sleep(24 * time.Hour) // in silence
		w.wantStale("a")        // inert, by the node's clock
		if got := w.s.Status().Acts; got != 1 {
			t.Errorf("%d acts without a tick after the end, want 1", got)
		}
		w.tick()
		w.wantAccepted("a")
		if got := w.s.Status().Acts; got != 0 {
			t.Errorf("%d acts after a tick past the end, want 0", got)
		}
	})
}

// A jump of the node's wall clock cannot prolong a proof, and a machine that
// slept (its monotonic clock stood still) is not fresh.
func TestCheckByBothClocks(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name             string
		monotonic, jumps time.Duration // since the proof
		stale            bool
	}{
		{"at the end", maxStaleness, 0, false},
		{"after the end", maxStaleness + 1, 0, true},
		{"wall clock set back", maxStaleness + 1, -time.Hour, true},
		{"wall clock set back in time", maxStaleness, -time.Hour, false},
		{"wall clock set ahead", time.Second, time.Hour, true},
		{"asleep until the end", time.Second, maxStaleness - time.Second, false},
		{"asleep for longer", time.Second, maxStaleness - time.Second + 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := viewWithoutBeats(zerolog.Nop())
			v.proven(now.Round(0), now)
			if err := v.check(jump(t, now.Add(c.monotonic), c.jumps)); isStale(err) != c.stale {
				t.Errorf("check %v after the proof, wall clock jumped %v: %v, want stale %v", c.monotonic, c.jumps, err, c.stale)
			}
		})
	}
}

// However far in the future a tick's time is, it proves no more than
// MaxStaleness from its arrival on.
func TestAProofLastsMaxStalenessAtMost(t *testing.T) {
	now := time.Now()
	for _, ahead := range []time.Duration{0, time.Nanosecond, time.Second, time.Hour} {
		v := viewWithoutBeats(zerolog.Nop())
		v.proven(now.Add(ahead).Round(0), now)
		if err := v.check(now.Add(maxStaleness)); err != nil {
			t.Errorf("tick %v ahead, after MaxStaleness: %v, want nil", ahead, err)
		}
		if err := v.check(now.Add(maxStaleness + 1)); !isStale(err) {
			t.Errorf("tick %v ahead, a nanosecond after MaxStaleness: %v, want ErrStale", ahead, err)
		}
	}
}

// A tick that is older than MaxStaleness when it is applied proves nothing,
// and does not make the node ready.
func TestAnOldTickProvesNothing(t *testing.T) {
	now := time.Now()
	v := viewWithoutBeats(zerolog.Nop())
	v.proven(now.Add(-maxStaleness-1).Round(0), now)
	if err := v.check(now); !isStale(err) || v.ready.Load() {
		t.Errorf("check = %v, ready %v; want ErrStale, false", err, v.ready.Load())
	}
}

// jump returns t with only its wall clock moved by d, as after a step of the
// system clock. It knows the layout of [time.Time], and says so if it changes.
func jump(tb testing.TB, t time.Time, d time.Duration) time.Time {
	tb.Helper()
	if d == 0 {
		return t
	}
	type layout struct {
		wall uint64 // 1 bit: has monotonic; 33 bits: seconds; 30 bits: nanoseconds
		ext  int64
		loc  *time.Location
	}
	moved := t
	wall := t.Round(0).Add(d)
	p := (*layout)(unsafe.Pointer(&moved))
	p.wall += uint64(wall.Unix()-t.Unix())<<30 + uint64(wall.Nanosecond()) - uint64(t.Nanosecond())
	if moved.Sub(t) != 0 || moved.Round(0).Sub(t.Round(0)) != d {
		tb.Fatalf("time.Time has another layout than this test knows: %v moved by %v is %v", t, d, moved)
	}
	return moved
}

// A tick whose delay hides that the server's clock is ahead waits for a hole to
// be filled. The next one shows it, and the first proves nothing any more.
func TestWrongClockSeenWhileATickWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pass(time.Minute)
		w.storeAct(session("missed"))
		w.skew = 5 * time.Second
		hidden := w.storeTick()
		w.sleep(4 * time.Second)
		w.src.next(lost)
		w.send(hidden, w.storeTick())
		w.sleep(retryMax)
		w.wantRevoked("missed")
		w.wantStale("other")
		if st := w.wantState(Stale); st.Reason != ReasonClock {
			t.Errorf("reason %q, want the clock", st.Reason)
		}
		w.skew = 0
		w.pass(offsetSamples * time.Second)
		w.wantAccepted("other")
	})
}
