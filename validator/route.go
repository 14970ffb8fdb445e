package validator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// RouteConfig is what [NewRoute] needs.
type RouteConfig struct {
	// Validator decides about tokens. Required. With its ReportOnly set,
	// every request is served: the decision is counted, and the token is in
	// [Decision.Token] only if it was verified.
	Validator *Validator
	// StalePolicy applies while the denylist is stale. Zero is FailClosed.
	StalePolicy StalePolicy
	// Fallback is asked under AskCognito, and required with it.
	Fallback Fallback
	// Scopes must all be in the token's scope claim, on top of what the
	// validator's pool requires.
	Scopes []string
	// BreakGlassFile is a file that opens the route while the denylist is
	// stale, whatever its policy, as long as the file holds the word
	// "fail-open": for a long outage, without a restart. It need not exist. The
	// variable REVOKED_STALE_POLICY=fail-open does the same from the start of
	// the process. Tokens known to be revoked are refused all the same. Empty
	// means that only the variable is looked at.
	BreakGlassFile string
}

// Route is what one route of a service asks of its requests: the part of the
// decision that every transport shares. Each maps it to answers of its own.
type Route struct {
	cfg    RouteConfig // immutable
	glass  *BreakGlass
	counts routeCounters
}

// NewRoute returns a route, or an error that names the field of cfg that is
// wrong. It tells the denylist, if that wants to know, what the route does
// while it is stale.
func NewRoute(cfg RouteConfig) (*Route, error) {
	cfg.Scopes = slices.Clone(cfg.Scopes)
	switch {
	case cfg.Validator == nil:
		return nil, errors.New("Config.Validator is nil: pass the one from validator.New")
	case cfg.StalePolicy > AskCognito:
		return nil, fmt.Errorf("Config.StalePolicy is %d: use FailClosed, FailOpen or AskCognito", cfg.StalePolicy)
	case cfg.StalePolicy == AskCognito && cfg.Fallback == nil:
		return nil, errors.New("Config.Fallback is nil, and StalePolicy is AskCognito: pass an askcognito.Asker")
	case cfg.StalePolicy != AskCognito && cfg.Fallback != nil:
		return nil, fmt.Errorf("Config.Fallback is set, and StalePolicy is %v, which never asks: remove one of them", cfg.StalePolicy)
	}
	if err := CheckScopes(cfg.Scopes); err != nil {
		return nil, fmt.Errorf("Config.Scopes: %w", err)
	}
	r := &Route{cfg: cfg, glass: NewBreakGlass(cfg.BreakGlassFile)}
	policy := cfg.StalePolicy
	if r.glass.Always() {
		policy = FailOpen
		cfg.Validator.log.Warn().Msg("break-glass: stale requests are served, by REVOKED_STALE_POLICY")
	}
	cfg.Validator.declare(policy)
	return r, nil
}

// StalePolicy returns that of the configuration.
func (r *Route) StalePolicy() StalePolicy { return r.cfg.StalePolicy }

// declare tells a denylist that reports to the revoke service what may be
// served while it is stale: a node that has fallen silent enforces everything
// after a while only if all of its routes fail closed.
func (v *Validator) declare(p StalePolicy) {
	told, ok := v.cfg.Denylist.(interface{ DeclareStalePolicy(name string) })
	switch {
	case !ok:
	case v.cfg.ReportOnly:
		told.DeclareStalePolicy("report-only")
	default:
		told.DeclareStalePolicy(p.String())
	}
}

// Decision is what [Route.Decide] says of one request.
type Decision struct {
	// Serve says that the request is to be served.
	Serve bool
	// Token is the verified token; nil if there is none.
	Token *Verified
	// Reason decided, whether or not the request is served in spite of it.
	Reason Reason
	// Scopes are those that the request needs, with [ReasonMissingScope].
	Scopes []string
	// StalePolicy is for what lasts longer than the request: that of the route,
	// but FailOpen if the break-glass serves it, which would end at once else.
	StalePolicy StalePolicy
}

// Decide decides about a request with the given values of its Authorization
// header or metadata, and counts the decision. It waits only as
// [Validator.Validate] and a Fallback do.
func (r *Route) Decide(ctx context.Context, authorization []string) Decision {
	d := r.decide(ctx, authorization)
	d.StalePolicy = r.cfg.StalePolicy
	r.counts.decisions[d.Reason].Add(1)
	switch {
	case d.Reason == ReasonOK:
		d.Serve = true
	case d.Reason == ReasonStale && d.Token != nil && r.cfg.StalePolicy == FailOpen:
		r.counts.servedStale.Add(1)
		d.Serve = true
	case d.Reason == ReasonStale && d.Token != nil && r.glassBroken():
		r.counts.brokenGlass.Add(1)
		d.Serve, d.StalePolicy = true, FailOpen
	case r.cfg.Validator.ReportOnly():
		r.counts.unenforced.Add(1)
		d.Serve = true
	}
	return d
}

// glassBroken reports whether the break-glass opens the route, and tells when
// that changes. A node that has once said that it fails open stays so for the
// revoke service, until it is restarted.
func (r *Route) glassBroken() bool {
	broken, changed := r.glass.Broken(time.Now())
	if changed {
		r.cfg.Validator.log.Warn().Bool("open", broken).Str("file", r.cfg.BreakGlassFile).Msg("break-glass: changed by its file")
		if broken {
			r.cfg.Validator.declare(FailOpen)
		}
	}
	return broken
}

func (r *Route) decide(ctx context.Context, authorization []string) Decision {
	bearer, reason := ParseBearer(authorization)
	if reason != ReasonOK {
		return Decision{Reason: reason}
	}
	tok, err := r.cfg.Validator.Validate(ctx, bearer)
	if err == nil {
		err = tok.Unenforced()
	}
	// A token that may not use this route may not use it while stale either.
	if err == nil || tok != nil && errors.Is(err, revocation.ErrStale) {
		if missing := tok.RequireScopes(r.cfg.Scopes...); missing != nil {
			err = missing
		}
	}
	if errors.Is(err, revocation.ErrStale) && tok != nil && r.cfg.StalePolicy == AskCognito {
		if err = r.cfg.Fallback.Ask(ctx, bearer, tok); err == nil {
			r.counts.settled.Add(1)
		}
	}
	d := Decision{Token: tok, Reason: ReasonOf(err)}
	if missing, ok := errors.AsType[*ScopeError](err); ok {
		d.Scopes = missing.Scopes
	}
	return d
}

// RouteStats are counts since [NewRoute].
type RouteStats struct {
	// Decisions counts requests by the reason that decided about them,
	// whether or not they were served. Every reason is present.
	Decisions map[Reason]uint64
	// ServedStale counts the requests that FailOpen served.
	ServedStale uint64
	// Settled counts the requests that the Fallback of AskCognito let pass;
	// their reason is [ReasonOK].
	Settled uint64
	// BrokenGlass counts the requests that the break-glass served.
	BrokenGlass uint64
	// BreakGlass says that the break-glass opens the route now.
	BreakGlass bool
	// Unenforced counts the requests that the validator's ReportOnly served
	// although they would have been refused.
	Unenforced uint64
}

type routeCounters struct {
	decisions   [reasonCount]atomic.Uint64
	servedStale atomic.Uint64
	settled     atomic.Uint64
	unenforced  atomic.Uint64
	brokenGlass atomic.Uint64
}

// Stats returns the counts so far. It may look at the break-glass file.
func (r *Route) Stats() RouteStats {
	stats := RouteStats{
		Decisions:   make(map[Reason]uint64, reasonCount),
		ServedStale: r.counts.servedStale.Load(),
		Settled:     r.counts.settled.Load(),
		Unenforced:  r.counts.unenforced.Load(),
		BrokenGlass: r.counts.brokenGlass.Load(),
		BreakGlass:  r.glassBroken(),
	}
	for _, reason := range Reasons() {
		stats.Decisions[reason] = r.counts.decisions[reason].Load()
	}
	return stats
}
