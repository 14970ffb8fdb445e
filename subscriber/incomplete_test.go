package subscriber

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// laterAct encodes a message with one act as a later version of the format
// might write it; version, id, kind and expiry are where every version has them.
func laterAct(id revocation.ActID, kind, version uint64, expires int64) []byte {
	var act []byte
	act = protowire.AppendTag(act, 1, protowire.VarintType)
	act = protowire.AppendVarint(act, version)
	act = protowire.AppendTag(act, 2, protowire.BytesType)
	act = protowire.AppendBytes(act, id[:])
	act = protowire.AppendTag(act, 3, protowire.VarintType)
	act = protowire.AppendVarint(act, kind)
	act = protowire.AppendTag(act, 5, protowire.VarintType)
	act = protowire.AppendVarint(act, uint64(expires))
	return protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), act)
}

func (w *world) storeRaw(payload []byte) event { return w.src.store(payload, false, time.Now()) }

// An act that cannot be read makes the view incomplete, naming kind and
// version, until its expiry and the leeway have passed by the time of the
// ticks; then the view is fresh again. What can be read is enforced meanwhile.
func TestUnreadableActMakesTheViewIncomplete(t *testing.T) {
	for _, c := range []struct {
		name          string
		kind, version uint64
		reason        string
	}{
		{"kind of later days", 42, 1, "an act of kind 42, version 1 cannot be read"},
		{"version of later days", 2, 7, "an act of kind 2, version 7 cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.tick()
				const life = 10 * time.Second
				raw := laterAct(revocation.NewActID(), c.kind, c.version, time.Now().Add(life).Unix())
				raw = append(raw, revocation.Message{Acts: []revocation.Act{session("a")}}.Encode()...)
				w.send(w.storeRaw(raw))
				w.wantRevoked("a")
				w.wantStale("other")
				if st := w.wantState(Stale); st.Reason != ReasonIncomplete || st.Detail != c.reason || st.Counters.Unreadable != 1 {
					t.Errorf("reason %q with %d unreadable, want %q with 1", st.Reason, st.Counters.Unreadable, c.reason)
				}
				err := w.s.Check(tokenOf("other"))
				if err == nil || !strings.Contains(err.Error(), c.reason) {
					t.Errorf("Check = %v, want it to name the reason", err)
				}
				w.pass(life + revocation.MaxLeeway - time.Second)
				w.wantStale("other")
				w.sleep(maxStaleness) // the node's clock alone ends nothing
				w.wantStale("other")
				if st := w.wantState(Stale); st.Reason != ReasonIncomplete || st.Detail != c.reason {
					t.Errorf("reason %q, want %q", st.Reason, c.reason)
				}
				w.pass(time.Second)
				w.wantAccepted("other")
				w.wantState(Live)
			})
		})
	}
}

// It is the same if the act is found in a replay.
func TestUnreadableActInAReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		w.storeRaw(laterAct(revocation.NewActID(), 42, 1, time.Now().Add(time.Hour).Unix()))
		w.pass(time.Second)
		w.wantStale("other")
		w.wantState(Stale)
	})
}

// A later copy extends the time of an unreadable act, an earlier one does not
// shorten it, and each act counts for itself.
func TestUnreadableCopiesMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tick()
		begin := time.Now()
		id := revocation.NewActID()
		copyUntil := func(id revocation.ActID, d time.Duration) event {
			return w.storeRaw(laterAct(id, 42, 1, begin.Add(d).Unix()))
		}
		w.send(copyUntil(id, 20*time.Second), copyUntil(id, 30*time.Second), copyUntil(id, 10*time.Second))
		w.send(copyUntil(revocation.NewActID(), 25*time.Second))
		w.pass(30*time.Second + revocation.MaxLeeway - time.Second)
		w.wantStale("other")
		w.pass(time.Second)
		w.wantAccepted("other")
	})
}

// What has no known end stays incomplete; a copy with an end does not help.
func TestUnreadableWithoutKnownEndStays(t *testing.T) {
	id := revocation.NewActID()
	for _, c := range []struct {
		name     string
		payloads [][]byte
	}{
		{"no message at all", [][]byte{[]byte("\xff\xff\xff")}},
		{"empty message", [][]byte{{}}},
		{"no expiry", [][]byte{laterAct(id, 42, 1, 0)}},
		{"no expiry, then one", [][]byte{laterAct(id, 42, 1, 0), laterAct(id, 42, 1, 946684900)}},
		{"an expiry, then none", [][]byte{laterAct(id, 42, 1, 946684900), laterAct(id, 42, 1, 0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.tick()
				for _, p := range c.payloads {
					w.send(w.storeRaw(p))
				}
				w.wantLast(uint64(1 + len(c.payloads)))
				for range 12 {
					w.sleep(time.Hour)
					w.tick()
				}
				w.wantStale("other")
				if st := w.wantState(Stale); st.Reason != "incomplete" {
					t.Errorf("reason %q, want incomplete", st.Reason)
				}
			})
		})
	}
}

// A server's clock that is ahead does not end what is unreadable.
func TestUnreadableIsNotForgottenByAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(w.storeRaw(laterAct(revocation.NewActID(), 42, 1, time.Now().Add(time.Hour).Unix())))
		w.skew = 24 * time.Hour
		w.pass(time.Second)
		w.skew = 0
		w.pass(offsetSamples * time.Second)
		w.wantStale("other")
		if st := w.wantState(Stale); st.Reason != "incomplete" {
			t.Errorf("reason %q, want incomplete", st.Reason)
		}
	})
}
