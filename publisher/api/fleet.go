package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Fleet knows which nodes there are, and asks them what they enforce. A
// *members.Tracker is behind it. Its errors wrap [ErrUnavailable],
// [members.ErrUnknownNode] or [members.ErrNotSilent].
type Fleet interface {
	// Await returns when what is wanted is met, or when ctx ends, with what is
	// known then.
	Await(ctx context.Context, q members.Question, want members.Want) (members.Receipt, error)
	Members() ([]members.Member, error)
	Remove(ctx context.Context, service, node string) (int, error)
}

const (
	// defaultWait and maxWait bound how long one request waits for nodes. A
	// client that wants to wait longer asks again.
	defaultWait = 10 * time.Second
	maxWait     = 30 * time.Second
)

// parseWant reads how many nodes a caller waits for.
func parseWant(text string) (members.Want, error) {
	want, err := members.ParseWant(text)
	if err != nil {
		return want, unprocessable(ProblemInvalidField, "wait", "It is all, majority or a number of nodes.")
	}
	return want, nil
}

// parseWaitFor reads how long the answer to a new revocation waits.
func parseWaitFor(text string, want members.Want) (time.Duration, error) {
	wait, err := time.ParseDuration(text)
	switch {
	case want.IsZero():
		return 0, unprocessable(ProblemInvalidField, "wait_timeout", "It goes with wait only.")
	case err != nil || wait < 0 || wait > defaultWait:
		return 0, unprocessable(ProblemInvalidField, "wait_timeout", "It is not a duration from 0s to 10s.")
	}
	return wait, nil
}

// receipt is a [members.Receipt] as the API shows it.
type receipt struct {
	Wait       string         `json:"wait"`
	Met        bool           `json:"met"`
	Enforced   int            `json:"enforced"`
	Total      int            `json:"total"`
	P50        *float64       `json:"p50_ms,omitempty"`
	P99        *float64       `json:"p99_ms,omitempty"`
	Services   []serviceCount `json:"services"`
	Stragglers []straggler    `json:"stragglers"`
	Shortfalls []string       `json:"shortfalls"`
}

type serviceCount struct {
	Service  string `json:"service"`
	Enforced int    `json:"enforced"`
	Total    int    `json:"total"`
	Expected int    `json:"expected,omitempty"`
}

type straggler struct {
	Service   string `json:"service"`
	Node      string `json:"node"`
	Reason    string `json:"reason"`
	LastHeard string `json:"last_heard,omitempty"`
}

func showReceipt(r members.Receipt) *receipt {
	shown := &receipt{
		Wait: r.Want.String(), Met: r.Met, Enforced: r.Enforced, Total: r.Total,
		Services: []serviceCount{}, Stragglers: []straggler{}, Shortfalls: []string{},
	}
	if r.Measured && r.Enforced > 0 {
		p50, p99 := milliseconds(r.P50), milliseconds(r.P99)
		shown.P50, shown.P99 = &p50, &p99
	}
	for _, s := range r.Services {
		shown.Services = append(shown.Services, serviceCount{s.Service, s.Enforced, s.Total, s.Expected})
	}
	for _, s := range r.Stragglers {
		shown.Stragglers = append(shown.Stragglers, straggler{s.Service, s.Node, string(s.Reason), moment(s.LastHeard)})
	}
	for _, s := range r.Shortfalls {
		shown.Shortfalls = append(shown.Shortfalls, string(s))
	}
	return shown
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// enforcement waits until nodes have proven that they enforce a revocation, at
// most for the given time. Only a revocation in force can be.
func (a *admin) enforcement(ctx context.Context, s publisher.Status, want members.Want, wait time.Duration, fresh bool) (*receipt, error) {
	if s.Act.State == revocation.StateLifted || s.Act.Expired(time.Now().Unix()) {
		return nil, unprocessable(ProblemInvalidField, "wait", "The revocation is lifted or has ended: no node enforces it.")
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	r, err := a.cfg.Fleet.Await(ctx, members.Question{
		Act: s.Act, Sequence: s.Denied.Sequence, AcceptedAt: s.AcceptedAt, Fresh: fresh,
	}, want)
	if err != nil {
		return nil, err
	}
	shown := showReceipt(r)
	if r.Met {
		a.streams.tellReceipt(s.Act.ID, shown)
	}
	return shown, nil
}

// waitQuery reads the parameters of a request that waits.
func waitQuery(r *http.Request) (members.Want, time.Duration, error) {
	q, err := readQuery(r, "wait", "timeout")
	if err != nil {
		return members.Want{}, 0, err
	}
	if q["wait"] == "" {
		if q["timeout"] != "" {
			return members.Want{}, 0, malformed("timeout", "It goes with wait only.")
		}
		return members.Want{}, 0, nil
	}
	want, err := members.ParseWant(q["wait"])
	if err != nil {
		return want, 0, malformed("wait", "It is all, majority or a number of nodes.")
	}
	wait := defaultWait
	if text := q["timeout"]; text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > maxWait {
			return want, 0, malformed("timeout", "It is not a duration from 0s to 30s.")
		}
	}
	return want, wait, nil
}

// nodeView is a node as the API shows it.
type nodeView struct {
	Service      string  `json:"service"`
	Node         string  `json:"node"`
	State        string  `json:"state,omitempty"`
	Silent       bool    `json:"silent,omitempty"`
	Unproven     bool    `json:"unproven,omitempty"`
	Policy       string  `json:"policy"`
	MaxStaleness float64 `json:"max_staleness_seconds"`
	AsOf         string  `json:"as_of,omitempty"`
	Sequence     uint64  `json:"sequence,omitempty"`
	Epoch        string  `json:"epoch,omitempty"`
	Acts         uint64  `json:"acts,omitempty"`
	ClockOffset  float64 `json:"clock_offset_ms,omitempty"`
	WireVersion  uint32  `json:"wire_version,omitempty"`
	Detail       string  `json:"detail,omitempty"`
	StartedAt    string  `json:"started_at,omitempty"`
	LastHeard    string  `json:"last_heard,omitempty"`
	LeaseEnds    string  `json:"lease_ends,omitempty"`
}

func showNode(m members.Member) nodeView {
	return nodeView{
		Service: m.Service, Node: m.Node, State: m.State, Silent: m.Silent, Unproven: m.Unproven,
		Policy: m.Policy, MaxStaleness: m.MaxStaleness.Seconds(), AsOf: moment(m.AsOf), Sequence: m.Sequence,
		Epoch: m.Epoch, Acts: m.Acts, ClockOffset: milliseconds(m.ClockOffset), WireVersion: m.WireVersion,
		Detail: m.Detail, StartedAt: moment(m.Started), LastHeard: moment(m.LastHeard), LeaseEnds: moment(m.LeaseEnds),
	}
}

// nodes serves GET /v1/nodes.
func (a *admin) nodes(w http.ResponseWriter, r *http.Request) {
	if _, err := readQuery(r); err != nil {
		a.refuse(w, r, err)
		return
	}
	all, err := a.cfg.Fleet.Members()
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	page := struct {
		Nodes []nodeView `json:"nodes"`
	}{Nodes: []nodeView{}}
	for _, m := range all {
		page.Nodes = append(page.Nodes, showNode(m))
	}
	writeJSON(w, "application/json", http.StatusOK, page)
}

// removeNode serves DELETE /v1/nodes/{service}/{node}: a node that is silent
// and serves while stale counts until somebody says that it serves nobody.
func (a *admin) removeNode(w http.ResponseWriter, r *http.Request) {
	removed, err := a.cfg.Fleet.Remove(r.Context(), r.PathValue("service"), r.PathValue("node"))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	writeJSON(w, "application/json", http.StatusOK, struct {
		Removed int `json:"removed"`
	}{removed})
}

// problemOfFleet translates the errors of [Fleet] that are its own.
func problemOfFleet(err error) *problem {
	switch {
	case errors.Is(err, members.ErrUnknownNode):
		return &problem{Type: ProblemNotFound, Status: http.StatusNotFound, Detail: "There is no such node."}
	case errors.Is(err, members.ErrNotSilent):
		return &problem{
			Type: ProblemNotSilent, Status: http.StatusConflict,
			Detail: "The node reports, so it would be back at once. Stop it, or wait until it is silent.",
		}
	}
	return nil
}
