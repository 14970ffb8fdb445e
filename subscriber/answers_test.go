package subscriber

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// The refusal names the act and its kind, and nothing of the token.
func TestCheckNamesTheAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		act := session("a")
		w.send(w.storeAct(act))
		revoked, ok := errors.AsType[*revocation.RevokedError](w.s.Check(tokenOf("a")))
		if !ok || revoked.Act != act.ID || revoked.Kind != revocation.KindSession {
			t.Errorf("Check = %+v, want the act %s of kind session", revoked, act.ID)
		}
	})
}

// Every kind of act is refused by Check, listed by Refusals and, through the
// same code, said to be enforced.
func TestEnforcesEveryKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, kind := range revocation.Kinds() {
			act := revocation.Act{
				ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Unix() + 3600,
				Target: revocation.Target{Kind: kind, Pool: pool + kind.String(), ID: "x"},
			}
			if kind == revocation.KindPool {
				act.Target.ID = ""
			}
			if kind.HasCutoff() {
				act.Basis, act.Cutoff = revocation.BasisSession, time.Now().Unix()
			}
			if w.s.Enforces(act) {
				t.Errorf("%s: enforced before it was sent", kind)
			}
			w.send(w.storeAct(act))
			if !w.s.Enforces(act) {
				t.Errorf("%s: not enforced", kind)
			}
			if got, want := w.s.Refusals(act.Witness()), []revocation.Act{act}; !cmp.Equal(want, got) {
				t.Errorf("%s: refusals %+v, want %+v", kind, got, want)
			}
			if err := w.s.Check(act.Witness()); !isRevoked(err) {
				t.Errorf("%s: Check = %v, want ErrRevoked", kind, err)
			}
		}
	})
}

// An act is enforced only if that very act refuses: another one on the same
// target does not count, nor does an expired or lifted one.
func TestEnforcesThatVeryAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, second := session("a"), session("a")
		w.send(w.storeAct(first))
		if !w.s.Enforces(first) || w.s.Enforces(second) {
			t.Errorf("enforces first %v, second %v; want true, false", w.s.Enforces(first), w.s.Enforces(second))
		}
		w.send(w.storeAct(second))
		if got := len(w.s.Refusals(tokenOf("a"))); got != 2 {
			t.Errorf("%d refusals, want 2", got)
		}
		lifted := first
		lifted.State = revocation.StateLifted
		w.send(w.storeAct(lifted))
		if w.s.Enforces(first) || !w.s.Enforces(second) {
			t.Errorf("after the lift: enforces first %v, second %v; want false, true", w.s.Enforces(first), w.s.Enforces(second))
		}
		w.sleep(time.Hour + revocation.MaxLeeway)
		if w.s.Enforces(second) {
			t.Error("enforces an act that has ended")
		}
	})
}

// AwaitEnforced ends with the act, over either path, or with ctx.
func TestAwaitEnforced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		stored, fast, never := session("stored"), session("fast"), session("never")
		time.AfterFunc(10*time.Second, func() { w.src.live <- w.storeAct(stored) })
		time.AfterFunc(20*time.Second, func() {
			w.src.quic <- fastMsg(time.Now(), fast)
		})
		for _, c := range []struct {
			act   revocation.Act
			after time.Duration
			err   error
		}{
			{stored, 10 * time.Second, nil},
			{stored, 10 * time.Second, nil}, // at once
			{fast, 20 * time.Second, nil},
			{never, time.Minute, context.DeadlineExceeded},
		} {
			err := w.s.AwaitEnforced(ctx, c.act)
			if took := time.Since(begin); !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || took != c.after {
				t.Errorf("AwaitEnforced(%s) = %v after %v, want %v after %v", c.act.Target.ID, err, took, c.err, c.after)
			}
			if err != nil && !strings.Contains(err.Error(), c.act.ID.String()) {
				t.Errorf("%v: want it to name the act", err)
			}
		}
	})
}

// After Close a known revocation is still refused; everything else is stale.
func TestCheckAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(w.storeAct(session("a")))
		w.tick()
		w.wantAccepted("other")
		w.s.Close()
		w.wantRevoked("a")
		w.wantStale("other")
		if st := w.wantState(Closed); st.Reason != "" {
			t.Errorf("reason %q, want none", st.Reason)
		}
		w.s.Close()
		w.wantStale("other")
		w.wantState(Closed)
	})
}

// Readiness begins with the first complete and fresh view, and stays: an
// outage of NATS must not take every node out of the load balancers.
func TestReadinessLatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ask := func() (int, map[string]any) {
			rec := httptest.NewRecorder()
			w.s.ReadyHandler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody))
			if got := rec.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
			if got := rec.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("cache control %q", got)
			}
			var body map[string]any
			if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
				t.Fatalf("body %q: %v", rec.Body, err)
			}
			return rec.Code, body
		}
		expect := func(code int, want map[string]any) {
			t.Helper()
			got, body := ask()
			if diff := cmp.Diff(want, body); got != code || diff != "" {
				t.Errorf("status %d, want %d; body (-want +got):\n%s", got, code, diff)
			}
		}
		expect(503, map[string]any{"ready": false, "state": "catching_up", "sequence": 0.0})
		w.send(w.storeAct(session("a")))
		expect(503, map[string]any{"ready": false, "state": "catching_up", "sequence": 1.0})
		w.tick()
		asOf := "2000-01-01T00:00:00Z" // when bubbles begin
		expect(200, map[string]any{"ready": true, "state": "live", "sequence": 2.0, "as_of": asOf})
		w.sleep(time.Hour)
		expect(200, map[string]any{"ready": true, "state": "stale", "sequence": 2.0, "as_of": asOf,
			"reason": "no_tick"})
		w.s.Close()
		expect(200, map[string]any{"ready": true, "state": "closed", "sequence": 2.0, "as_of": asOf})
	})
}

// Check allocates nothing for a token that is accepted.
func TestCheckAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.send(w.storeAct(session("a")), w.storeTick())
		tok := tokenOf("other")
		tok.Groups, tok.DeviceKey = []string{"g", "h"}, "d"
		if got := testing.AllocsPerRun(1000, func() {
			if err := w.s.Check(tok); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%v allocations, want 0", got)
		}
	})
}

// Every change of state is logged once, with its reason, and nothing else is.
func TestStateChangesAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		w := startWorld(t, newFakeSource(), zerolog.New(&buf))
		for range 2 {
			w.pass(10 * time.Second)
			w.sleep(2 * maxStaleness)
		}
		w.pass(time.Second)
		w.s.Close()
		var got []string
		for line := range strings.Lines(buf.String()) {
			var l struct{ Level, Message, Component, State, Reason string }
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			if l.Message != "state changed" || l.Component != "subscriber" || (l.Reason != "") != (l.State == "stale") {
				t.Errorf("line %q", line)
			}
			got = append(got, l.Level+" "+l.State)
		}
		want := []string{"info live", "warn stale", "info live", "warn stale", "info live"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

// The names of the states are stable.
func TestStateNames(t *testing.T) {
	for s, want := range map[State]string{CatchingUp: "catching_up", Live: "live", Stale: "stale", Closed: "closed", 9: "state(9)"} {
		if got := s.String(); got != want {
			t.Errorf("State(%d) = %q, want %q", int(s), got, want)
		}
	}
}
