package grpcauth_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-4e8dee1b/revoked/internal/testbed"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/conn"
	"github.com/seed-4e8dee1b/revoked/validator/grpcauth"
)

// newAuth returns interceptors over a bed, with streams that end.
func newAuth(t *testing.T, bed *testbed.Bed, cfg grpcauth.Config) *grpcauth.Auth {
	t.Helper()
	streams, err := conn.New(conn.Config{Denylist: bed.Denylist})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { streams.Close() })
	cfg.Validator, cfg.Streams = bed.Validator, streams
	auth, err := grpcauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

// want compares a call's outcome: the code, the reason in its details, and that
// Unavailable says when to try again.
func want(t *testing.T, what string, err error, code codes.Code, reason string) {
	t.Helper()
	st := status.Convert(err)
	got, retry := "", false
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			got = d.Reason
			if d.Domain != grpcauth.Domain {
				t.Errorf("%s: domain %q", what, d.Domain)
			}
		case *errdetails.RetryInfo:
			retry = d.RetryDelay.AsDuration() > 0
		}
	}
	if st.Code() != code || got != reason || retry != (code == codes.Unavailable) {
		t.Errorf("%s: %v, reason %q, retry %t; want %v, %q", what, err, got, retry, code, reason)
	}
}

func TestCalls(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	auth := newAuth(t, bed, grpcauth.Config{Methods: map[string]grpcauth.Method{
		"/revoked.test.Health/*": {Public: true},
		watch:                    {Scopes: []string{"orders/watch"}},
	}})
	cc := serve(t, auth.ServerOptions()...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	good := bed.SignIn(t)
	expired := bed.Pool.Mint(cognitotest.MintOptions{ClientID: bed.ClientID, Username: "jane", IssuedAt: time.Now().Add(-2 * time.Hour)})

	if who, err := call(bearer(ctx, good), cc, whoami); err != nil || who != bed.User.Subject {
		t.Errorf("good token: %q, %v, want %q", who, err, bed.User.Subject)
	}
	if who, err := call(ctx, cc, health); err != nil || who != "nobody" {
		t.Errorf("public method: %q, %v, want nobody", who, err)
	}
	for _, method := range []string{whoami, echo} {
		do := func(ctx context.Context) error {
			if method == whoami {
				_, err := call(ctx, cc, whoami)
				return err
			}
			_, err := open(ctx, cc, method)
			return err
		}
		want(t, method+" without token", do(ctx), codes.Unauthenticated, "NO_CREDENTIALS")
		want(t, method+" with another scheme", do(metadata.AppendToOutgoingContext(ctx, "authorization", "Basic x")), codes.Unauthenticated, "NO_CREDENTIALS")
		want(t, method+" with garbage", do(bearer(ctx, "garbage")), codes.Unauthenticated, "INVALID_TOKEN")
		want(t, method+" with two tokens", do(bearer(bearer(ctx, good), good)), codes.Unauthenticated, "INVALID_TOKEN")
		want(t, method+" with an expired token", do(bearer(ctx, expired)), codes.Unauthenticated, "INVALID_TOKEN")
	}
	_, err := open(bearer(ctx, good), cc, watch)
	want(t, "without the method's scope", err, codes.PermissionDenied, "INSUFFICIENT_SCOPE")

	bed.RevokeSession(t, bed.Claims(t, good))
	_, err = call(bearer(ctx, good), cc, whoami)
	want(t, "revoked", err, codes.Unauthenticated, "INVALID_TOKEN")
	_, err = open(bearer(ctx, good), cc, echo)
	want(t, "stream, revoked", err, codes.Unauthenticated, "INVALID_TOKEN")

	stats := auth.Stats()
	if got := stats.Others.Decisions; got[validator.ReasonOK] != 1 || got[validator.ReasonRevoked] != 2 || got[validator.ReasonExpired] != 2 {
		t.Errorf("decisions %v, want 1 ok, 2 revoked, 2 expired", got)
	}
	if got := stats.Methods[watch].Decisions[validator.ReasonMissingScope]; got != 1 || len(stats.Methods) != 1 {
		t.Errorf("stats of methods %v, want one decision about %s", stats.Methods, watch)
	}
	if routes := stats.Routes(); len(routes) != 2 || routes["other"].Decisions[validator.ReasonOK] != 1 || routes[watch].Decisions[validator.ReasonMissingScope] != 1 {
		t.Errorf("routes %v, want those of %s and of the others", routes, watch)
	}
}

// A handler that waits for its client, and one that waits for its context, are
// both woken, and the client is told why.
func TestStreamsEndWithTheirTokens(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	auth := newAuth(t, bed, grpcauth.Config{})
	cc := serve(t, auth.ServerOptions()...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, method := range []string{echo, watch} {
		token, other := bed.SignIn(t), bed.SignIn(t)
		cs, err := open(bearer(ctx, token), cc, method)
		if err != nil {
			t.Fatal(err)
		}
		spared, err := open(bearer(ctx, other), cc, echo)
		if err != nil {
			t.Fatal(err)
		}
		bed.RevokeSession(t, bed.Claims(t, token))
		want(t, method, cs.RecvMsg(new(wrapperspb.StringValue)), codes.Unauthenticated, "INVALID_TOKEN")
		if err := spared.SendMsg(wrapperspb.String("still there")); err != nil {
			t.Fatal(err)
		}
		var back wrapperspb.StringValue
		if err := spared.RecvMsg(&back); err != nil || back.Value != "still there" {
			t.Errorf("%s: another session's stream: %q, %v", method, back.Value, err)
		}
		if err := spared.CloseSend(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStaleDenylistEndsStreamsThatFailClosed(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{MaxStaleness: 3 * time.Second})
	auth := newAuth(t, bed, grpcauth.Config{Methods: map[string]grpcauth.Method{
		watch: {StalePolicy: validator.FailOpen},
	}})
	cc := serve(t, auth.ServerOptions()...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	token := bed.SignIn(t)
	closed, err := open(bearer(ctx, token), cc, echo)
	if err != nil {
		t.Fatal(err)
	}
	lasting, stop := context.WithCancel(ctx)
	open1, err := open(bearer(lasting, token), cc, watch)
	if err != nil {
		t.Fatal(err)
	}
	bed.Broker.Stop()
	want(t, "stream that fails closed", closed.RecvMsg(new(wrapperspb.StringValue)), codes.Unavailable, "TRY_AGAIN")
	_, err = call(bearer(ctx, token), cc, whoami)
	want(t, "call that fails closed", err, codes.Unavailable, "TRY_AGAIN")
	open2, err := open(bearer(lasting, token), cc, watch)
	if err != nil {
		t.Errorf("new stream that fails open: %v", err)
	}
	stop()
	for _, cs := range []grpc.ClientStream{open1, open2} {
		if err := cs.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Canceled {
			t.Errorf("stream that fails open: %v, want it to go on until its client leaves", err)
		}
	}
}

// The break-glass serves streams too, and does not end them for what it was
// broken for.
func TestBreakGlassServesStreams(t *testing.T) {
	t.Setenv("REVOKED_STALE_POLICY", "fail-open")
	bed := testbed.New(t, subscriber.Config{MaxStaleness: 3 * time.Second})
	cc := serve(t, newAuth(t, bed, grpcauth.Config{}).ServerOptions()...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	token := bed.SignIn(t)
	claims := bed.Claims(t, token)
	bed.Broker.Stop()
	bed.AwaitStale(t, claims)
	lasting, stop := context.WithCancel(ctx)
	cs, err := open(bearer(lasting, token), cc, echo)
	if err != nil {
		t.Fatalf("a stream under the break-glass: %v", err)
	}
	stop()
	if err := cs.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Canceled {
		t.Errorf("a stream under the break-glass ends with %v, want it to go on until its client leaves", err)
	}
}

// One act cuts all streams of a user, and a stream costs no goroutine of ours.
func TestManyStreams(t *testing.T) {
	many := testbed.Streams(t)
	bed := testbed.New(t, subscriber.Config{})
	auth := newAuth(t, bed, grpcauth.Config{})
	cc, serveBare := serve(t, auth.ServerOptions()...), serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	token := bed.SignIn(t)

	// What a stream costs in goroutines without us: the server's, the client's.
	const few = 200
	bare := goroutinesOf(t, few, func() {
		if _, err := open(ctx, serveBare, watch); err != nil {
			t.Fatal(err)
		}
	})
	cut := make(chan time.Time, many)
	var running sync.WaitGroup
	streams := make([]grpc.ClientStream, 0, many)
	before := runtime.NumGoroutine()
	ours := goroutinesOf(t, many, func() {
		cs, err := open(bearer(ctx, token), cc, watch)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, cs)
	})
	for _, cs := range streams {
		running.Go(func() {
			err := cs.RecvMsg(new(wrapperspb.StringValue))
			cut <- time.Now()
			if status.Code(err) != codes.Unauthenticated {
				t.Errorf("stream ended with %v, want Unauthenticated", err)
			}
		})
	}
	sent := time.Now()
	bed.RevokeUser(t, bed.Claims(t, token))
	running.Wait()
	delays := make([]time.Duration, many)
	for i := range delays {
		delays[i] = (<-cut).Sub(sent)
	}
	slices.Sort(delays)
	t.Logf("sent to ended at the client, %d gRPC streams of one user: p50 %v, p99 %v, max %v; goroutines %d before, %.3f for a stream (%.3f without us), %d after",
		many, delays[many/2], delays[many*99/100], delays[many-1], before, ours, bare, runtime.NumGoroutine())
	if ours > bare+0.1 {
		t.Errorf("a stream costs %.3f goroutines, %.3f without us", ours, bare)
	}
}

// goroutinesOf returns how many goroutines one of n streams costs.
func goroutinesOf(t *testing.T, n int, open func()) float64 {
	t.Helper()
	before := runtime.NumGoroutine()
	for range n {
		open()
	}
	return float64(runtime.NumGoroutine()-before) / float64(n)
}

// plain hides what grpc-go's server transport offers beyond its interface.
type plain struct{ grpc.ServerTransportStream }

// A version of grpc-go whose transport can't be told to end a call is served all
// the same.
func TestStreamsEndWithoutHelpOfTheTransport(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	auth := newAuth(t, bed, grpcauth.Config{})
	hide := func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx := ss.Context()
		ctx = grpc.NewContextWithServerTransportStream(ctx, plain{grpc.ServerTransportStreamFromContext(ctx)})
		return handler(srv, &hidden{ss, ctx})
	}
	cc := serve(t, append([]grpc.ServerOption{grpc.ChainStreamInterceptor(hide)}, auth.ServerOptions()...)...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, method := range []string{echo, watch} {
		token := bed.SignIn(t)
		cs, err := open(bearer(ctx, token), cc, method)
		if err != nil {
			t.Fatal(err)
		}
		bed.RevokeSession(t, bed.Claims(t, token))
		want(t, method, cs.RecvMsg(new(wrapperspb.StringValue)), codes.Unauthenticated, "INVALID_TOKEN")
	}
}

type hidden struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // as in the interceptor itself
}

func (h *hidden) Context() context.Context { return h.ctx }

func TestConfig(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	streams := new(conn.Registry)
	v := bed.Validator
	for _, test := range []struct {
		cfg  grpcauth.Config
		want string // in the error; empty: none
	}{
		{grpcauth.Config{Validator: v, Streams: streams}, ""},
		{grpcauth.Config{Validator: v, UnboundStreams: true}, ""},
		{grpcauth.Config{Streams: streams}, "Config.Validator is nil"},
		{grpcauth.Config{Validator: v}, "Config.Streams is nil"},
		{grpcauth.Config{Validator: v, Streams: streams, UnboundStreams: true}, "Config.UnboundStreams is set beside Streams"},
		{grpcauth.Config{Validator: v, Streams: streams, Method: grpcauth.Method{Public: true}}, "Config.Public"},
		{grpcauth.Config{Validator: v, Streams: streams, Method: grpcauth.Method{Scopes: []string{"a b"}}}, `scope "a b"`},
		{grpcauth.Config{Validator: v, Streams: streams, Methods: map[string]grpcauth.Method{"Orders/Get": {}}}, `Config.Methods has "Orders/Get"`},
		{grpcauth.Config{Validator: v, Streams: streams, Methods: map[string]grpcauth.Method{"/Orders": {}}}, `Config.Methods has "/Orders"`},
		{grpcauth.Config{Validator: v, Streams: streams, Methods: map[string]grpcauth.Method{"/a/b/c": {}}}, `Config.Methods has "/a/b/c"`},
		{grpcauth.Config{Validator: v, Streams: streams, Methods: map[string]grpcauth.Method{"/a/b": {Public: true, Scopes: []string{"x"}}}}, "a Public method ignores Scopes"},
		{grpcauth.Config{Validator: v, Streams: streams, Methods: map[string]grpcauth.Method{"/a/b": {StalePolicy: validator.AskCognito}}}, `Config.Methods["/a/b"]: Config.Fallback is nil`},
	} {
		_, err := grpcauth.New(test.cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("New(%+v) = %v, want %q", test.cfg, err, test.want)
		}
	}
}
