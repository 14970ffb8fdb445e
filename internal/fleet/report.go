package fleet

import (
	"fmt"
	"time"
)

// MaxReport is the largest encoded [Report] in bytes.
const MaxReport = 256

const (
	maxDetail = 64 // bytes of Report.Detail; more is cut
	maxEpoch  = 40 // bytes of an epoch; one is 26
)

// Event says why a report is sent.
type Event uint8

// The events.
const (
	EventStatus  Event = 0 // still here
	EventHello   Event = 1 // the first report of an instance
	EventGoodbye Event = 2 // the last: the process serves no more requests
)

// State is that of the node's view; see package subscriber.
type State uint8

// The states.
const (
	StateCatchingUp State = 1
	StateLive       State = 2
	StateStale      State = 3
	StateClosed     State = 4
)

var stateNames = [...]string{"unknown", "catching_up", "live", "stale", "closed"}

// String returns the stable name used in the API and the CLI.
func (s State) String() string { return name(stateNames[:], uint8(s)) }

// Policy is what a node's routes do with a token while its view is stale; of
// several, see [Policy.Join].
type Policy uint8

// The policies.
const (
	PolicyUndeclared Policy = 0 // nobody has said; counts as PolicyFailOpen
	PolicyFailClosed Policy = 1
	PolicyAskCognito Policy = 2
	PolicyFailOpen   Policy = 3
	PolicyReportOnly Policy = 4 // refuses nothing, stale or not
)

var policyNames = [...]string{"undeclared", "fail-closed", "ask-cognito", "fail-open", "report-only"}

// ParsePolicy returns the policy of the given name. One that is not known, which
// may be of a later version, counts as undeclared.
func ParsePolicy(name string) Policy {
	for p := PolicyFailClosed; int(p) < len(policyNames); p++ {
		if policyNames[p] == name {
			return p
		}
	}
	return PolicyUndeclared
}

// Join returns what a node is that has routes under both policies: the one
// that lets most through.
func (p Policy) Join(q Policy) Policy {
	rank := func(p Policy) Policy {
		if p == PolicyUndeclared {
			return PolicyFailOpen
		}
		return p
	}
	if rank(q) > rank(p) {
		return q
	}
	return p
}

// String returns the name of the policy, as package validator has it.
func (p Policy) String() string { return name(policyNames[:], uint8(p)) }

// ServesStale reports whether a node under p may accept a revoked token while
// its view is stale. [PolicyAskCognito] may: Cognito knows nothing of most
// kinds of act, and of no act before it is confirmed.
func (p Policy) ServesStale() bool { return p != PolicyFailClosed }

// Reason is why a node does not enforce an act.
type Reason uint8

// The reasons.
const (
	ReasonNone       Reason = 0
	ReasonNotLive    Reason = 1
	ReasonReportOnly Reason = 2
	ReasonBehind     Reason = 3
	ReasonNotRefused Reason = 4
	ReasonOtherEpoch Reason = 5
	ReasonUnreadable Reason = 6
)

var reasonNames = [...]string{
	"", "not_live", "report_only", "behind", "not_refused", "other_epoch", "unreadable_act",
}

// String returns the stable name used in the API and the CLI.
func (r Reason) String() string { return name(reasonNames[:], uint8(r)) }

func name(names []string, n uint8) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("unknown(%d)", n)
}

// Report is what a node says of itself.
type Report struct {
	Instance     uint64 // random per process; never 0
	Event        Event
	State        State
	Policy       Policy
	MaxStaleness time.Duration // whole milliseconds, as all durations here
	Interval     time.Duration // the next status comes within it
	AsOf         time.Time     // server time; zero before the first tick
	Sequence     uint64
	Epoch        string
	WireVersion  uint32
	Acts         uint64
	ClockOffset  time.Duration // the node's clock minus the server's
	Detail       string        // why the node is stale
	Started      time.Time
	Receipt      *Receipt // nil unless the report answers a probe
}

// Receipt answers a [Probe].
type Receipt struct {
	Probe uint64 // Probe.ID
	// Enforced has one bit per act of the probe; see [Receipt.Enforces].
	Enforced []byte
	Reason   Reason // why a bit is not set
}

// Enforces reports whether the bit of the i-th act of the probe is set.
func (r Receipt) Enforces(i int) bool {
	return i >= 0 && i/8 < len(r.Enforced) && r.Enforced[i/8]&(1<<(i%8)) != 0
}

// SetEnforced sets the bit of the i-th act of the probe, at most [MaxProbeActs].
func (r *Receipt) SetEnforced(i int) {
	for len(r.Enforced) <= i/8 {
		r.Enforced = append(r.Enforced, 0)
	}
	r.Enforced[i/8] |= 1 << (i % 8)
}

const (
	minInterval = 10 * time.Second
	maxInterval = 5 * time.Minute
	// perNode keeps a fleet at ten reports a second until the interval is at
	// its longest.
	perNode = 100 * time.Millisecond
)

// Interval returns how often each node of a fleet of the given size sends a
// status: from 10 s up to 100 nodes to 5 min from 3,000 on.
func Interval(size int) time.Duration {
	return min(max(minInterval, time.Duration(min(size, 1<<20))*perNode), maxInterval)
}

// leaseSlack covers what the network and the schedulers of both sides add.
const leaseSlack = 5 * time.Second

// Lease is for how long a silent node may still accept tokens on the strength
// of what it knew when it was last heard, unless it serves while stale: then
// for ever. It is the node's MaxStaleness, two intervals of its status and 5 s.
func Lease(maxStaleness, interval time.Duration) time.Duration {
	// What a node claims must not overflow into a lease that has ended.
	return min(maxStaleness, forever) + 2*min(interval, forever) + leaseSlack
}

const forever = 10 * 365 * 24 * time.Hour
