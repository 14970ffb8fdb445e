package subscriber

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// sentAct stores acts in one message that was sent at the given time.
func (w *world) sentAct(sent time.Time, acts ...revocation.Act) event {
	return w.store(revocation.Message{SentAt: sent, Acts: acts})
}

// wantDelays checks the sums of the delays of every path, and how many they
// are. Delays are whole milliseconds in messages.
func (w *world) wantDelays(want map[Path][]time.Duration) {
	w.Helper()
	got := make(map[Path][]time.Duration)
	for _, p := range w.s.Status().Propagation {
		if len(p.Counts) != len(p.Bounds)+1 {
			w.Fatalf("%d buckets for %d bounds", len(p.Counts), len(p.Bounds))
		}
		sum := time.Duration(0)
		for _, delay := range want[p.Path] {
			sum += delay
		}
		if diff := (p.Sum - sum).Abs(); diff >= time.Duration(len(want[p.Path])+1)*time.Millisecond {
			w.Errorf("%s: sum %v, want %v", p.Path, p.Sum, sum)
		}
		for i, n := range p.Counts {
			for range n {
				low, high := time.Duration(0), maxPropagation
				if i > 0 {
					low = p.Bounds[i-1]
				}
				if i < len(p.Bounds) {
					high = p.Bounds[i]
				}
				for _, delay := range want[p.Path] {
					if low < delay && delay <= high {
						got[p.Path] = append(got[p.Path], delay)
						break
					}
				}
			}
		}
		if int(p.Count()) != len(want[p.Path]) {
			w.Errorf("%s: %d acts, want %d", p.Path, p.Count(), len(want[p.Path]))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("delays by bucket (-want +got):\n%s", diff)
	}
}

// Each act counts once, by the copy that brings it into force.
func TestPropagationCountsEachActOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pass(2 * time.Second)
		w.wantDelays(map[Path][]time.Duration{})

		act := session("a")
		sent := time.Now()
		w.sleep(30 * time.Millisecond)
		w.send(w.sentAct(sent, act))
		w.sleep(time.Second)
		confirmed := act
		confirmed.State = revocation.StateConfirmed
		w.send(w.sentAct(sent, act), w.sentAct(time.Now(), confirmed))

		quick := session("b")
		sent = time.Now()
		w.sleep(4 * time.Millisecond)
		w.fast(sent, quick)
		w.sleep(3 * time.Second)
		w.fast(time.Now(), quick)
		w.send(w.sentAct(time.Now(), quick))

		lift := session("c")
		lift.State = revocation.StateLifted
		w.send(w.sentAct(time.Now(), lift))
		w.wantDelays(map[Path][]time.Duration{
			PathLive: {30 * time.Millisecond},
			PathFast: {4 * time.Millisecond},
		})
	})
}

// What a start finds in the stream says how long the node was away, not how
// long acts take. What a running node has missed does count.
func TestPropagationCountsWhatWasMissedAndNotWhatWasReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		old := revocation.Message{SentAt: time.Now().Add(-time.Minute), Acts: []revocation.Act{session("old")}}
		src.store(old.Encode(), false, time.Now().Add(-time.Minute))
		w := startView(t, src, viewWithoutBeats(zerolog.Nop()))
		w.pass(2 * time.Second)
		w.wantRevoked("old")
		w.wantDelays(map[Path][]time.Duration{})

		sent := time.Now()
		w.sentAct(sent, session("missed")) // and lost on its way
		w.sleep(400 * time.Millisecond)
		w.tick() // shows the hole
		w.wantRevoked("missed")
		w.wantDelays(map[Path][]time.Duration{PathCatchUp: {400 * time.Millisecond}})

		// Another history, read from its start.
		w.src.stored, w.src.head, w.src.epoch = nil, 0, "another"
		for range 10 {
			w.sentAct(time.Now(), session("restored"))
		}
		w.sleep(5 * time.Second)
		w.send(event{reconnected: true}, w.storeTick())
		w.wantRevoked("restored")
		if got := w.s.Status().Counters.Histories; got == 0 {
			t.Error("the other history was not noticed")
		}
		w.wantDelays(map[Path][]time.Duration{PathCatchUp: {400 * time.Millisecond}})
	})
}

// A wrong clock of the node never makes propagation look faster than it is. A
// sender's that is ahead is told from when the server stored the message.
func TestPropagationUnderWrongClocks(t *testing.T) {
	for name, c := range map[string]struct {
		node, sender, want time.Duration // offsets from the server's clock
	}{
		"all the same":    {want: 80 * time.Millisecond},
		"node is behind":  {node: -time.Second, want: 80 * time.Millisecond},
		"node is ahead":   {node: time.Second, want: 1080 * time.Millisecond},
		"sender is ahead": {sender: time.Second, want: 60 * time.Millisecond}, // since it was stored
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.skew = -c.node
				w.pass(2 * time.Second)
				sent := time.Now().Add(w.skew + c.sender)
				w.sleep(20 * time.Millisecond)
				ev := w.sentAct(sent, session("a"))
				w.sleep(60 * time.Millisecond)
				w.send(ev)
				w.wantDelays(map[Path][]time.Duration{PathLive: {c.want}})
			})
		})
	}
}

func TestLagIsWhatIsKnownToBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pass(2 * time.Second)
		for range 5 {
			w.storeAct(session("a"))
		}
		tick := w.storeTick()
		w.src.next(lost, lost, lost)
		w.send(tick)
		if got := w.s.Status().Lag; got != 6 {
			t.Errorf("lag %d while six messages are missing", got)
		}
		w.sleep(10 * time.Second)
		if st := w.s.Status(); st.Lag != 0 || st.LastSequence != tick.sequence {
			t.Errorf("lag %d at %d, want 0 at %d", st.Lag, st.LastSequence, tick.sequence)
		}
	})
}
