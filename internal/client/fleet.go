package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Receipt says which nodes have proven that they enforce a revocation.
type Receipt struct {
	// Wait is what was waited for: "all", "majority" or a number of nodes. Met
	// says that it is proven.
	Wait string `json:"wait"`
	Met  bool   `json:"met"`
	// Enforced of Total nodes.
	Enforced int `json:"enforced"`
	Total    int `json:"total"`
	// P50 and P99 are upper bounds of the time from acceptance to enforcement,
	// in milliseconds; nil if they were not measured.
	P50        *float64       `json:"p50_ms"`
	P99        *float64       `json:"p99_ms"`
	Services   []ServiceCount `json:"services"`
	Stragglers []Straggler    `json:"stragglers"` // at most 100
	// Shortfalls are why nothing can be met, whatever the counts.
	Shortfalls []string `json:"shortfalls"`
}

// ServiceCount is the part of one service.
type ServiceCount struct {
	Service  string `json:"service"`
	Enforced int    `json:"enforced"`
	Total    int    `json:"total"`
	Expected int    `json:"expected"`
}

// Straggler is a node that has not proven it.
type Straggler struct {
	Service   string `json:"service"`
	Node      string `json:"node"`
	Reason    string `json:"reason"`
	LastHeard Time   `json:"last_heard"`
}

// longestWait is for how long one request may wait at the service.
const longestWait = 20 * time.Second

// Await asks for a revocation until the nodes have proven what is wanted, or
// ctx ends: then it returns the newest answer with the error of ctx.
func (c *Client) Await(ctx context.Context, id revocation.ActID, want string) (Revocation, error) {
	var last Revocation
	for {
		wait := longestWait
		if end, bounded := ctx.Deadline(); bounded {
			// So that the answer is there when ctx ends.
			wait = min(wait, time.Until(end)-min(time.Second, time.Until(end)/2))
		}
		u := c.endpoint("revocations", id.String())
		u.RawQuery = url.Values{"wait": {want}, "timeout": {max(0, wait).Round(time.Millisecond).String()}}.Encode()
		ans, err := c.read(ctx, get(u))
		if err != nil {
			if last.ID != "" && ctx.Err() != nil {
				return last, ctx.Err()
			}
			return last, err
		}
		var rev Revocation
		if err := ans.decode(&rev); err != nil {
			return last, err
		}
		if rev.ID != id.String() || rev.Receipt == nil {
			return last, ans.unreadable(errors.New("it is another revocation, or has no receipt"))
		}
		rev.Waiting = ans.status == http.StatusAccepted
		last = rev
		if rev.Receipt.Met {
			return rev, nil
		}
		if end, bounded := ctx.Deadline(); bounded && time.Until(end) < 2*time.Second {
			return rev, context.DeadlineExceeded
		}
	}
}

// Node is one process of a service that reports.
type Node struct {
	Service      string  `json:"service"`
	Node         string  `json:"node"`
	State        string  `json:"state"`
	Silent       bool    `json:"silent"`
	Unproven     bool    `json:"unproven"`
	Policy       string  `json:"policy"`
	MaxStaleness float64 `json:"max_staleness_seconds"`
	AsOf         Time    `json:"as_of"`
	Sequence     uint64  `json:"sequence"`
	Acts         uint64  `json:"acts"`
	ClockOffset  float64 `json:"clock_offset_ms"`
	Detail       string  `json:"detail"`
	StartedAt    Time    `json:"started_at"`
	LastHeard    Time    `json:"last_heard"`
	LeaseEnds    Time    `json:"lease_ends"`
}

// Nodes returns every node that the service knows, and the answer as it came.
func (c *Client) Nodes(ctx context.Context) ([]Node, json.RawMessage, error) {
	ans, err := c.read(ctx, get(c.endpoint("nodes")))
	if err != nil {
		return nil, nil, err
	}
	var body struct {
		Nodes []Node `json:"nodes"`
	}
	if err := ans.decode(&body); err != nil {
		return nil, nil, err
	}
	if body.Nodes == nil {
		return nil, nil, ans.unreadable(errors.New("it has no list of nodes"))
	}
	return body.Nodes, ans.body, nil
}

// RemoveNode takes the silent processes of a node out of the fleet, and returns
// how many there were.
func (c *Client) RemoveNode(ctx context.Context, service, node string) (int, error) {
	ans, err := c.send(ctx, call{method: http.MethodDelete, url: c.endpoint("nodes", service, node)})
	if err != nil {
		return 0, err
	}
	var body struct {
		Removed int `json:"removed"`
	}
	if err := ans.decode(&body); err != nil {
		return 0, err
	}
	return body.Removed, nil
}
