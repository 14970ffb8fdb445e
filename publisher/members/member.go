package members

import (
	"cmp"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
)

const (
	// silenceSlack is how late a status may be before its node is called
	// silent.
	silenceSlack = 2 * time.Second
	// forgetAfter is how long a silent node is kept that fails closed. It
	// makes every act wait for its lease. By then it has long been stale,
	// unless only its reports have been lost for so long.
	forgetAfter = time.Hour
)

// Key names one process.
type Key struct {
	Service, Node string
	Instance      uint64
}

// member is one process that has reported, or is on the roll.
type member struct {
	report fleet.Report // the newest; of one from the roll only what the roll has
	// heard is when the newest report arrived, by this replica's clock; for one
	// from the roll, when it was read: later than the truth, never earlier.
	heard   time.Time
	inVoice bool   // this replica has heard it
	stored  *Entry // as the roll has it; nil if it is not on it
}

func (m *member) lease() time.Duration {
	return fleet.Lease(m.report.MaxStaleness, m.report.Interval)
}

// counts reports whether the member is in the total of an act.
func (m *member) counts(accepted, now time.Time) bool {
	if m.report.Policy.ServesStale() {
		return true
	}
	from := m.heard
	if accepted.After(from) {
		from = accepted
	}
	return now.Sub(from) <= m.lease()
}

func (m *member) lastHeard() time.Time {
	if !m.inVoice {
		return time.Time{}
	}
	return m.heard
}

func (m *member) silent(now time.Time) bool {
	return now.Sub(m.heard) > m.report.Interval+silenceSlack
}

// Member describes a node for people.
type Member struct {
	Service, Node string
	Instance      uint64
	// State is the one last reported; "" if only the roll knows the node.
	State string
	// Silent says that the node's report is overdue.
	Silent bool
	// Unproven says that it has been silent for longer than its lease but
	// serves while stale: it may accept revoked tokens.
	Unproven     bool
	Policy       string
	MaxStaleness time.Duration
	// AsOf and Sequence are how far its view was complete.
	AsOf        time.Time
	Sequence    uint64
	Epoch       string
	Acts        uint64
	ClockOffset time.Duration
	WireVersion uint32
	Detail      string // why it is stale
	Started     time.Time
	LastHeard   time.Time // zero if this replica has never heard it
	// LeaseEnds is when a node that stays silent is surely stale; zero if
	// that never comes.
	LeaseEnds time.Time
}

// Members returns every node that is known, by service, node and start.
func (t *Tracker) Members() []Member {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Member, 0, len(t.members))
	for key, m := range t.members {
		all = append(all, m.describe(key, now))
	}
	slices.SortFunc(all, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Node, b.Node),
			a.Started.Compare(b.Started), cmp.Compare(a.Instance, b.Instance))
	})
	return all
}

func (m *member) describe(key Key, now time.Time) Member {
	r := m.report
	d := Member{
		Service: key.Service, Node: key.Node, Instance: key.Instance,
		Silent: m.silent(now), Policy: r.Policy.String(), MaxStaleness: r.MaxStaleness,
		AsOf: r.AsOf, Sequence: r.Sequence, Epoch: r.Epoch, Acts: r.Acts, ClockOffset: r.ClockOffset,
		WireVersion: r.WireVersion, Detail: r.Detail, Started: r.Started, LastHeard: m.lastHeard(),
	}
	if m.inVoice {
		d.State = r.State.String()
	}
	if r.Policy.ServesStale() {
		d.Unproven = now.Sub(m.heard) > m.lease()
	} else {
		d.LeaseEnds = m.heard.Add(m.lease())
	}
	return d
}
