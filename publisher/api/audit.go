package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/audit"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Audit keeps who did what. An *audit.Log is behind it.
type Audit interface {
	// Record returns nil once the entry is stored.
	Record(ctx context.Context, e audit.Entry) error
	// Note stores the entry now or later, and reports whether it is stored.
	Note(e audit.Entry) bool
	// Read returns entries, the newest first. The error may wrap
	// [ErrUnavailable].
	Read(ctx context.Context, q audit.Query) (audit.Page, error)
}

// Operations as the audit names them.
const (
	opRevoke     = "revoke"
	opLift       = "lift"
	opRemoveNode = "remove_node"
	opReadAudit  = "read_audit"
)

// refusalRate is how many refusals a second are recorded one by one, of those
// who were let in and of those who were not: anybody can cause as many as they
// like. The rest is in the access log and in the metrics.
const refusalRate = 20

// auditor records what is done through it.
type auditor struct {
	log Audit
	// refusals is for callers who are known, strangers for all others, so that
	// nobody can hide what a key is tried for behind noise without one.
	refusals, strangers *rate.Limiter
}

func newAuditor(log Audit) *auditor {
	return &auditor{
		log:       log,
		refusals:  rate.NewLimiter(refusalRate, 10*refusalRate),
		strangers: rate.NewLimiter(refusalRate, 10*refusalRate),
	}
}

// origin is from where a request comes. It is in the context of the request,
// and says afterwards whether something was recorded for it.
type origin struct {
	from, request string
	caller        caller // of the admin listener, once it is known
	operation     string // of its route, if that changes anything
	problem       string // with which it was refused
	recorded      atomic.Bool
}

// ofLine returns the origin of one line of a batch, which is refused or recorded
// by itself: the answer to the whole is 200 whatever becomes of its lines.
func (o *origin) ofLine() *origin {
	return &origin{from: o.from, request: o.request, caller: o.caller, operation: opRevoke}
}

type originKey struct{}

func originOf(ctx context.Context) *origin {
	o, _ := ctx.Value(originKey{}).(*origin)
	if o == nil {
		o = &origin{}
	}
	return o
}

// fromAddress is the other end of the connection, which may be a proxy: who it speaks
// for is its own word.
func fromAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// auditedRoutes are the operations of the routes that change something, or
// show what others did.
var auditedRoutes = map[string]string{
	"POST /oauth2/revoke":               opRevoke,
	"POST /v1/revocations":              opRevoke,
	"DELETE /v1/revocations/{id}":       opLift,
	"DELETE /v1/nodes/{service}/{node}": opRemoveNode,
	"GET /v1/audit":                     opReadAudit,
}

// entry begins the entry of what the request with ctx does.
func (a *auditor) entry(ctx context.Context, operation string) audit.Entry {
	o := originOf(ctx)
	e := audit.Entry{Actor: o.caller.operator, From: o.from, Request: o.request, Operation: operation}
	if o.caller.role != 0 {
		e.Role = o.caller.role.String()
	}
	o.recorded.Store(true)
	return e
}

// finish notes how it ended. What adds protection never waits for the audit.
func (a *auditor) finish(e audit.Entry, err error) {
	e.Outcome = audit.Accepted
	if err != nil {
		p := problemOf(err)
		e.Problem, e.Outcome = p.Type, audit.Failed
		if p.Status < http.StatusInternalServerError {
			e.Outcome = audit.Refused
		}
	}
	a.log.Note(e)
}

// intend records what is about to weaken protection. Without a record it is
// not done.
func (a *auditor) intend(ctx context.Context, e audit.Entry) error {
	e.Outcome = audit.Intended
	if err := a.log.Record(ctx, e); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// refused notes a request that came to nothing before anything was done.
func (a *auditor) refused(ctx context.Context, o *origin, status int) {
	limit := a.strangers
	if o.caller.role != 0 {
		limit = a.refusals
	}
	if o.operation == "" || o.recorded.Load() || status < 400 || !limit.Allow() {
		return
	}
	e := a.entry(ctx, o.operation)
	e.Problem, e.Outcome = o.problem, audit.Refused
	if e.Problem == "" {
		e.Problem = strconv.Itoa(status)
	}
	if status >= http.StatusInternalServerError {
		e.Outcome = audit.Failed
	}
	a.log.Note(e)
}

// auditedRevoker records what goes through it.
type auditedRevoker struct {
	Revoker
	*auditor
}

// Revoke implements [Revoker].
func (a auditedRevoker) Revoke(ctx context.Context, req publisher.Request) (publisher.Status, error) {
	e := a.entry(ctx, opRevoke)
	e.Kind, e.Pool, e.Target, e.Reason = req.Target.Kind.String(), req.Target.Pool, req.Target.ID, req.Reason
	if e.Actor == "" {
		e.Actor = req.Operator
	}
	status, err := a.Revoker.Revoke(ctx, req)
	if undone, ok := errors.AsType[*publisher.NotDurableError](err); ok {
		e.Act = undone.Act.String()
	} else if err == nil {
		e.Act = status.Act.ID.String()
	}
	a.finish(e, err)
	return status, err
}

// RevokeSession implements [Revoker]. A token that means nothing is no entry:
// nothing was done, and anybody can send as many as they like.
func (a auditedRevoker) RevokeSession(ctx context.Context, in publisher.Presented) (publisher.Status, error) {
	status, err := a.Revoker.RevokeSession(ctx, in)
	undone, begun := errors.AsType[*publisher.NotDurableError](err)
	if err != nil && !begun {
		return status, err
	}
	e := a.entry(ctx, opRevoke)
	e.Actor, e.Kind, e.Pool = in.Operator, revocation.KindSession.String(), in.Pool
	if begun {
		e.Act = undone.Act.String()
	} else {
		e.Act, e.Target = status.Act.ID.String(), status.Act.Target.ID
	}
	a.finish(e, err)
	return status, err
}

// Lift implements [Revoker].
func (a auditedRevoker) Lift(ctx context.Context, req publisher.LiftRequest) ([]publisher.Status, error) {
	e := a.entry(ctx, opLift)
	ids := make([]string, len(req.Acts))
	for i, id := range req.Acts {
		ids[i] = id.String()
	}
	e.Act, e.Reason = strings.Join(ids, " "), req.Reason
	if err := a.intend(ctx, e); err != nil {
		return nil, err
	}
	lifted, err := a.Revoker.Lift(ctx, req)
	if err == nil && len(lifted) == 1 {
		t := lifted[0].Act.Target
		e.Kind, e.Pool, e.Target = t.Kind.String(), t.Pool, t.ID
	}
	a.finish(e, err)
	return lifted, err
}

// auditedFleet records what goes through it.
type auditedFleet struct {
	Fleet
	*auditor
}

// Remove implements [Fleet].
func (a auditedFleet) Remove(ctx context.Context, service, node string) (int, error) {
	e := a.entry(ctx, opRemoveNode)
	e.Target = service + "/" + node
	if err := a.intend(ctx, e); err != nil {
		return 0, err
	}
	n, err := a.Fleet.Remove(ctx, service, node)
	a.finish(e, err)
	return n, err
}
