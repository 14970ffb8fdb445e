package subscriber

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const epoch = "epoch-1"

// fakeLink keeps what a node reports.
type fakeLink struct {
	ask chan *nats.Msg

	mu     sync.Mutex // guards the fields below
	said   []fleet.Report
	when   []time.Time
	broken []error
	closed bool
}

func (l *fakeLink) report(b []byte) {
	r, err := fleet.DecodeReport(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.broken = append(l.broken, err)
	}
	l.said, l.when = append(l.said, r), append(l.when, time.Now())
}

func (l *fakeLink) probes() <-chan *nats.Msg { return l.ask }

func (l *fakeLink) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// take returns the reports since the last call.
func (l *fakeLink) take() []fleet.Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := l.said
	l.said, l.when = nil, nil
	return said
}

// reportingWorld is a live node of an epoch that reports.
type reportingWorld struct {
	*world
	link *fakeLink
}

func newReportingWorld(t *testing.T, policy string) *reportingWorld {
	t.Helper()
	w := &reportingWorld{newWorld(t), &fakeLink{ask: make(chan *nats.Msg)}}
	w.send(w.store(revocation.Message{Beat: &revocation.Beat{ServiceID: "r", Epoch: epoch, Version: 1}}))
	w.tick()
	if policy != "" {
		w.s.DeclareStalePolicy(policy)
	}
	w.s.reportOver(w.link)
	synctest.Wait()
	return w
}

// probe asks and returns the receipts that come at once.
func (w *reportingWorld) probe(p fleet.Probe) []fleet.Receipt {
	w.Helper()
	w.link.take()
	w.link.ask <- &nats.Msg{Data: p.Encode()}
	synctest.Wait()
	return w.receipts()
}

// receipts returns those since the last call. A node may rest before it looks
// again at what it could not affirm.
func (w *reportingWorld) receipts() []fleet.Receipt {
	w.sleep(reconsiderPause)
	var all []fleet.Receipt
	for _, r := range w.link.take() {
		if r.Receipt != nil {
			all = append(all, *r.Receipt)
		}
	}
	return all
}

// wantReceipt checks that there was one, and what it says of one act.
func (w *reportingWorld) wantReceipt(what string, got []fleet.Receipt, want fleet.Reason) {
	w.Helper()
	if len(got) != 1 || got[0].Reason != want || got[0].Enforces(0) != (want == fleet.ReasonNone) {
		w.Errorf("%s: receipts %+v, want one with reason %q", what, got, want)
	}
}

func probeFor(seq uint64, acts ...revocation.Act) fleet.Probe {
	return fleet.Probe{ID: 7, Lasts: time.Minute, Sequence: seq, Epoch: epoch, Acts: acts, Fleet: 1}
}

func TestReportsHelloStatusAndGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		hello := w.link.take()
		if len(hello) != 1 || hello[0].Event != fleet.EventHello || hello[0].State != fleet.StateLive ||
			hello[0].Policy != fleet.PolicyFailClosed || hello[0].MaxStaleness != maxStaleness || hello[0].Epoch != epoch ||
			hello[0].Interval != 10*time.Second || hello[0].Sequence != 2 || hello[0].AsOf.IsZero() {
			t.Fatalf("hello %+v", hello)
		}
		start := time.Now()
		w.pass(5 * time.Minute)
		last := start
		for _, at := range w.link.when {
			if pause := at.Sub(last); pause > 10*time.Second || pause < 8*time.Second {
				t.Errorf("status after %v, want 8 to 10 s", pause)
			}
			last = at
		}
		if said := w.link.take(); len(said) < 30 || len(said) > 38 || said[0].Event != fleet.EventStatus || said[0].Instance != hello[0].Instance {
			t.Errorf("%d reports in 5 min, the first %+v", len(said), said[0])
		}
		w.s.Close()
		if bye := w.link.take(); len(bye) != 1 || bye[0].Event != fleet.EventGoodbye || bye[0].State != fleet.StateClosed || !w.link.closed {
			t.Errorf("at Close: %+v, link closed %v", bye, w.link.closed)
		}
		w.s.Close()
		if again := w.link.take(); len(again) != 0 || len(w.link.broken) != 0 {
			t.Errorf("after Close: %+v, broken %v", again, w.link.broken)
		}
	})
}

func TestReportsChangesSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "")
		if hello := w.link.take(); hello[0].Policy != fleet.PolicyUndeclared {
			t.Errorf("policy %v before anybody declared one", hello[0].Policy)
		}
		for _, step := range []struct {
			declare string
			want    fleet.Policy
			reports int
		}{
			{"fail-closed", fleet.PolicyFailClosed, 1},
			{"fail-closed", 0, 0},
			{"fail-open", fleet.PolicyFailOpen, 1},
			{"ask-cognito", 0, 0},
			{"report-only", fleet.PolicyReportOnly, 1},
			{"fail-closed", 0, 0},
		} {
			w.s.DeclareStalePolicy(step.declare)
			synctest.Wait()
			if said := w.link.take(); len(said) != step.reports || step.reports > 0 && said[0].Policy != step.want {
				t.Errorf("after %s: %+v, want %v", step.declare, said, step.want)
			}
		}
		w.sleep(maxStaleness + 2*time.Second)
		said := w.link.take()
		if newest := said[len(said)-1]; newest.State != fleet.StateStale || newest.Detail == "" {
			t.Errorf("when stale: %+v", newest)
		}
	})
}

// A policy of a later version is not taken for a safe one.
func TestUnknownPolicyCountsAsUndeclared(t *testing.T) {
	for name, want := range map[string]bool{
		"fail-closed": false, "fail-open": true, "ask-cognito": true, "report-only": true, "": true, "FAIL-CLOSED": true,
	} {
		var d declared
		d.add(fleet.ParsePolicy(name))
		if p, _ := d.get(); p.ServesStale() != want {
			t.Errorf("%q serves stale: %v, want %v", name, p.ServesStale(), want)
		}
		d.add(fleet.PolicyFailClosed)
		if p, _ := d.get(); p.ServesStale() != want {
			t.Errorf("%q beside fail-closed serves stale: %v, want %v", name, p.ServesStale(), want)
		}
	}
}

func TestReceiptForEveryKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		var acts []revocation.Act
		for _, kind := range revocation.Kinds() {
			a := session("id-" + kind.String())
			a.Target.Kind = kind
			if kind.HasCutoff() {
				a.Basis, a.Cutoff = revocation.BasisSession, time.Now().Unix()
			}
			if kind == revocation.KindUser {
				a.Target.ExceptSession = "spared"
			}
			if kind == revocation.KindPool {
				a.Target.ID = ""
			}
			acts = append(acts, a)
		}
		w.send(w.store(revocation.Message{Acts: acts}))
		got := w.probe(probeFor(3, acts...))
		if len(got) != 1 || got[0].Reason != fleet.ReasonNone {
			t.Fatalf("receipts %+v", got)
		}
		for i, a := range acts {
			if !got[0].Enforces(i) {
				t.Errorf("%s is not enforced", a.Target.Kind)
			}
		}
	})
}

// An older act refuses the same tokens: that says nothing about the new one.
func TestOlderActIsNoReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		w.send(w.storeAct(session("a")))
		w.wantRevoked("a")
		newer := session("a")
		w.wantReceipt("the older act", w.probe(probeFor(0, newer)), fleet.ReasonNotRefused)
		w.send(w.storeAct(newer))
		w.wantReceipt("both", w.receipts(), fleet.ReasonNone)
	})
}

// What the fast path alone has brought ends after two minutes.
func TestFastCopyIsNoReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		a := session("a")
		w.src.quic <- fastMsg(time.Now(), a)
		synctest.Wait()
		w.wantRevoked("a")
		w.wantReceipt("fast copy", w.probe(probeFor(3, a)), fleet.ReasonBehind)
		w.send(w.storeAct(a))
		w.wantReceipt("stored copy", w.receipts(), fleet.ReasonNone)
	})
}

func TestNoReceiptUnlessLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		a := session("a")
		w.send(w.storeAct(a))
		w.sleep(maxStaleness + time.Second)
		w.wantStale("other")
		w.wantRevoked("a")
		w.wantReceipt("stale", w.probe(probeFor(3, a)), fleet.ReasonNotLive)
		w.tick()
		w.wantReceipt("live again", w.receipts(), fleet.ReasonNone)
		w.src.next(lost)
		w.send(event{reconnected: true})
		w.wantState(CatchingUp)
		w.wantReceipt("catching up", w.probe(probeFor(3, a)), fleet.ReasonNotLive)
	})
}

func TestNoReceiptFromReportOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "report-only")
		w.s.DeclareStalePolicy("fail-closed") // on another route
		a := session("a")
		w.send(w.storeAct(a))
		w.wantReceipt("report-only", w.probe(probeFor(3, a)), fleet.ReasonReportOnly)
	})
}

// The receipt goes the way of requests: where Check is switched off, the act
// that the node holds counts for nothing.
func TestNoReceiptIfCheckIsSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		a := session("a")
		w.send(w.storeAct(a))
		r := &reporter{s: w.s, link: w.link, check: w.s.Check}
		if got := r.answer(probeFor(3, a)); got.Reason != fleet.ReasonNone || !got.Enforces(0) {
			t.Fatalf("with Check: %+v", got)
		}
		r.check = func(revocation.Token) error { return nil }
		if got := r.answer(probeFor(3, a)); got.Reason != fleet.ReasonNotRefused || got.Enforces(0) {
			t.Errorf("without Check: %+v", got)
		}
	})
}

func TestNoReceiptForOtherHistoryOrUnreadAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		a := session("a")
		w.send(w.storeAct(a))
		p := probeFor(3, a)
		p.Epoch = "epoch-2"
		w.wantReceipt("other epoch", w.probe(p), fleet.ReasonOtherEpoch)
		lifted := a
		lifted.State = revocation.StateLifted
		w.wantReceipt("lifted at the service", w.probe(probeFor(3, lifted)), fleet.ReasonNone)
		w.send(w.storeAct(lifted))
		w.wantReceipt("lifted here", w.probe(probeFor(3, a)), fleet.ReasonNotRefused)
	})
}

func TestProbesArePatientButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		a, b := session("a"), session("b")
		got := w.probe(probeFor(3, a, b))
		w.wantReceipt("nothing yet", got, fleet.ReasonBehind)
		w.send(w.storeAct(a))
		if got := w.receipts(); len(got) != 1 || !got[0].Enforces(0) || got[0].Enforces(1) {
			t.Errorf("after the first act: %+v", got)
		}
		w.pass(time.Second)
		if got := w.receipts(); len(got) != 0 {
			t.Errorf("nothing has changed: %+v", got)
		}
		if got := w.probe(probeFor(3, a, b)); len(got) != 1 || !got[0].Enforces(0) || got[0].Enforces(1) {
			t.Errorf("asked again: %+v", got)
		}
		w.pass(time.Minute + time.Second)
		w.receipts()
		w.send(w.storeAct(b))
		if got := w.receipts(); len(got) != 0 {
			t.Errorf("after the deadline: %+v", got)
		}
	})
}

func TestProbesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		a := session("a")
		for id := range uint64(maxProbes + 3) {
			p := probeFor(3, a)
			p.ID = id + 1
			w.link.ask <- &nats.Msg{Data: p.Encode()}
		}
		for _, junk := range []string{"", "x", string(make([]byte, fleet.MaxProbe+1))} {
			w.link.ask <- &nats.Msg{Data: []byte(junk)}
		}
		synctest.Wait()
		w.link.take()
		w.send(w.storeAct(a))
		var got []uint64
		for _, r := range w.receipts() {
			got = append(got, r.Probe)
		}
		slices.Sort(got) // the act may come while some were found unanswered again
		if len(got) != maxProbes || got[0] != 4 {
			t.Errorf("receipts of the probes %d, want those of the newest %d", got, maxProbes)
		}
		if n := w.s.Status().Ignored["probe_unreadable"]; n != 3 {
			t.Errorf("%d probes ignored, want 3", n)
		}
	})
}

func TestRollCallAndInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReportingWorld(t, "fail-closed")
		w.link.take()
		w.link.ask <- &nats.Msg{Data: fleet.Probe{ID: 1, Fleet: 1000}.Encode()}
		w.sleep(time.Second + time.Millisecond)
		if said := w.link.take(); len(said) != 1 || said[0].Interval != 100*time.Second || said[0].Receipt != nil {
			t.Fatalf("answer to a roll call of 1000 nodes: %+v", said)
		}
		w.pass(79 * time.Second)
		if said := w.link.take(); len(said) != 0 {
			t.Errorf("%d reports before the interval", len(said))
		}
		w.pass(21 * time.Second)
		if said := w.link.take(); len(said) != 1 {
			t.Errorf("%d reports in the interval, want 1", len(said))
		}
	})
}

// A node whose reports go nowhere follows the stream all the same.
func TestReporterMakesNobodyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWorld(t, newFakeSource(), zerolog.Nop())
		stuck := &stuckLink{fakeLink: fakeLink{ask: make(chan *nats.Msg)}, free: make(chan struct{})}
		w.s.reportOver(stuck)
		w.tick()
		w.send(w.storeAct(session("a")))
		w.tick()
		w.wantRevoked("a")
		w.wantState(Live)
		close(stuck.free)
	})
}

type stuckLink struct {
	fakeLink
	free chan struct{}
}

func (l *stuckLink) report([]byte) { <-l.free }
