package members

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// probeMin and probeMax bound the time between two probes for one act.
	probeMin = 100 * time.Millisecond
	probeMax = 2 * time.Second
	// probeLife is for how long nodes answer by themselves when they get there.
	probeLife = 30 * time.Second
	// keepInquiry is for how long answers are kept after the last question.
	keepInquiry = 10 * time.Minute
	// maxInquiries bounds the memory for answers; the longest unasked go first.
	maxInquiries = 1000
	// lookPeriod is how often a wait looks at what time alone has changed.
	lookPeriod = 500 * time.Millisecond
)

// Question names an act whose enforcement is asked for.
type Question struct {
	Act revocation.Act
	// Sequence is the act's place in the stream.
	Sequence uint64
	// AcceptedAt is when the act was accepted.
	AcceptedAt time.Time
	// Fresh says that the act was accepted a moment ago, by this process: then
	// the receipt has times. Only the first question for an act decides.
	Fresh bool
}

// inquiry is what the nodes have answered for one act. It is guarded by the
// tracker's mu.
type inquiry struct {
	q        Question
	probe    uint64
	enforced map[Key]time.Time    // when the node's answer arrived
	answers  map[Key]fleet.Reason // why not, of the others
	waiting  int                  // calls of Await
	asked    time.Time            // the newest question
}

// Await asks the nodes whether they enforce an act until what is wanted is met
// or ctx ends, and returns what is known then: see [Receipt.Met].
func (t *Tracker) Await(ctx context.Context, q Question, want Want) Receipt {
	in := t.inquire(q)
	defer t.leave(in)
	again := time.NewTimer(0)
	defer again.Stop()
	look := time.NewTicker(lookPeriod)
	defer look.Stop()
	pause := probeMin
	for {
		t.mu.Lock()
		changed := t.change
		r := t.evaluate(in, want, time.Now())
		size := len(t.members)
		t.mu.Unlock()
		if r.Met {
			return r
		}
		select {
		case <-ctx.Done():
			return r
		case <-again.C:
			t.ask(in, size)
			again.Reset(pause/2 + rand.N(pause/2))
			pause = min(2*pause, probeMax)
		case <-changed:
			// Answers of many nodes arrive one by one.
			if size > 100 {
				sleep(ctx, time.Millisecond*time.Duration(1+size/1000))
			}
		case <-look.C:
		}
	}
}

// Receipt returns what is known of an act that was asked for within the last
// minutes, without asking again.
func (t *Tracker) Receipt(id revocation.ActID, want Want) (Receipt, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.inquiries[id]
	if in == nil {
		return Receipt{}, false
	}
	return t.evaluate(in, want, time.Now()), true
}

// Conclude returns what is known of an act that was asked for, with the times
// from its acceptance to the answer of each node that enforces it, by service,
// and forgets it. The error is [ErrNotAsked].
func (t *Tracker) Conclude(id revocation.ActID, want Want) (Receipt, map[string][]time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.inquiries[id]
	if in == nil {
		return Receipt{}, nil, ErrNotAsked
	}
	r := t.evaluate(in, want, time.Now())
	took := make(map[string][]time.Duration)
	for key, at := range in.enforced {
		m := t.members[key]
		if m != nil && m.report.Policy != fleet.PolicyReportOnly {
			took[key.Service] = append(took[key.Service], at.Sub(in.q.AcceptedAt))
		}
	}
	delete(t.inquiries, id)
	delete(t.probes, in.probe)
	return r, took, nil
}

// ErrNotAsked says that nobody has asked for the act, or that what was answered
// is forgotten.
var ErrNotAsked = errors.New("members: nobody has asked for this act")

// inquire begins an inquiry, or joins the one there is.
func (t *Tracker) inquire(q Question) *inquiry {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.inquiries[q.Act.ID]
	if in == nil {
		in = &inquiry{
			q: q, probe: max(1, rand.Uint64()),
			enforced: make(map[Key]time.Time), answers: make(map[Key]fleet.Reason),
		}
		t.inquiries[q.Act.ID], t.probes[in.probe] = in, in
	}
	in.waiting++
	in.asked = now
	t.forgetInquiries(now)
	return in
}

func (t *Tracker) leave(in *inquiry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in.waiting--
	in.asked = time.Now()
}

// forgetInquiries drops what is old, and what is beyond the bound. The caller
// holds mu.
func (t *Tracker) forgetInquiries(now time.Time) {
	forget := func(id revocation.ActID, in *inquiry) {
		delete(t.inquiries, id)
		delete(t.probes, in.probe)
	}
	for id, in := range t.inquiries {
		if in.waiting == 0 && now.Sub(in.asked) > keepInquiry {
			forget(id, in)
		}
	}
	for len(t.inquiries) > maxInquiries {
		var oldest *inquiry
		for _, in := range t.inquiries {
			if in.waiting == 0 && (oldest == nil || in.asked.Before(oldest.asked)) {
				oldest = in
			}
		}
		if oldest == nil {
			return // all are waited for: as many as there are requests
		}
		forget(oldest.q.Act.ID, oldest)
	}
}

// ask sends the probe once.
func (t *Tracker) ask(in *inquiry, size int) {
	epoch := ""
	if t.cfg.Epoch != nil {
		epoch = t.cfg.Epoch()
	}
	p := fleet.Probe{
		ID: in.probe, Lasts: probeLife, Sequence: in.q.Sequence, Epoch: epoch,
		Acts: []revocation.Act{in.q.Act}, Fleet: uint32(size),
	}
	if err := t.cfg.Bus.Probe(p.Encode()); err != nil {
		t.log.Warn().Stringer("act_id", in.q.Act.ID).Err(err).Msg("probe not sent")
	}
}

// answered takes a node's receipt. The caller holds mu.
func (t *Tracker) answered(key Key, r fleet.Receipt, now time.Time) {
	in := t.probes[r.Probe]
	if in == nil {
		return // another replica's, or forgotten
	}
	if !r.Enforces(0) {
		// What a node has proven it has not unlearned if it is stale now, or
		// behind. If it accepts the token now, it has.
		if r.Reason == fleet.ReasonNotRefused || r.Reason == fleet.ReasonReportOnly {
			delete(in.enforced, key)
		}
		if _, proven := in.enforced[key]; !proven {
			in.answers[key] = r.Reason
		}
		return
	}
	if _, before := in.enforced[key]; !before {
		in.enforced[key] = now
		delete(in.answers, key)
	}
}
