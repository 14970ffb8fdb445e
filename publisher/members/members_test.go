package members_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	lease = 85 * time.Second // of a node with the defaults
	epoch = "epoch-1"
)

// world is a tracker and the network between it and nodes that the test plays.
type world struct {
	*testing.T
	roll *sharedRoll
	t    *members.Tracker // the newest replica

	mu     sync.Mutex           // guards the fields below
	heard  []chan members.Heard // by every replica
	probes []fleet.Probe
	nodes  []*node
}

// bus is how one replica hears what all nodes say.
type bus struct {
	*world
	heard chan members.Heard
}

// Heard implements members.Bus.
func (b bus) Heard() <-chan members.Heard { return b.heard }

func (w *world) deliver(h members.Heard) {
	for _, ch := range w.heard {
		ch <- h
	}
}

// node is a process that answers probes by itself unless it is mute.
type node struct {
	w             *world
	service, name string
	instance      uint64
	policy        fleet.Policy
	reason        fleet.Reason // ReasonNone: it enforces whatever it is asked for
	mute          bool
	delay         time.Duration
}

func newWorld(t *testing.T, expect map[string]int) *world {
	t.Helper()
	w := &world{T: t, roll: newSharedRoll()}
	w.start(expect)
	return w
}

// start runs a replica of the service.
func (w *world) start(expect map[string]int) {
	w.Helper()
	b := bus{w, make(chan members.Heard, 1<<16)}
	w.mu.Lock()
	w.heard = append(w.heard, b.heard)
	w.mu.Unlock()
	tracker, err := members.New(members.Config{Bus: b, Roll: w.roll, Expect: expect, Epoch: func() string { return epoch }})
	if err != nil {
		w.Fatal(err)
	}
	w.t = tracker
	w.Cleanup(func() { tracker.Close() })
	synctest.Wait()
}

// Probe implements members.Bus.
func (w *world) Probe(b []byte) error {
	p, err := fleet.DecodeProbe(b)
	if err != nil {
		w.Errorf("probe: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes = append(w.probes, p)
	for _, n := range w.nodes {
		if n.mute {
			continue
		}
		if len(p.Acts) == 0 {
			n.say(fleet.EventStatus, nil)
			continue
		}
		r := fleet.Receipt{Probe: p.ID, Reason: n.reason}
		if n.reason == fleet.ReasonNone {
			r.SetEnforced(0)
		}
		if n.delay > 0 {
			time.AfterFunc(n.delay, func() { n.say(fleet.EventStatus, &r) })
		} else {
			n.say(fleet.EventStatus, &r)
		}
	}
	return nil
}

func (n *node) say(event fleet.Event, receipt *fleet.Receipt) {
	r := fleet.Report{
		Instance: n.instance, Event: event, State: fleet.StateLive, Policy: n.policy,
		MaxStaleness: time.Minute, Interval: 10 * time.Second, Epoch: epoch, Started: time.Now(), Receipt: receipt,
	}
	n.w.deliver(members.Heard{Service: n.service, Node: n.name, Payload: r.Encode()})
}

// join adds a node that fails closed and says hello.
func (w *world) join(service, name string) *node {
	w.mu.Lock()
	n := &node{w: w, service: service, name: name, instance: uint64(len(w.nodes) + 1), policy: fleet.PolicyFailClosed}
	w.nodes = append(w.nodes, n)
	w.mu.Unlock()
	n.say(fleet.EventHello, nil)
	synctest.Wait()
	return n
}

func (w *world) change(n *node, f func(*node)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(n)
}

// pass lets time go by in which every node that is not mute reports.
func (w *world) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(9*time.Second, time.Until(end)))
		w.mu.Lock()
		for _, n := range w.nodes {
			if !n.mute {
				n.say(fleet.EventStatus, nil)
			}
		}
		w.mu.Unlock()
		synctest.Wait()
	}
}

// meanwhile lets time go by in the background, and returns how to wait for it.
func (w *world) meanwhile(d time.Duration) (wait func()) {
	var done sync.WaitGroup
	done.Go(func() { w.pass(d) })
	return done.Wait
}

func question() members.Question {
	return members.Question{
		Act: revocation.Act{
			ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Add(time.Hour).Unix(),
			Target: revocation.Target{Kind: revocation.KindSession, Pool: "eu-west-1_A", ID: "s"},
		},
		Sequence: 9, AcceptedAt: time.Now(), Fresh: true,
	}
}

// await waits for at most d.
func (w *world) await(q members.Question, want members.Want, d time.Duration) members.Receipt {
	ctx, cancel := context.WithTimeout(w.Context(), d)
	defer cancel()
	return w.t.Await(ctx, q, want)
}

// wantReceipt checks counts and what stands in the way.
func (w *world) wantReceipt(r members.Receipt, enforced, total int, met bool, problems ...string) {
	w.Helper()
	var got []string
	for _, s := range r.Shortfalls {
		got = append(got, string(s))
	}
	for _, s := range r.Stragglers {
		got = append(got, s.Service+"/"+s.Node+" "+string(s.Reason))
	}
	if r.Enforced != enforced || r.Total != total || r.Met != met || !slices.Equal(got, problems) {
		w.Errorf("receipt %d/%d met %v %q, want %d/%d met %v %q", r.Enforced, r.Total, r.Met, got, enforced, total, met, problems)
	}
}

// sharedRoll is a roll that outlives replicas.
type sharedRoll struct {
	mu      sync.Mutex // guards the fields below
	entries map[members.Key]members.Entry
	follow  map[int]func(members.Key, *members.Entry)
	next    int
	broken  error
}

func newSharedRoll() *sharedRoll {
	return &sharedRoll{entries: map[members.Key]members.Entry{}, follow: map[int]func(members.Key, *members.Entry){}}
}

func (r *sharedRoll) Follow(ctx context.Context, put func(members.Entry), removed func(members.Key), caughtUp func()) error {
	type change struct {
		key members.Key
		e   *members.Entry
	}
	changes := make(chan change, 1000)
	r.mu.Lock()
	if r.broken != nil {
		defer r.mu.Unlock()
		return r.broken
	}
	stored := make([]members.Entry, 0)
	for _, e := range r.entries {
		stored = append(stored, e)
	}
	id := r.next
	r.next++
	r.follow[id] = func(key members.Key, e *members.Entry) { changes <- change{key, e} }
	r.mu.Unlock()
	defer func() { r.mu.Lock(); delete(r.follow, id); r.mu.Unlock() }()
	for _, e := range stored {
		put(e)
	}
	caughtUp()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-changes:
			if c.e == nil {
				removed(c.key)
			} else {
				put(*c.e)
			}
		}
	}
}

func (r *sharedRoll) Put(_ context.Context, e members.Entry) error { return r.set(e.Key, &e) }

func (r *sharedRoll) Remove(_ context.Context, key members.Key) error { return r.set(key, nil) }

func (r *sharedRoll) set(key members.Key, e *members.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return r.broken
	}
	if e == nil {
		delete(r.entries, key)
	} else {
		r.entries[key] = *e
	}
	for _, f := range r.follow {
		f(key, e)
	}
	return nil
}

func (r *sharedRoll) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.entries)
}

func (r *sharedRoll) breakIt(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = err
}

func TestAllEnforce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]int{"orders": 2})
		for i, name := range []string{"a", "b", "c"} {
			n := w.join("orders", name)
			n.delay = time.Duration(i+1) * time.Millisecond
		}
		w.join("payments", "a").delay = 10 * time.Millisecond
		w.pass(lease)
		r := w.await(question(), members.All, time.Minute)
		w.wantReceipt(r, 4, 4, true)
		want := []members.ServiceCount{{Service: "orders", Enforced: 3, Total: 3, Expected: 2}, {Service: "payments", Enforced: 1, Total: 1}}
		if diff := cmp.Diff(want, r.Services); diff != "" {
			t.Errorf("services (-want +got):\n%s", diff)
		}
		if !r.Measured || r.P50 != 2*time.Millisecond || r.P99 != 10*time.Millisecond {
			t.Errorf("measured %v, p50 %v, p99 %v, want 2 ms and 10 ms", r.Measured, r.P50, r.P99)
		}
		q := question()
		q.Fresh = false
		if r := w.await(q, members.All, time.Minute); !r.Met || r.Measured || r.P99 != 0 {
			t.Errorf("a question that came later has times: %+v", r)
		}
	})
}

func TestZeroMembersIsNeverSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.pass(2 * lease)
		for _, want := range []members.Want{members.All, members.Majority, members.AtLeast(1)} {
			w.wantReceipt(w.await(question(), want, time.Minute), 0, 0, false, "no_nodes")
		}
		n := w.join("orders", "a")
		w.wantReceipt(w.await(question(), members.All, time.Minute), 1, 1, true)
		n.mute = true
		n.say(fleet.EventGoodbye, nil)
		synctest.Wait()
		w.wantReceipt(w.await(question(), members.All, time.Minute), 0, 0, false, "no_nodes")
	})
}

// A replica that was started a second ago has not heard of everybody.
func TestYoungReplicaIsNeverSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.join("orders", "a")
		w.pass(time.Second)
		q := question()
		w.wantReceipt(w.await(q, members.All, 10*time.Second), 1, 1, false, "listening")
		w.wantReceipt(w.await(q, members.AtLeast(1), time.Second), 1, 1, false, "listening")
		wait := w.meanwhile(lease)
		w.wantReceipt(w.await(q, members.All, 2*lease), 1, 1, true)
		// After a gap in what it hears it is as young again.
		w.deliver(members.Heard{Gap: true})
		synctest.Wait()
		w.wantReceipt(w.await(question(), members.All, time.Second), 1, 1, false, "listening")
		wait()
	})
}

func TestRollThatCannotBeReadIsNeverSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, roll: newSharedRoll()}
		w.roll.broken = errors.New("no stream")
		w.start(nil)
		w.join("orders", "a")
		w.pass(2 * lease)
		w.wantReceipt(w.await(question(), members.All, time.Second), 1, 1, false, "listening")
		w.roll.breakIt(nil)
		w.pass(10 * time.Second)
		w.wantReceipt(w.await(question(), members.All, time.Second), 1, 1, true)
		if w.roll.size() != 1 {
			t.Errorf("%d nodes on the roll, want the one that could not be written before", w.roll.size())
		}
	})
}

func TestFewerThanExpectedIsNeverSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]int{"orders": 2, "payments": 1})
		w.join("orders", "a")
		w.join("orders", "b")
		w.pass(lease)
		r := w.await(question(), members.AtLeast(1), time.Second)
		w.wantReceipt(r, 2, 2, false, "fewer_than_expected")
		if diff := cmp.Diff([]members.ServiceCount{{Service: "orders", Enforced: 2, Total: 2, Expected: 2}, {Service: "payments", Expected: 1}}, r.Services); diff != "" {
			t.Errorf("services (-want +got):\n%s", diff)
		}
		w.join("payments", "a")
		w.wantReceipt(w.await(question(), members.All, time.Second), 3, 3, true)
	})
}

func TestMajorityIsOfEveryService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, name := range []string{"a", "b", "c"} {
			w.join("orders", name)
		}
		n := w.join("payments", "a")
		w.change(n, func(n *node) { n.reason = fleet.ReasonBehind })
		w.pass(lease)
		q := question()
		w.wantReceipt(w.await(q, members.Majority, time.Second), 3, 4, false, "payments/a behind")
		w.wantReceipt(w.await(q, members.AtLeast(3), time.Second), 3, 4, true, "payments/a behind")
		w.wantReceipt(w.await(q, members.AtLeast(4), time.Second), 3, 4, false, "payments/a behind")
		w.change(n, func(n *node) { n.reason = fleet.ReasonNone })
		w.wantReceipt(w.await(q, members.Majority, 10*time.Second), 4, 4, true)
		m := w.join("payments", "b")
		w.change(m, func(n *node) { n.mute = true })
		w.wantReceipt(w.await(question(), members.Majority, time.Second), 4, 5, false, "payments/b no_answer")
	})
}

// A node that fails closed and is silent is in the total until it can't accept
// anything any more, counted from the act: its reports may be all that is lost.
func TestSilentNodeThatFailsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.join("orders", "a")
		silent := w.join("orders", "b")
		w.pass(lease)
		w.change(silent, func(n *node) { n.mute = true })
		w.pass(10 * time.Minute)
		q := question()
		wait := w.meanwhile(2 * lease)
		w.wantReceipt(w.await(q, members.All, lease-time.Second), 1, 2, false, "orders/b silent")
		w.wantReceipt(w.await(q, members.All, 3*time.Second), 1, 1, true)
		// It comes back: then it is asked like all others.
		w.change(silent, func(n *node) { n.mute, n.reason = false, fleet.ReasonNotLive })
		silent.say(fleet.EventStatus, nil)
		synctest.Wait()
		w.wantReceipt(w.await(q, members.All, time.Second), 1, 2, false, "orders/b not_live")
		wait()
	})
}

func TestSilentNodeIsForgottenAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.join("orders", "a")
		silent := w.join("orders", "b")
		w.change(silent, func(n *node) { n.mute = true })
		w.pass(55 * time.Minute)
		if n := len(w.t.Members()); n != 2 || w.roll.size() != 2 {
			t.Errorf("%d members, %d on the roll, want 2", n, w.roll.size())
		}
		w.pass(10 * time.Minute)
		if n := len(w.t.Members()); n != 1 || w.roll.size() != 1 {
			t.Errorf("%d members, %d on the roll, want 1", n, w.roll.size())
		}
	})
}

// Who measures takes the nodes that are known for all, from the start, and does
// not wait for those that enforce nothing by their policy. That is no proof:
// who wants that waits for all.
func TestKnownNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.wantReceipt(w.await(question(), members.Known, time.Second), 0, 0, false, "no_nodes")
		reporting := w.join("orders", "r")
		w.change(reporting, func(n *node) { n.policy, n.reason = fleet.PolicyReportOnly, fleet.ReasonReportOnly })
		w.pass(10 * time.Second)
		w.wantReceipt(w.await(question(), members.Known, time.Second), 0, 1, false)

		w.join("orders", "a")
		slow := w.join("payments", "b")
		w.change(slow, func(n *node) { n.delay = 2 * time.Second })
		q := question()
		w.wantReceipt(w.await(q, members.Known, time.Minute), 2, 3, true)
		w.wantReceipt(w.await(q, members.All, time.Second), 2, 3, false, "listening", "orders/r report_only")
		r, took, err := w.t.Conclude(q.Act.ID, members.Known)
		w.wantReceipt(r, 2, 3, true)
		if err != nil || len(took["orders"]) != 1 || took["orders"][0] > time.Second || len(took["payments"]) != 1 || took["payments"][0] < 2*time.Second {
			t.Errorf("Conclude = %v, %v, want one time of each service, of payments 2s or more", took, err)
		}
		if got := r.Services[0]; got.ReportOnly != 1 || got.Total != 2 || got.Enforced != 1 {
			t.Errorf("orders %+v, want one of two that reports only", got)
		}
		if _, known := w.t.Receipt(q.Act.ID, members.Known); known {
			t.Error("what was concluded is still known")
		}
		if _, _, err := w.t.Conclude(q.Act.ID, members.Known); !errors.Is(err, members.ErrNotAsked) {
			t.Errorf("Conclude again = %v, want ErrNotAsked", err)
		}

		w.change(slow, func(n *node) { n.mute = true })
		w.wantReceipt(w.await(question(), members.Known, 5*time.Second), 1, 3, false, "payments/b no_answer")
	})
}

// A node that serves while stale may accept what was revoked for as long as it
// runs: no time that passes is proof, and no restart of the service forgets it.
func TestSilentNodeThatFailsOpenIsUnprovenForGood(t *testing.T) {
	for _, policy := range []fleet.Policy{fleet.PolicyUndeclared, fleet.PolicyFailOpen, fleet.PolicyAskCognito, fleet.PolicyReportOnly, 200} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.join("orders", "a")
			silent := w.join("orders", "b")
			w.change(silent, func(n *node) { n.policy = policy })
			w.pass(lease)
			w.change(silent, func(n *node) { n.mute = true })
			w.pass(30 * time.Second)
			w.wantReceipt(w.await(question(), members.All, time.Second), 1, 2, false, "orders/b silent")
			w.pass(3 * time.Hour)
			q := question()
			w.wantReceipt(w.await(q, members.All, time.Second), 1, 2, false, "orders/b unproven")
			if got := w.t.Members()[1]; !got.Silent || !got.Unproven || !got.LeaseEnds.IsZero() {
				t.Errorf("Members: %+v", got)
			}

			w.t.Close()
			w.heard = nil
			w.start(nil)
			w.pass(3 * time.Hour)
			w.wantReceipt(w.await(q, members.All, time.Second), 1, 2, false, "orders/b unproven")

			// Only an operator's word takes it out, on every replica.
			if _, err := w.t.Remove(t.Context(), "orders", "a"); !errors.Is(err, members.ErrNotSilent) {
				t.Errorf("Remove of a live node: %v", err)
			}
			if _, err := w.t.Remove(t.Context(), "orders", "x"); !errors.Is(err, members.ErrUnknownNode) {
				t.Errorf("Remove of nobody: %v", err)
			}
			other := w.t
			w.start(nil)
			w.pass(lease)
			if n, err := other.Remove(t.Context(), "orders", "b"); n != 1 || err != nil {
				t.Errorf("Remove = %d, %v", n, err)
			}
			synctest.Wait()
			w.wantReceipt(w.await(q, members.All, time.Second), 1, 1, true)
			// If the operator was wrong, it is back with its next word.
			silent.say(fleet.EventStatus, nil)
			synctest.Wait()
			w.wantReceipt(w.await(q, members.AtLeast(2), time.Second), 1, 2, false, "orders/b no_answer")
		})
	}
}

// An enforcing node that falls silent afterwards still holds the act.
func TestProofOutlastsSilenceButNotARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		n := w.join("orders", "a")
		w.pass(lease)
		q := question()
		w.wantReceipt(w.await(q, members.All, time.Second), 1, 1, true)
		w.change(n, func(n *node) { n.mute = true })
		w.pass(time.Minute)
		w.wantReceipt(w.await(q, members.All, time.Second), 1, 1, true)
		again := w.join("orders", "a")
		w.change(again, func(n *node) { n.reason = fleet.ReasonNotLive })
		w.wantReceipt(w.await(q, members.All, time.Second), 1, 2, false, "orders/a not_live")
	})
}

func TestProofIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		n := w.join("orders", "a")
		b := w.join("orders", "b")
		w.change(b, func(n *node) { n.reason = fleet.ReasonBehind })
		w.pass(lease)
		q := question()
		w.wantReceipt(w.await(q, members.All, time.Second), 1, 2, false, "orders/b behind")
		for _, reason := range []fleet.Reason{fleet.ReasonNotLive, fleet.ReasonBehind} {
			w.change(n, func(n *node) { n.reason = reason })
			w.wantReceipt(w.await(q, members.All, time.Second), 1, 2, false, "orders/b behind")
		}
		w.change(n, func(n *node) { n.reason = fleet.ReasonNotRefused })
		w.wantReceipt(w.await(q, members.All, 3*time.Second), 0, 2, false, "orders/a not_refused", "orders/b behind")
		w.change(n, func(n *node) { n.reason, n.policy = fleet.ReasonNone, fleet.PolicyReportOnly })
		w.wantReceipt(w.await(q, members.All, 3*time.Second), 0, 2, false, "orders/a no_answer", "orders/b behind")
	})
}

func TestReceiptWithoutAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.join("orders", "a")
		w.pass(lease)
		q := question()
		if _, known := w.t.Receipt(q.Act.ID, members.All); known {
			t.Error("a receipt of an act that nobody asked for")
		}
		w.await(q, members.All, time.Second)
		if r, known := w.t.Receipt(q.Act.ID, members.All); !known || !r.Met || r.Act != q.Act.ID {
			t.Errorf("Receipt = %+v, %v", r, known)
		}
		w.pass(20 * time.Minute)
		if _, known := w.t.Receipt(q.Act.ID, members.All); known {
			t.Error("answers are kept for ever")
		}
	})
}

// What nodes send can neither crash nor fill the service, nor pass for a node
// of another service.
func TestHostileReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.join("orders", "a")
		w.pass(lease)
		q := question()
		w.await(q, members.All, time.Second)
		w.mu.Lock()
		probe := w.probes[len(w.probes)-1].ID
		w.mu.Unlock()
		forged := fleet.Receipt{Probe: probe}
		forged.SetEnforced(0)
		for i := range 30_000 {
			r := fleet.Report{Instance: uint64(i + 1), MaxStaleness: 1<<63 - 1, Interval: 1<<63 - 1, Receipt: &forged}
			w.deliver(members.Heard{Service: "evil", Node: "n", Payload: r.Encode()})
			w.deliver(members.Heard{Service: "evil", Node: "n", Payload: []byte{1, 2, 3}})
		}
		synctest.Wait()
		r := w.await(q, members.All, time.Second)
		if r.Met || r.Total != 20_000 || !slices.Contains(r.Shortfalls, members.ShortfallCrowd) {
			t.Errorf("receipt %d/%d met %v %v", r.Enforced, r.Total, r.Met, r.Shortfalls)
		}
		for _, s := range r.Services {
			if s.Service == "orders" && s.Total != 1 {
				t.Errorf("orders has %d nodes, want 1", s.Total)
			}
		}
	})
}

func TestParseWant(t *testing.T) {
	for _, s := range []string{"all", "majority", "1", "47"} {
		if w, err := members.ParseWant(s); err != nil || w.String() != s || w.IsZero() {
			t.Errorf("ParseWant(%q) = %v, %v", s, w, err)
		}
	}
	for _, s := range []string{"", "0", "-1", "01", "+1", "1.0", "ALL", "none", "10000001", "99999999999999999999"} {
		if w, err := members.ParseWant(s); err == nil || !w.IsZero() {
			t.Errorf("ParseWant(%q) = %v, want an error", s, w)
		}
	}
}
