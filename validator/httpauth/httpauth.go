package httpauth

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/conn"
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
	// BreakGlassFile is that of [validator.RouteConfig].
	BreakGlassFile string
	// Streams, if set, ends the context of a request when its token is revoked
	// or expires, or while the denylist is stale and StalePolicy is FailClosed:
	// for handlers that last, such as server-sent events, WebSockets and long
	// polls. They must end when the context does; [context.Cause] says why.
	// Others pay about two microseconds for nothing.
	Streams *conn.Registry
	// Realm is shown to clients that lack credentials. Empty means "api".
	Realm string
}

// Auth is a middleware. Use [New].
type Auth struct {
	realm   string           // immutable
	route   *validator.Route // immutable
	streams *conn.Registry   // immutable; nil: requests end by themselves
}

// New returns a middleware, or an error that names the field of cfg that is
// wrong.
func New(cfg Config) (*Auth, error) {
	if cfg.Realm == "" {
		cfg.Realm = defaultRealm
	}
	if strings.ContainsFunc(cfg.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return nil, fmt.Errorf("httpauth: Config.Realm is %q: use printable ASCII without quotes and backslashes", cfg.Realm)
	}
	route, err := validator.NewRoute(validator.RouteConfig{
		Validator: cfg.Validator, StalePolicy: cfg.StalePolicy, Fallback: cfg.Fallback, Scopes: cfg.Scopes,
		BreakGlassFile: cfg.BreakGlassFile,
	})
	if err != nil {
		return nil, fmt.Errorf("httpauth: %w", err)
	}
	return &Auth{realm: cfg.Realm, route: route, streams: cfg.Streams}, nil
}

// Middleware returns a handler that serves requests with a valid token through
// next, which finds it with [TokenFrom], and answers all others itself.
func (a *Auth) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := a.route.Decide(r.Context(), r.Header.Values("Authorization"))
		if !d.Serve {
			NewRefusal(d.Reason, a.realm, d.Scopes).Write(w)
			return
		}
		if d.Token == nil {
			next.ServeHTTP(w, r)
			return
		}
		ctx := context.WithValue(r.Context(), tokenKey{}, d.Token)
		// ReportOnly has let a refused token pass; it must not end its request
		// either.
		if a.streams != nil && d.Token.Unenforced() == nil {
			var release func()
			ctx, release = a.streams.Bind(ctx, d.Token.Token(), d.StalePolicy)
			defer release()
			if reason := conn.ReasonOf(context.Cause(ctx)); reason != validator.ReasonOK {
				NewRefusal(reason, a.realm, nil).Write(w) // revoked a moment ago
				return
			}
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
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
type Stats = validator.RouteStats

// Stats returns the counts so far.
func (a *Auth) Stats() Stats { return a.route.Stats() }
