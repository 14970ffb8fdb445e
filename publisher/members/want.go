package members

import (
	"fmt"
	"strconv"
)

// Want is how much enforcement a caller waits for. The zero value is "none".
type Want struct {
	kind wantKind
	n    int
}

type wantKind uint8

const (
	wantNone wantKind = iota
	wantAll
	wantMajority
	wantNumber
	wantKnown
)

var (
	// All waits for every node in the total.
	All = Want{kind: wantAll}
	// Majority waits for more than half of the nodes of every service.
	Majority = Want{kind: wantMajority}
	// Known waits for every node that this replica knows, except those that
	// enforce nothing by their policy. It is for measurements and proves less
	// than All: nodes of which a replica has not heard yet are not missed.
	Known = Want{kind: wantKnown}
)

// maxNumber bounds [AtLeast]; it is far beyond the fleets that a tracker takes.
const maxNumber = 1_000_000

// AtLeast waits for n nodes, of whatever service.
func AtLeast(n int) Want { return Want{wantNumber, n} }

// ParseWant reads "all", "majority" or a number from 1 on.
func ParseWant(s string) (Want, error) {
	switch s {
	case "all":
		return All, nil
	case "majority":
		return Majority, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxNumber || strconv.Itoa(n) != s {
		return Want{}, fmt.Errorf(`members: %q is not "all", "majority" or a number of nodes`, s)
	}
	return AtLeast(n), nil
}

// IsZero reports whether nothing is waited for.
func (w Want) IsZero() bool { return w.kind == wantNone }

// String returns what [ParseWant] reads, or "known" or "none".
func (w Want) String() string {
	switch w.kind {
	case wantAll:
		return "all"
	case wantMajority:
		return "majority"
	case wantNumber:
		return strconv.Itoa(w.n)
	case wantKnown:
		return "known"
	}
	return "none"
}

// met reports whether the counts are enough. That there is a node at all is
// checked elsewhere.
func (w Want) met(r *Receipt) bool {
	switch w.kind {
	case wantAll:
		return r.Enforced == r.Total
	case wantMajority:
		for _, s := range r.Services {
			if 2*s.Enforced <= max(s.Total, s.Expected) {
				return false
			}
		}
		return true
	case wantNumber:
		return r.Enforced >= w.n
	case wantKnown:
		missing := r.Total - r.Enforced
		for _, s := range r.Services {
			missing -= s.ReportOnly
		}
		return missing == 0 && r.Enforced > 0
	}
	return false
}
