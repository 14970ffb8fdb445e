package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Revoker carries out revocations and knows about past ones. A
// *publisher.Publisher is one. Its errors are those of package publisher, or
// wrap [ErrUnavailable].
type Revoker interface {
	Revoke(ctx context.Context, req publisher.Request) (publisher.Status, error)
	RevokeSession(ctx context.Context, in publisher.Presented) (publisher.Status, error)
	AwaitCognito(ctx context.Context, id revocation.ActID) (publisher.Status, error)
	Get(ctx context.Context, id revocation.ActID) (publisher.Status, error)
	Lift(ctx context.Context, req publisher.LiftRequest) ([]publisher.Status, error)
	List(ctx context.Context, q publisher.Query) ([]publisher.Status, error)
}

// Tokens verifies tokens of the configured pools. Both methods check the
// signature before anything else, and return an error that wraps
// [ErrInvalidToken] or [ErrUnavailable].
type Tokens interface {
	// Authority accepts an access token that is unexpired. The error wraps
	// [revocation.ErrRevoked] too if the token is refused only because it was
	// revoked; Token is then filled in all the same.
	Authority(ctx context.Context, token string) (Token, error)
	// Name accepts access and ID tokens, also expired and revoked ones. They
	// may name something, and prove nothing.
	Name(ctx context.Context, token string) (Token, error)
}

// Token is a verified token.
type Token struct {
	Claims revocation.Token
	// ID says that it is an ID token.
	ID bool
}

var (
	// ErrInvalidToken is wrapped by errors that say the token is not what was
	// asked for.
	ErrInvalidToken = errors.New("api: invalid token")
	// ErrUnavailable is wrapped by errors that say the service can't do this
	// at the moment. Nothing has happened, and the same request may succeed
	// later.
	ErrUnavailable = errors.New("api: temporarily unavailable")
)

// Common is what both handlers need. Revoker and Tokens are required.
type Common struct {
	Revoker Revoker
	Tokens  Tokens
	// Audit keeps what is done. Required.
	Audit Audit
	// Served, if not nil, is called after each request with the pattern of its
	// route ("" if none matched) and the status, for metrics.
	Served func(route string, status int, took time.Duration)
	// Tracer begins a trace for each request, or joins that of an operator; nil
	// for none.
	Tracer trace.TracerProvider
	// Logger gets one line per request, without values of the request. The
	// zero value discards.
	Logger zerolog.Logger

	auditor *auditor
}

// audited makes whatever goes through Revoker leave a trace.
func (c *Common) audited() {
	c.auditor = newAuditor(c.Audit)
	c.Revoker = auditedRevoker{c.Revoker, c.auditor}
}

func (c Common) check() error {
	switch {
	case c.Revoker == nil:
		return errors.New("api: Revoker is nil")
	case c.Tokens == nil:
		return errors.New("api: Tokens is nil")
	case c.Audit == nil:
		return errors.New("api: Audit is nil")
	}
	return nil
}

const (
	// maxBody bounds the body of a request. A refresh token has 2 KB, an
	// access token 1 to 4 KB.
	maxBody = 64 << 10
	// maxWork bounds what one request may do once it was understood: one
	// refresh (5 s, twice), the acceptance (15 s) and the wait for Cognito.
	maxWork = 40 * time.Second
)

// detached is the context of work that a request has begun: an app that signs
// out often goes away at once, and a revocation does not stop half-way. In
// particular a refresh whose answer is lost would use up the refresh token.
func detached(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), maxWork)
}
