package subscriber

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// State is what a node can say of its view.
type State int

// The states; the package comment has the diagram.
const (
	CatchingUp State = iota // reading what it has missed, or all of it
	Live                    // following, and fresh
	Stale                   // answers "not revoked" can't be trusted
	Closed                  // by Close
)

// String returns the stable name used in logs and metrics.
func (s State) String() string {
	switch s {
	case CatchingUp:
		return "catching_up"
	case Live:
		return "live"
	case Stale:
		return "stale"
	case Closed:
		return "closed"
	}
	return fmt.Sprintf("state(%d)", int(s))
}

// Reason says why a view is [Stale]. The values are stable names for logs and
// metrics.
type Reason string

// The reasons, the gravest first.
const (
	// ReasonClosed: [Subscriber.Close] was called.
	ReasonClosed Reason = "closed"
	// ReasonHistory: the stream is not the one that the node has followed. A
	// store was restored, made anew, or is another environment's. It ends when
	// an operator accepts the new history.
	ReasonHistory Reason = "history"
	// ReasonIncomplete: an act can't be read by this version. It ends with
	// that act.
	ReasonIncomplete Reason = "incomplete"
	// ReasonFull: the denylist has no room; acts were left out.
	ReasonFull Reason = "full"
	// ReasonClock: the node's clock is more than two seconds from the server's.
	ReasonClock Reason = "clock"
	// ReasonService: the revoke service has not given a sign of life for 24
	// hours, or none in this epoch of the stream.
	ReasonService Reason = "service"
	// ReasonNoTick: no tick that proves the view complete was stored within
	// MaxStaleness: the node is cut off, or the stream has no quorum.
	ReasonNoTick Reason = "no_tick"
)

// Counters count since Open.
type Counters struct {
	Acts       uint64 // copies of acts applied, repeats included
	CatchUps   uint64 // times that the stream was read to its end
	Holes      uint64 // live messages that came too early
	Repeated   uint64 // live messages at or below the last sequence
	Reconnects uint64 // connections made, the first included
	Dropped    uint64 // times that the client library dropped live messages
	Rereads    uint64 // times that the last message was read again
	Histories  uint64 // changes of the stream's history
	Refused    uint64 // acts left out because the denylist was full
	Unreadable uint64 // acts that this version cannot read
	Reports    uint64 // sent to the revoke service
}

// FileStatus says how Config.LocalFile fares.
type FileStatus struct {
	AsOf    time.Time // how old was what it held at Open, by server time; zero for nothing
	SavedAt time.Time // when it was written last by this process; zero for never
	Failed  uint64    // attempts to write it that failed
	Err     error     // why it could not be read or, later, written; nil if it can
}

// FilterStatus says how the Bloom filter in front of the exact entries fares.
type FilterStatus struct {
	Fill float64 // share of its bits that are set
	// FalsePositiveRate is the share of tokens that pass it although nothing
	// refuses them, measured now. They cost a look at the entries.
	FalsePositiveRate float64
	Rebuilds          uint64 // since Open
	// FalsePositives counts the checks since Open that did pay for that.
	FalsePositives uint64
}

// Status is a snapshot of the view.
type Status struct {
	State  State
	Reason Reason // why the view is stale; empty unless State is Stale
	Detail string // the same for people
	// AsOf is the server time of the newest tick applied with everything
	// before it; zero before the first.
	AsOf time.Time
	// Staleness is now minus AsOf by the node's clock; 0 if AsOf is zero.
	Staleness time.Duration
	// MaxStaleness is that of the Config, or its default.
	MaxStaleness time.Duration
	// LastSequence is the stream sequence applied with everything before it.
	LastSequence uint64
	// Lag is how many messages are known to be stored and are not applied yet.
	Lag uint64
	// Epoch of the stream as the newest tick names it; empty before the first.
	Epoch string
	// Accepted is the newest acceptance of a changed history that a beat has
	// brought.
	Accepted revocation.Acceptance
	// LastBeat is when the newest beat of the revoke service was stored; zero
	// without one.
	LastBeat time.Time
	// Acts is the number of acts held, Provisional of them only from the fast path.
	Acts, Provisional int
	// Kinds is the number of acts held by kind; every kind is present.
	Kinds map[revocation.Kind]int
	// MaxActs is the bound of the Config, or its default.
	MaxActs int
	// Bytes is the memory of the denylist.
	Bytes int
	// Filter is about the filter in front of it.
	Filter FilterStatus
	// ClockOffset estimates the node's clock minus the server's.
	ClockOffset time.Duration
	// Propagation has one element per [Path].
	Propagation []Propagation
	// File is about Config.LocalFile.
	File FileStatus
	// Stalled is why catching up makes no progress; nil while it does.
	Stalled error
	// Counters since Open, and messages ignored by reason.
	Counters Counters
	Ignored  map[string]uint64
}

// Status returns a snapshot of the view. It measures the filter; it is meant
// for metrics and people, not for requests.
func (s *Subscriber) Status() Status {
	st := s.view.status(time.Now())
	set := s.deny.Stats()
	st.Acts, st.Provisional, st.Kinds, st.Bytes = set.Acts, set.Provisional, set.Kinds, set.Bytes
	st.Filter = FilterStatus{
		Fill: set.FilterFill, FalsePositiveRate: set.FalsePositiveRate,
		Rebuilds: set.Rebuilds, FalsePositives: set.FalseMaybes,
	}
	st.MaxActs, st.Propagation = s.maxActs, s.view.delays.show()
	return st
}

func (v *view) status(now time.Time) Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	st := Status{
		MaxStaleness: v.maxStaleness,
		LastSequence: v.last,
		Epoch:        v.epoch,
		Accepted:     v.accepted,
		LastBeat:     v.beatAt,
		Stalled:      v.stalled,
		File:         v.file,
		Counters:     v.counters,
		Ignored:      maps.Clone(v.ignored),
	}
	st.State, st.Reason, st.Detail = v.judgement(now)
	if head := v.head.Load(); head > v.last {
		st.Lag = head - v.last
	}
	if p := v.fresh.Load(); p != nil {
		st.AsOf, st.Staleness = p.asOf, now.Sub(p.asOf)
	}
	if len(v.offsets) > 0 {
		st.ClockOffset = slices.Min(v.offsets)
	}
	return st
}

// close makes the view stale for good.
func (v *view) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state = Closed
	v.judge()
	v.broadcast()
}

// ReadyHandler answers 200 once the first complete and fresh view was reached,
// 503 before, with a small JSON body. It latches: staleness does not turn it
// off, or an outage of NATS would empty every load balancer at once. What a
// stale node answers to requests is decided by the stale policy of its routes.
func (s *Subscriber) ReadyHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		st := s.view.status(time.Now())
		code := http.StatusServiceUnavailable
		if s.view.ready.Load() {
			code = http.StatusOK
		}
		body := struct {
			Ready    bool   `json:"ready"`
			State    string `json:"state"`
			Reason   Reason `json:"reason,omitempty"`
			AsOf     string `json:"as_of,omitempty"`
			Sequence uint64 `json:"sequence"`
		}{code == http.StatusOK, st.State.String(), st.Reason, "", st.LastSequence}
		if !st.AsOf.IsZero() {
			body.AsOf = st.AsOf.UTC().Format(time.RFC3339Nano)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body) // the client may be gone
	})
}
