package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
)

// AdminConfig configures [NewAdmin]. Keys, Grants or InsecureNoAuth must be
// given.
type AdminConfig struct {
	Common
	// Keys are the API keys that callers present as bearer tokens.
	Keys []Key
	// Grants let in members of groups, by their access tokens.
	Grants []Grant
	// Examiner and Denylist explain tokens. Required.
	Examiner Examiner
	Denylist Denylist
	// Fleet has the nodes, Doctor examines. Required.
	Fleet  Fleet
	Doctor Doctor
	// Feed tells of acts for GET /v1/events. Required.
	Feed Feed
	// Stopping, when it is closed, ends the event streams, so that a server can
	// shut down. Nil never is.
	Stopping <-chan struct{}
	// InsecureNoAuth serves anybody who asks for a loopback host name, as an
	// admin. It is for development on one machine.
	InsecureNoAuth bool
	// Batched, if not nil, is called after each batch with how many lines were
	// accepted and how many were not, for metrics.
	Batched func(accepted, refused int)
	// RateLimit is how many requests a second each caller may send in the long
	// run; twice as many at once. Zero means 50.
	RateLimit float64
	// Pools are the configured user pools. If there is exactly one, requests
	// need not name it.
	Pools []string
}

// admin is the handler for operators and services.
type admin struct {
	cfg     AdminConfig
	callers *callers
	limits  *limits
	batches batches
	streams *streams
	mux     *http.ServeMux
	routes  map[string]route // by pattern
}

// route is one operation.
type route struct {
	pattern string
	// least is the role that the operation takes at least; it may ask for more
	// once it knows what the request is about. Zero serves everybody.
	least Role
	serve http.HandlerFunc
}

// operations lists everything that the admin listener serves. Each is
// described in openapi.yaml.
func (a *admin) operations() []route {
	return []route{
		{"POST /v1/revocations", RoleOperator, a.create},
		{"GET /v1/revocations", RoleViewer, a.list},
		{"GET /v1/revocations/{id}", RoleViewer, a.get},
		{"DELETE /v1/revocations/{id}", RoleOperator, a.lift},
		{"POST /v1/explain", RoleViewer, a.explain},
		{"GET /v1/nodes", RoleViewer, a.nodes},
		{"DELETE /v1/nodes/{service}/{node}", RoleAdmin, a.removeNode},
		{"GET /v1/events", RoleViewer, a.events},
		{"GET /v1/audit", RoleAdmin, a.readAudit},
		{"GET /v1/doctor", RoleAdmin, a.diagnose},
		{"GET /openapi.yaml", 0, a.describe},
	}
}

// NewAdmin returns the handler for operators and services. An error names the
// field.
func NewAdmin(cfg AdminConfig) (http.Handler, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	authenticated := len(cfg.Keys)+len(cfg.Grants) > 0
	switch {
	case !authenticated && !cfg.InsecureNoAuth:
		return nil, errors.New("api: AdminConfig.Keys and Grants are empty")
	case authenticated && cfg.InsecureNoAuth:
		return nil, errors.New("api: AdminConfig.InsecureNoAuth is set beside Keys or Grants")
	case len(cfg.Pools) == 0:
		return nil, errors.New("api: AdminConfig.Pools is empty")
	case cfg.Examiner == nil:
		return nil, errors.New("api: AdminConfig.Examiner is nil")
	case cfg.Denylist == nil:
		return nil, errors.New("api: AdminConfig.Denylist is nil")
	case cfg.Fleet == nil:
		return nil, errors.New("api: AdminConfig.Fleet is nil")
	case cfg.Doctor == nil:
		return nil, errors.New("api: AdminConfig.Doctor is nil")
	case cfg.Feed == nil:
		return nil, errors.New("api: AdminConfig.Feed is nil")
	case cfg.RateLimit < 0:
		return nil, errors.New("api: AdminConfig.RateLimit is negative")
	}
	if cfg.RateLimit == 0 {
		cfg.RateLimit = defaultRate
	}
	cfg.audited()
	cfg.Fleet = auditedFleet{cfg.Fleet, cfg.auditor}
	a := &admin{cfg: cfg, limits: newLimits(cfg.RateLimit), streams: newStreams(), mux: http.NewServeMux(), routes: make(map[string]route)}
	var err error
	if a.callers, err = newCallers(cfg); err != nil {
		return nil, err
	}
	for _, r := range a.operations() {
		a.routes[r.pattern] = r
		a.mux.HandleFunc(r.pattern, r.serve)
	}
	return cfg.observed("admin", spans.Operator, a.mux, a.guard, func(w http.ResponseWriter, status int) {
		p := &problem{Type: ProblemNotFound, Status: http.StatusNotFound, Detail: "There is no such resource."}
		if status == http.StatusMethodNotAllowed {
			p = &problem{Type: ProblemMethod, Status: status, Detail: "The Allow header has the methods of this resource."}
		}
		p.write(w)
	}), nil
}

// guard lets requests pass whose caller is known, within its rate, and has the
// role that the route takes at least. Others learn nothing, not even what
// exists.
func (a *admin) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, pattern := a.mux.Handler(r)
		op, known := a.routes[pattern]
		if known && op.least == 0 {
			next.ServeHTTP(w, r)
			return
		}
		c, err := a.admit(r)
		originOf(r.Context()).caller = c
		if err == nil && known {
			err = c.permits(op.least, "do this")
		}
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// admit finds out who sends a request, and counts it.
func (a *admin) admit(r *http.Request) (caller, error) {
	identify := a.callers.identify
	if a.cfg.InsecureNoAuth {
		identify = anybodyOnLoopback
	}
	c, err := identify(r)
	if err != nil {
		return caller{}, err
	}
	if wait := a.limits.take(c.bucket, time.Now()); wait > 0 {
		return caller{}, &problem{
			Type: ProblemRateLimited, Status: http.StatusTooManyRequests, retryAfter: wait,
			Detail: "The caller sends more requests a second than it may. Many revocations at once go into one batch.",
		}
	}
	return c, nil
}

// anybodyOnLoopback stands in for keys on a loopback listener: a web page whose
// name its owner has pointed at 127.0.0.1 (DNS rebinding) could send any
// request there, but not with our name in Host.
func anybodyOnLoopback(r *http.Request) (caller, error) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return caller{}, &problem{
			Type: ProblemForbiddenHost, Status: http.StatusForbidden,
			Detail: "Without an API key only localhost is served.",
		}
	}
	return caller{operator: "anonymous", role: RoleAdmin, bucket: "anonymous"}, nil
}

// refuse answers with a problem. Only what is our fault is logged: the rest is
// in the answer.
func (a *admin) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		logFrom(r).Error().Err(err).Str("problem", p.Type).Msg("request failed")
	}
	p.write(w)
}
