package subscriber

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// maxProbes bounds the probes that wait for this node to enforce their
	// acts. Of more, the oldest is forgotten; the service repeats it.
	maxProbes = 64
	// reconsiderPause bounds the work for probes while acts pour in.
	reconsiderPause = time.Millisecond
	// statePeriod is how often the state is looked at, to report a change
	// before the next status is due.
	statePeriod = time.Second
)

// reporter tells the revoke service how this node is and, when it is asked,
// which acts it enforces. Its fields are owned by the goroutine that runs it.
// It never makes the follower or a request wait.
type reporter struct {
	s    *Subscriber
	link link
	// check is Subscriber.Check: the way that requests go.
	check    func(revocation.Token) error
	instance uint64
	started  time.Time

	interval time.Duration
	sent     fleet.Report // the last report
	pending  []*question  // the oldest first
}

// link carries reports to the service and its probes to the node.
type link interface {
	// report sends without waiting. What it can't send is lost.
	report(payload []byte)
	// probes delivers the probes, of which only the payload counts. It is
	// never closed.
	probes() <-chan *nats.Msg
	// close ends the delivery. What was reported has then left, if it can.
	close()
}

// question is a probe with acts that the node does not enforce, yet.
type question struct {
	probe fleet.Probe
	until time.Time
	told  fleet.Receipt
}

// reportOver starts the goroutine that reports until Close. It is called once.
func (s *Subscriber) reportOver(l link) {
	ctx, stop := context.WithCancel(context.Background())
	r := &reporter{
		s: s, link: l, check: s.Check,
		instance: max(1, rand.Uint64()),
		started:  time.Now(),
		interval: fleet.Interval(0),
	}
	s.goodbye = stop
	s.reports.Go(func() { r.run(ctx) })
}

// run reports until ctx is done, and then takes leave.
func (r *reporter) run(ctx context.Context) {
	defer r.link.close()
	_, declared := r.s.policies.get()
	r.send(fleet.EventHello, nil)
	due := time.NewTimer(r.pause())
	defer due.Stop()
	look := time.NewTicker(statePeriod)
	defer look.Stop()
	rest := time.NewTimer(0) // between two looks at what is pending
	defer rest.Stop()
	resting := true
	for {
		// Before anything is looked at, so that no change is missed.
		var changed <-chan struct{}
		if len(r.pending) > 0 && !resting {
			changed = r.s.view.changes()
			r.reconsider()
		}
		select {
		case <-ctx.Done():
			r.send(fleet.EventGoodbye, nil)
			return
		case <-due.C:
			r.send(fleet.EventStatus, nil)
			due.Reset(r.pause())
		case <-look.C:
			if state := r.state(); state != r.sent.State {
				r.send(fleet.EventStatus, nil)
				due.Reset(r.pause())
			}
		case <-declared:
			_, declared = r.s.policies.get()
			r.send(fleet.EventStatus, nil)
			due.Reset(r.pause())
		case msg := <-r.link.probes():
			if again, sooner := r.probed(msg.Data); sooner {
				due.Reset(again)
			}
		case <-rest.C:
			resting = false
		case <-changed:
			r.reconsider()
			resting = true
			rest.Reset(reconsiderPause)
		}
	}
}

// pause is the time to the next status: a fifth of jitter, and never longer
// than what the last status has promised.
func (r *reporter) pause() time.Duration { return r.interval - rand.N(r.interval/5) }

// probed takes one probe. If it asks for a status, that is due sooner: at once
// in a small fleet, spread over some seconds in a large one.
func (r *reporter) probed(payload []byte) (due time.Duration, sooner bool) {
	p, err := fleet.DecodeProbe(payload)
	if err != nil {
		r.s.view.ignore("probe_unreadable")
		return 0, false
	}
	if p.Fleet > 0 {
		r.interval = fleet.Interval(int(p.Fleet))
	}
	if len(p.Acts) == 0 && !p.Unread {
		return rand.N(time.Duration(min(p.Fleet, 10_000))*time.Millisecond + time.Millisecond), true
	}
	q := &question{probe: p, until: time.Now().Add(p.Lasts)}
	r.pending = slices.DeleteFunc(r.pending, func(other *question) bool { return other.probe.ID == p.ID })
	q.told = r.answer(p)
	r.send(fleet.EventStatus, &q.told)
	if q.told.Reason != fleet.ReasonNone {
		if len(r.pending) == maxProbes {
			r.pending = slices.Delete(r.pending, 0, 1)
		}
		r.pending = append(r.pending, q)
	}
	return 0, false
}

// reconsider answers pending probes again of whose acts more are enforced than
// it has told, and forgets those that are answered or have run out.
func (r *reporter) reconsider() {
	now := time.Now()
	r.pending = slices.DeleteFunc(r.pending, func(q *question) bool {
		if now.After(q.until) {
			return true
		}
		if a := r.answer(q.probe); more(a, q.told, len(q.probe.Acts)) {
			q.told = a
			r.send(fleet.EventStatus, &a)
		}
		return q.told.Reason == fleet.ReasonNone
	})
}

// more reports whether a has a bit that b has not.
func more(a, b fleet.Receipt, acts int) bool {
	for i := range acts {
		if a.Enforces(i) && !b.Enforces(i) {
			return true
		}
	}
	return false
}

// answer says which acts of the probe this node enforces now. Enforced means
// that the view is proven to be fresh and complete up to the act's place in the
// stream, so that no copy of the fast path alone counts, which would end; that
// the node's routes do refuse what Check refuses; and that Check refuses a
// token at the limits of the act, by that very act.
func (r *reporter) answer(p fleet.Probe) fleet.Receipt {
	receipt := fleet.Receipt{Probe: p.ID}
	policy, _ := r.s.policies.get()
	last, epoch := r.s.view.reached()
	switch {
	case p.Unread:
		receipt.Reason = fleet.ReasonUnreadable
	case policy == fleet.PolicyReportOnly:
		receipt.Reason = fleet.ReasonReportOnly
	case r.state() != fleet.StateLive:
		receipt.Reason = fleet.ReasonNotLive
	case p.Epoch != "" && p.Epoch != epoch:
		receipt.Reason = fleet.ReasonOtherEpoch
	case last < p.Sequence:
		receipt.Reason = fleet.ReasonBehind
	default:
		for i, act := range p.Acts {
			if r.refuses(act) {
				receipt.SetEnforced(i)
			} else {
				receipt.Reason = fleet.ReasonNotRefused
			}
		}
	}
	return receipt
}

// refuses asks the way that requests do, and then whether it is this act that
// refuses: an older one may hide that the node has never heard of this.
func (r *reporter) refuses(act revocation.Act) bool {
	return errors.Is(r.check(act.Witness()), revocation.ErrRevoked) && r.s.Enforces(act)
}

func (r *reporter) send(event fleet.Event, receipt *fleet.Receipt) {
	now := time.Now()
	st := r.s.view.status(now)
	policy, _ := r.s.policies.get()
	r.sent = fleet.Report{
		Instance: r.instance, Event: event, State: wireState(st.State), Policy: policy,
		MaxStaleness: r.s.view.maxStaleness, Interval: r.interval,
		AsOf: st.AsOf, Sequence: st.LastSequence, Epoch: st.Epoch,
		WireVersion: revocation.WireVersion, Acts: uint64(r.s.deny.Len()),
		ClockOffset: st.ClockOffset, Detail: string(st.Reason), Started: r.started, Receipt: receipt,
	}
	if event == fleet.EventGoodbye {
		r.sent.State = fleet.StateClosed
	}
	r.s.view.count(&r.s.view.counters.Reports)
	r.link.report(r.sent.Encode())
}

func (r *reporter) state() fleet.State {
	state, _ := r.s.view.stateAt(time.Now())
	return wireState(state)
}

func wireState(s State) fleet.State {
	switch s {
	case CatchingUp:
		return fleet.StateCatchingUp
	case Live:
		return fleet.StateLive
	case Stale:
		return fleet.StateStale
	}
	return fleet.StateClosed
}
