package grpcauth

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"google.golang.org/grpc"

	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/conn"
)

// Config is what [New] needs.
type Config struct {
	// Validator decides about tokens. Required. With its ReportOnly set, every
	// call is served: the decision is counted, and the token is in the context
	// only if it was verified.
	Validator *validator.Validator
	// Streams ends streams whose tokens are revoked. Required, unless
	// UnboundStreams is set.
	Streams *conn.Registry
	// UnboundStreams lets a stream go on for as long as it likes, whatever
	// happens to the token that opened it.
	UnboundStreams bool

	// Method is what every method asks that Methods does not name.
	Method
	// Methods by full name, "/package.Service/Method", or "/package.Service/*"
	// for all of a service; the full name wins.
	Methods map[string]Method
}

// Method is what a method asks of its calls.
type Method struct {
	// Scopes must all be in the token's scope claim, on top of what the
	// validator's pool requires.
	Scopes []string
	// StalePolicy applies while the denylist is stale. Zero is FailClosed.
	StalePolicy validator.StalePolicy
	// Fallback is asked under AskCognito, and required with it.
	Fallback validator.Fallback
	// Public serves calls without a look at their tokens, as for health
	// checks. It goes with nothing else.
	Public bool
}

// Auth makes interceptors. Use [New].
type Auth struct {
	streams *conn.Registry // nil: unbound

	// immutable; a nil route is public
	others  *validator.Route
	methods map[string]*validator.Route
}

// New returns interceptors, or an error that names the field of cfg that is
// wrong.
func New(cfg Config) (*Auth, error) {
	switch {
	case cfg.Validator == nil:
		return nil, errors.New("grpcauth: Config.Validator is nil: pass the one from validator.New")
	case cfg.Streams == nil && !cfg.UnboundStreams:
		return nil, errors.New("grpcauth: Config.Streams is nil: pass one from conn.New, or set UnboundStreams to let streams outlive their tokens")
	case cfg.Streams != nil && cfg.UnboundStreams:
		return nil, errors.New("grpcauth: Config.UnboundStreams is set beside Streams: remove one of them")
	case cfg.Public:
		return nil, errors.New("grpcauth: Config.Public would serve every call to anybody: set it for the Methods that may")
	}
	a := &Auth{streams: cfg.Streams, methods: make(map[string]*validator.Route, len(cfg.Methods))}
	var err error
	if a.others, err = newRoute(cfg.Validator, cfg.Method); err != nil {
		return nil, fmt.Errorf("grpcauth: %w", err)
	}
	for name, m := range cfg.Methods {
		service, method, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
		if !ok || !strings.HasPrefix(name, "/") || service == "" || method == "" || strings.Contains(method, "/") {
			return nil, fmt.Errorf("grpcauth: Config.Methods has %q: use /package.Service/Method or /package.Service/*", name)
		}
		if a.methods[name], err = newRoute(cfg.Validator, m); err != nil {
			return nil, fmt.Errorf("grpcauth: Config.Methods[%q]: %w", name, err)
		}
	}
	return a, nil
}

// newRoute returns nil for a public method.
func newRoute(v *validator.Validator, m Method) (*validator.Route, error) {
	if m.Public {
		if len(m.Scopes) > 0 || m.StalePolicy != 0 || m.Fallback != nil {
			return nil, errors.New("a Public method ignores Scopes, StalePolicy and Fallback: remove them")
		}
		return nil, nil
	}
	return validator.NewRoute(validator.RouteConfig{
		Validator: v, Scopes: m.Scopes, StalePolicy: m.StalePolicy, Fallback: m.Fallback,
	})
}

// route returns what a method asks, nil if nothing.
func (a *Auth) route(method string) *validator.Route {
	if r, named := a.methods[method]; named {
		return r
	}
	service := method[:strings.LastIndexByte(method, '/')+1]
	if r, named := a.methods[service+"*"]; named {
		return r
	}
	return a.others
}

// ServerOptions returns what a server needs: [Auth.Unary] and [Auth.Stream], in
// front of the interceptors that follow.
func (a *Auth) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(a.Unary), grpc.ChainStreamInterceptor(a.Stream)}
}

// Stats are counts since [New].
type Stats struct {
	// Methods has the counts of each element of Config.Methods that is not
	// public, by its name; Others those of all other methods.
	Methods map[string]validator.RouteStats
	Others  validator.RouteStats
}

// Routes returns the counts of all routes by name, for metrics: those of
// Methods, and Others as "other".
func (s Stats) Routes() map[string]validator.RouteStats {
	all := maps.Clone(s.Methods)
	all["other"] = s.Others
	return all
}

// Stats returns the counts so far.
func (a *Auth) Stats() Stats {
	s := Stats{Methods: make(map[string]validator.RouteStats), Others: a.others.Stats()}
	for name, r := range a.methods {
		if r != nil {
			s.Methods[name] = r.Stats()
		}
	}
	return s
}
