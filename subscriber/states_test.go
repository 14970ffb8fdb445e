package subscriber

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// The places in the package comment's diagram. Catching up is two: at first
// nothing is proven, later the last proof still counts.
const (
	atStart    = "catching_up"
	catchingUp = "catching_up, fresh"
	live       = "live"
	closed     = "closed"
)

func stale(r Reason) string { return "stale: " + string(r) }

// transition is an arrow of the diagram.
type transition struct {
	from, event, to string
	bring           func(w *world)
}

// cause is a reason of staleness, with what begins and what ends it.
type cause struct {
	Reason
	begin, end func(w *world)
}

// reasons of staleness, the gravest first.
var reasons = []cause{
	{ReasonHistory, (*world).overtaken, func(w *world) { w.send(w.accept(time.Second)); w.tick() }},
	{ReasonIncomplete, (*world).unreadable, func(w *world) { w.sleep(untilEnded); w.beat(); w.tick() }},
	{ReasonFull, (*world).fill, func(w *world) {
		w.src.expireAll()
		w.sleep(untilEnded)
		w.beat()
		w.pass(3 * time.Second) // room, all is read, proof
	}},
	{ReasonClock, func(w *world) { w.skew = 3 * time.Second; w.pass(offsetSamples * time.Second) }, func(w *world) {
		w.skew = 0
		w.pass(offsetSamples * time.Second)
	}},
	{ReasonService, func(w *world) { w.sleep(maxSilence + time.Second); w.tick() }, func(w *world) { w.beat(); w.tick() }},
	{ReasonNoTick, func(w *world) { w.sleep(maxStaleness + 1) }, (*world).tick},
}

// transitions other than those that begin and end a reason.
var transitions = []transition{
	{atStart, "an act", atStart, func(w *world) { w.send(w.storeAct(session("x"))) }},
	{atStart, "a beat and a tick", live, func(w *world) { w.beat(); w.tick() }},
	{atStart, "a tick and no beat", stale(ReasonService), (*world).tick},
	{atStart, "Close", closed, func(w *world) { w.s.Close() }},
	{live, "a tick", live, (*world).tick},
	{live, "an act", live, func(w *world) { w.send(w.storeAct(session("x"))) }},
	{live, "a hole", catchingUp, func(w *world) { w.mute(); w.storeAct(session("x")); w.send(w.storeAct(session("y"))) }},
	{live, "a tick ahead", catchingUp, func(w *world) { w.mute(); w.storeAct(session("x")); w.tick() }},
	{live, "a reconnect", catchingUp, func(w *world) { w.mute(); w.send(event{reconnected: true}) }},
	{live, "messages dropped", catchingUp, func(w *world) { w.mute(); w.send(event{dropped: true}) }},
	{live, "a beat of another epoch", stale(ReasonService), func(w *world) {
		w.send(w.store(revocation.Message{Beat: &revocation.Beat{ServiceID: "s", Epoch: "another"}}))
	}},
	{live, "Close", closed, func(w *world) { w.s.Close() }},
	{catchingUp, "answers, and no tick", catchingUp, (*world).unmute},
	{catchingUp, "answers and a tick", live, func(w *world) { w.unmute(); w.tick() }},
	{catchingUp, "silence until MaxStaleness", stale(ReasonNoTick), func(w *world) { w.sleep(maxStaleness + 1) }},
	{catchingUp, "Close", closed, func(w *world) { w.s.Close() }},
	{closed, "Close", closed, func(w *world) { w.s.Close() }},
}

// untilEnded is when what fill and unreadable bring has ended. They outlast the
// silence that begins ReasonService.
const untilEnded = 30*time.Hour + revocation.MaxLeeway

// Every arrow of the diagram leads where it says, and no other event leads
// away: the table is complete in the places and the reasons. Whatever the
// place, what is known to be revoked is refused as such.
func TestStates(t *testing.T) {
	table := slices.Clone(transitions)
	for _, r := range reasons {
		at := stale(r.Reason)
		table = append(table,
			transition{live, string(r.Reason) + " begins", at, r.begin},
			transition{at, string(r.Reason) + " ends", live, r.end},
			transition{at, "an act", at, func(w *world) { w.send(w.storeAct(session("x"))) }},
			transition{at, "Close", closed, func(w *world) { w.s.Close() }},
		)
		if r.Reason != ReasonNoTick {
			table = append(table, transition{at, "a tick, and the reason stays", at, (*world).tick})
		}
	}
	for _, row := range table {
		t.Run(fmt.Sprintf("%s, %s", row.from, row.event), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newStateWorld(t)
				w.reach(row.from)
				row.bring(w)
				w.wantPlace(row.to)
			})
		})
	}
}

// Of two reasons the graver is named, whichever came first.
func TestGraverReasonIsNamed(t *testing.T) {
	for i, graver := range reasons {
		for _, lesser := range reasons[i+1:] {
			for _, graverFirst := range []bool{true, false} {
				if lesser.Reason == ReasonNoTick && !graverFirst {
					continue // the tick that brings the other one ends it
				}
				t.Run(fmt.Sprintf("%s and %s, graver first %v", graver.Reason, lesser.Reason, graverFirst), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newStateWorld(t)
						w.reach(live)
						first, second := graver, lesser
						if !graverFirst {
							first, second = lesser, graver
						}
						first.begin(w)
						w.wantPlace(stale(first.Reason))
						second.begin(w)
						w.wantPlace(stale(graver.Reason))
					})
				})
			}
		}
	}
}

// newStateWorld starts a node with room for few acts, whose stream holds an act
// on the session "a".
func newStateWorld(t *testing.T) *world {
	t.Helper()
	src := newFakeSource()
	w := &world{T: t, src: src, s: start(src, newView(maxStaleness, zerolog.Nop()), begin{deny: denylist.New(), maxActs: 10})}
	t.Cleanup(func() { w.s.Close() })
	a := session("a")
	a.ExpiresAt += 1000 * 3600
	w.send(w.storeAct(a))
	return w
}

// reach brings a node that has just started to a place.
func (w *world) reach(place string) {
	w.Helper()
	switch place {
	case atStart:
	case live:
		w.beat()
		w.tick()
	case catchingUp:
		w.reach(live)
		w.mute()
		w.send(event{reconnected: true})
	case closed:
		w.s.Close()
	default:
		w.reach(live)
		i := slices.IndexFunc(reasons, func(r cause) bool { return stale(r.Reason) == place })
		reasons[i].begin(w)
	}
	w.wantPlace(place)
}

// wantPlace checks where the node says it is, and that Check agrees.
func (w *world) wantPlace(want string) {
	w.Helper()
	st := w.s.Status()
	err := w.s.Check(tokenOf("other"))
	got := st.State.String()
	switch {
	case st.State == Stale:
		got = stale(st.Reason)
	case st.State == CatchingUp && err == nil:
		got = catchingUp
	}
	if got != want {
		w.Fatalf("%s (%s), want %s", got, st.Detail, want)
	}
	fresh := want == live || want == catchingUp
	if fresh && err != nil || !fresh && !isStale(err) {
		w.Errorf("%s: Check of another session = %v", want, err)
	}
	if (st.Reason != "") != (st.State == Stale) {
		w.Errorf("%s: reason %q", want, st.Reason)
	}
	w.wantRevoked("a")
}

func (w *world) beat() {
	w.send(w.store(revocation.Message{SentAt: time.Now(), Beat: &revocation.Beat{ServiceID: "s", Epoch: w.src.epoch}}))
}

// mute lets no request be answered until unmute.
func (w *world) mute() {
	for range 1000 {
		w.src.next(lost)
	}
}

func (w *world) unmute() {
	w.src.mu.Lock()
	w.src.script = nil
	w.src.mu.Unlock()
	w.sleep(retryMax)
}

// overtaken puts another message in the place of the newest one, as in a store
// that was restored and went on.
func (w *world) overtaken() {
	w.sleep(time.Second)
	w.src.rollBack(w.src.head - 1)
	w.storeTick()
	w.send(event{reconnected: true})
}

func (w *world) unreadable() {
	w.send(w.storeRaw(laterAct(revocation.NewActID(), 42, 1, time.Now().Add(30*time.Hour).Unix())))
}

// fill brings more acts than there is room for.
func (w *world) fill() {
	for i := range 11 {
		a := session(fmt.Sprint("fill-", i))
		a.ExpiresAt = time.Now().Add(30 * time.Hour).Unix()
		w.send(w.storeAct(a))
	}
}

// expireAll removes every stored message but the first and the last.
func (f *fakeSource) expireAll() {
	for seq := uint64(2); seq < f.head; seq++ {
		f.expire(seq)
	}
}
