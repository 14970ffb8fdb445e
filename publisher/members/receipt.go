package members

import (
	"cmp"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// maxStragglers bounds the names in a receipt; the counts have all.
const maxStragglers = 100

// Receipt says who enforces an act.
type Receipt struct {
	Act  revocation.ActID
	Want Want
	// Met says that what was wanted is proven. It is never true for an empty
	// fleet or while there is a Shortfall.
	Met bool
	// Enforced of Total nodes have proven it.
	Enforced, Total int
	// Services by name.
	Services []ServiceCount
	// Stragglers are nodes in the total that have not proven it, at most 100.
	Stragglers []Straggler
	// Shortfalls are why nothing can be met, whatever the counts.
	Shortfalls []Shortfall
	// P50 and P99 are the times from the acceptance of the act to the arrival
	// of the nodes' answers at this replica, on one clock: upper bounds of the
	// time to enforce. They are zero unless Measured: only a replica that asks
	// at the acceptance can know them.
	P50, P99 time.Duration
	Measured bool
}

// ServiceCount is the part of one service in a receipt.
type ServiceCount struct {
	Service         string
	Enforced, Total int
	Expected        int // by configuration; 0 if not configured
	ReportOnly      int // of Total, those that enforce nothing by their policy
}

// Straggler is a node that has not proven that it enforces an act.
type Straggler struct {
	Service, Node string
	Reason        StragglerReason
	LastHeard     time.Time // zero if this replica has never heard it
}

// StragglerReason is a stable name.
type StragglerReason string

// The reasons of this package; the others are those of package fleet, as the
// node gave them.
const (
	// ReasonSilent: no report since longer than it promised, and it may still
	// accept tokens on the strength of what it knew.
	ReasonSilent StragglerReason = "silent"
	// ReasonUnproven: silent for longer than its lease, but it serves while
	// stale: it may accept revoked tokens until it ends.
	ReasonUnproven StragglerReason = "unproven"
	// ReasonNoAnswer: it reports, but has not answered the probe.
	ReasonNoAnswer StragglerReason = "no_answer"
)

// Shortfall is why nothing can be met. Its value is a stable name.
type Shortfall string

// The shortfalls.
const (
	ShortfallNoNodes  Shortfall = "no_nodes"            // nobody is in the total
	ShortfallYoung    Shortfall = "listening"           // this replica has listened for less than one lease
	ShortfallExpected Shortfall = "fewer_than_expected" // of some service
	ShortfallCrowd    Shortfall = "too_many_nodes"      // some are not kept, so not counted
)

// evaluate makes the receipt of an inquiry. The caller holds mu.
func (t *Tracker) evaluate(in *inquiry, want Want, now time.Time) Receipt {
	r := Receipt{Act: in.q.Act.ID, Want: want, Measured: in.q.Fresh}
	services := make(map[string]*ServiceCount)
	for name, n := range t.cfg.Expect {
		services[name] = &ServiceCount{Service: name, Expected: n}
	}
	var times []time.Duration
	for key, m := range t.members {
		if !m.counts(in.q.AcceptedAt, now) {
			continue
		}
		s := services[key.Service]
		if s == nil {
			s = &ServiceCount{Service: key.Service}
			services[key.Service] = s
		}
		s.Total++
		r.Total++
		if m.report.Policy == fleet.PolicyReportOnly {
			s.ReportOnly++
			if want == Known {
				continue
			}
		} else if at, ok := in.enforced[key]; ok {
			s.Enforced++
			r.Enforced++
			times = append(times, at.Sub(in.q.AcceptedAt))
			continue
		}
		if len(r.Stragglers) < maxStragglers {
			r.Stragglers = append(r.Stragglers, Straggler{
				Service: key.Service, Node: key.Node, Reason: m.excuse(in.answers[key], now), LastHeard: m.lastHeard(),
			})
		}
	}
	for _, s := range services {
		r.Services = append(r.Services, *s)
	}
	slices.SortFunc(r.Services, func(a, b ServiceCount) int { return cmp.Compare(a.Service, b.Service) })
	slices.SortFunc(r.Stragglers, func(a, b Straggler) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Node, b.Node))
	})
	if r.Measured {
		r.P50, r.P99 = percentile(times, 50), percentile(times, 99)
	}
	r.Shortfalls = t.shortfalls(&r, now)
	r.Met = len(r.Shortfalls) == 0 && want.met(&r)
	return r
}

// shortfalls lists why nothing can be met. The caller holds mu.
func (t *Tracker) shortfalls(r *Receipt, now time.Time) []Shortfall {
	var all []Shortfall
	if r.Total == 0 {
		all = append(all, ShortfallNoNodes)
	}
	if r.Want != Known && (!t.loaded || now.Sub(t.since) < t.lease()) {
		all = append(all, ShortfallYoung)
	}
	if slices.ContainsFunc(r.Services, func(s ServiceCount) bool { return s.Total < s.Expected }) {
		all = append(all, ShortfallExpected)
	}
	if t.crowded {
		all = append(all, ShortfallCrowd)
	}
	return all
}

// percentile is the smallest value that p of 100 values do not exceed.
func percentile(values []time.Duration, p int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)*p+99)/100-1]
}

// excuse is why a member in the total has not proven enforcement.
func (m *member) excuse(answered fleet.Reason, now time.Time) StragglerReason {
	switch silence := now.Sub(m.heard); {
	case silence > m.lease() && m.report.Policy.ServesStale():
		return ReasonUnproven
	case silence > m.report.Interval+silenceSlack:
		return ReasonSilent
	case answered == fleet.ReasonNone:
		return ReasonNoAnswer
	}
	return StragglerReason(answered.String())
}
