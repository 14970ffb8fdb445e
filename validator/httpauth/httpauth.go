package httpauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// StalePolicy is [validator.StalePolicy], which all transports share.
type StalePolicy = validator.StalePolicy

// The policies.
const (
	FailClosed = validator.FailClosed // answers 503
	FailOpen   = validator.FailOpen   // serves the request, and counts it
	AskCognito = validator.AskCognito // asks Config.Fallback
)

// defaultRealm is used if Config.Realm is empty: a challenge must have at
// least one attribute (RFC 6750, section 3).
const defaultRealm = "api"

// Config is what [New] needs.
type Config struct {
	// Validator decides about tokens. Required. With its ReportOnly set,
	// every request is served: the decision is counted, and the token is in
	// the context only if it was verified.
	Validator *validator.Validator
	// StalePolicy applies while the denylist is stale. Zero is FailClosed.
	StalePolicy StalePolicy
	// Fallback is asked under AskCognito, and required with it.
	Fallback validator.Fallback
	// Scopes must all be in the token's scope claim, on top of what the
	// validator's pool requires.
	Scopes []string
	// Realm is shown to clients that lack credentials. Empty means "api".
	Realm string
}

// Auth is a middleware. Use [New].
type Auth struct {
	cfg    Config // immutable
	counts counters
}

// New returns a middleware, or an error that names the field of cfg that is
// wrong.
func New(cfg Config) (*Auth, error) {
	if cfg.Realm == "" {
		cfg.Realm = defaultRealm
	}
	cfg.Scopes = slices.Clone(cfg.Scopes)
	if cfg.Validator == nil {
		return nil, errors.New("httpauth: Config.Validator is nil: pass the one from validator.New")
	}
	switch {
	case cfg.StalePolicy > AskCognito:
		return nil, fmt.Errorf("httpauth: Config.StalePolicy is %d: use FailClosed, FailOpen or AskCognito", cfg.StalePolicy)
	case cfg.StalePolicy == AskCognito && cfg.Fallback == nil:
		return nil, errors.New("httpauth: Config.Fallback is nil, and StalePolicy is AskCognito: pass an askcognito.Asker")
	case cfg.StalePolicy != AskCognito && cfg.Fallback != nil:
		return nil, fmt.Errorf("httpauth: Config.Fallback is set, and StalePolicy is %v, which never asks: remove one of them", cfg.StalePolicy)
	}
	if strings.ContainsFunc(cfg.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return nil, fmt.Errorf("httpauth: Config.Realm is %q: use printable ASCII without quotes and backslashes", cfg.Realm)
	}
	if err := validator.CheckScopes(cfg.Scopes); err != nil {
		return nil, fmt.Errorf("httpauth: Config.Scopes: %w", err)
	}
	a := &Auth{cfg: cfg}
	a.counts.decisions = make([]atomic.Uint64, len(validator.Reasons()))
	return a, nil
}

// Middleware returns a handler that serves requests with a valid token through
// next, which finds it with [TokenFrom], and answers all others itself.
func (a *Auth) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tok, reason, scopes := a.decide(r)
		a.counts.decisions[reason].Add(1)
		serve := reason == validator.ReasonOK
		switch {
		case serve:
		case reason == validator.ReasonStale && tok != nil && a.cfg.StalePolicy == FailOpen:
			a.counts.servedStale.Add(1)
			serve = true
		case a.cfg.Validator.ReportOnly():
			a.counts.unenforced.Add(1)
			serve = true
		}
		if !serve {
			NewRefusal(reason, a.cfg.Realm, scopes).Write(w)
			return
		}
		if tok != nil {
			r = r.WithContext(context.WithValue(r.Context(), tokenKey{}, tok))
		}
		next.ServeHTTP(w, r)
	})
}

// decide returns the verified token, if there is one, and the reason that
// decides about the request, with the scopes it needs if that is
// [validator.ReasonMissingScope].
func (a *Auth) decide(r *http.Request) (*validator.Verified, validator.Reason, []string) {
	text, reason := validator.ParseBearer(r.Header.Values("Authorization"))
	if reason != validator.ReasonOK {
		return nil, reason, nil
	}
	tok, err := a.cfg.Validator.Validate(r.Context(), text)
	if err == nil {
		err = tok.Unenforced()
	}
	// A token that may not use this route may not use it while stale either.
	if err == nil || tok != nil && errors.Is(err, revocation.ErrStale) {
		if missing := tok.RequireScopes(a.cfg.Scopes...); missing != nil {
			err = missing
		}
	}
	if errors.Is(err, revocation.ErrStale) && tok != nil && a.cfg.StalePolicy == AskCognito {
		if err = a.cfg.Fallback.Ask(r.Context(), text, tok); err == nil {
			a.counts.settled.Add(1)
		}
	}
	var scopes []string
	if missing, ok := errors.AsType[*validator.ScopeError](err); ok {
		scopes = missing.Scopes
	}
	return tok, validator.ReasonOf(err), scopes
}

type tokenKey struct{}

// TokenFrom returns the token that [Auth.Middleware] verified for the request
// with this context. It reports false outside of a middleware, and under
// [validator.Config.ReportOnly] if there was no token or it failed a check.
func TokenFrom(ctx context.Context) (*validator.Verified, bool) {
	tok, ok := ctx.Value(tokenKey{}).(*validator.Verified)
	return tok, ok
}

// Stats are counts since [New].
type Stats struct {
	// Decisions counts requests by the reason that decided about them,
	// whether or not they were served. Every reason is present.
	Decisions map[validator.Reason]uint64
	// ServedStale counts the requests that FailOpen served.
	ServedStale uint64
	// Settled counts the requests that the Fallback of AskCognito let pass;
	// their reason is [validator.ReasonOK].
	Settled uint64
	// Unenforced counts the requests that the validator's ReportOnly served
	// although they would have been refused.
	Unenforced uint64
}

type counters struct {
	decisions   []atomic.Uint64 // by validator.Reason
	servedStale atomic.Uint64
	settled     atomic.Uint64
	unenforced  atomic.Uint64
}

// Stats returns the counts so far.
func (a *Auth) Stats() Stats {
	stats := Stats{
		Decisions:   make(map[validator.Reason]uint64),
		ServedStale: a.counts.servedStale.Load(),
		Settled:     a.counts.settled.Load(),
		Unenforced:  a.counts.unenforced.Load(),
	}
	for _, reason := range validator.Reasons() {
		stats.Decisions[reason] = a.counts.decisions[reason].Load()
	}
	return stats
}
