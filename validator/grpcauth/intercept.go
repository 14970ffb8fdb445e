package grpcauth

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/conn"
)

type tokenKey struct{}

// TokenFrom returns the token that was verified for the call with this context.
// It reports false for public methods, and under [validator.Config.ReportOnly]
// if there was no token or it failed a check.
func TokenFrom(ctx context.Context) (*validator.Verified, bool) {
	tok, ok := ctx.Value(tokenKey{}).(*validator.Verified)
	return tok, ok
}

// decide returns the decision to serve a call, without a token if it is served
// without one, or the error that refuses it.
func (a *Auth) decide(ctx context.Context, route *validator.Route) (validator.Decision, error) {
	if route == nil {
		return validator.Decision{Serve: true}, nil
	}
	d := route.Decide(ctx, metadata.ValueFromIncomingContext(ctx, "authorization"))
	if !d.Serve {
		return d, refusal(d.Reason)
	}
	return d, nil
}

// Unary is a [grpc.UnaryServerInterceptor].
func (a *Auth) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	d, err := a.decide(ctx, a.route(info.FullMethod))
	if err != nil {
		return nil, err
	}
	if d.Token != nil {
		ctx = context.WithValue(ctx, tokenKey{}, d.Token)
	}
	return handler(ctx, req)
}

// Stream is a [grpc.StreamServerInterceptor].
func (a *Auth) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	d, err := a.decide(ss.Context(), a.route(info.FullMethod))
	tok := d.Token
	switch {
	case err != nil:
		return err
	case tok == nil:
		return handler(srv, ss)
	}
	with := &stream{ServerStream: ss, ctx: context.WithValue(ss.Context(), tokenKey{}, tok)}
	// ReportOnly has let a refused token pass; it must not end its stream either.
	if a.streams == nil || tok.Unenforced() != nil {
		return handler(srv, with)
	}
	return a.bound(with, tok, d.StalePolicy, func() error { return handler(srv, with) })
}

// finisher is what the server's end of a call can do in grpc-go beside what
// [grpc.ServerTransportStream] says: send the status from any goroutine, which
// ends the call and wakes a handler that waits for its client.
type finisher interface {
	WriteStatus(st *status.Status) error
}

// bound serves a stream until it is done or its token is refused.
func (a *Auth) bound(ss *stream, tok *validator.Verified, policy validator.StalePolicy, serve func() error) error {
	ctx, cancel := context.WithCancelCause(ss.ctx)
	defer cancel(context.Canceled)
	ss.ctx = ctx
	call, direct := grpc.ServerTransportStreamFromContext(ctx).(finisher)
	end := func(cause error) {
		cancel(cause) // first, so that the handler finds it
		if direct {
			// The call is over already if this fails.
			_ = call.WriteStatus(status.Convert(refusal(conn.ReasonOf(cause))))
		}
	}
	defer a.streams.BindFunc(end, tok.Token(), policy)()
	if ctx.Err() != nil {
		return outcome(ctx, ctx.Err())
	}
	if !direct {
		return beside(ctx, serve)
	}
	return outcome(ctx, serve())
}

// beside serves a stream in a goroutine of its own, for a version of grpc-go
// without finisher: returning is then what ends the call. The goroutine ends
// when the handler has noticed.
func beside(ctx context.Context, serve func() error) error {
	done := make(chan error, 1)
	go func() { done <- serve() }()
	select {
	case err := <-done:
		return outcome(ctx, err)
	case <-ctx.Done():
		return outcome(ctx, status.FromContextError(ctx.Err()).Err())
	}
}

// outcome returns what the handler has made of its call, or why the call was
// ended before.
func outcome(ctx context.Context, err error) error {
	if reason := conn.ReasonOf(context.Cause(ctx)); reason != validator.ReasonOK {
		return refusal(reason)
	}
	return err
}

// stream has the token in its context.
type stream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream is the context's home
}

// Context implements [grpc.ServerStream].
func (s *stream) Context() context.Context { return s.ctx }
