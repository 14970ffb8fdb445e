package grpcauth_test

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-4e8dee1b/revoked/validator/grpcauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

// Methods of the test's service.
const (
	whoami = "/revoked.test.Orders/Whoami" // unary: the token's subject
	echo   = "/revoked.test.Orders/Echo"   // both ways: sends back what it receives
	watch  = "/revoked.test.Orders/Watch"  // to the client: one message, then silence
	health = "/revoked.test.Health/Check"  // unary
)

// orders is a service described by hand.
var orders = grpc.ServiceDesc{
	ServiceName: "revoked.test.Orders",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Whoami", Handler: unary(whoami)}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Echo", ServerStreams: true, ClientStreams: true, Handler: func(_ any, ss grpc.ServerStream) error {
			for {
				var in wrapperspb.StringValue
				if err := ss.RecvMsg(&in); err != nil {
					return err
				}
				if err := ss.SendMsg(&in); err != nil {
					return err
				}
			}
		}},
		{StreamName: "Watch", ServerStreams: true, Handler: func(_ any, ss grpc.ServerStream) error {
			if err := ss.SendMsg(wrapperspb.String(subject(ss.Context()))); err != nil {
				return err
			}
			<-ss.Context().Done()
			return ss.Context().Err()
		}},
	},
}

var healthService = grpc.ServiceDesc{
	ServiceName: "revoked.test.Health",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Check", Handler: unary(health)}},
}

func unary(name string) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		var in wrapperspb.StringValue
		if err := decode(&in); err != nil {
			return nil, err
		}
		handler := func(ctx context.Context, _ any) (any, error) { return wrapperspb.String(subject(ctx)), nil }
		return interceptor(ctx, &in, &grpc.UnaryServerInfo{Server: srv, FullMethod: name}, handler)
	}
}

// subject is that of the token in the context.
func subject(ctx context.Context) string {
	tok, ok := grpcauth.TokenFrom(ctx)
	if !ok {
		return "nobody"
	}
	return tok.Token().Subject
}

// serve runs a server with the options and returns a connection to it.
func serve(t *testing.T, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	srv := grpc.NewServer(options...)
	srv.RegisterService(&orders, nil)
	srv.RegisterService(&healthService, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	t.Cleanup(func() {
		srv.Stop()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	cc, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

// bearer returns a context for a call with the token.
func bearer(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// call makes a unary call and returns the answer.
func call(ctx context.Context, cc *grpc.ClientConn, method string) (string, error) {
	var out wrapperspb.StringValue
	err := cc.Invoke(ctx, method, wrapperspb.String(""), &out, grpc.WaitForReady(true))
	return out.Value, err
}

// open opens a stream and returns once the server has sent a first message.
func open(ctx context.Context, cc *grpc.ClientConn, method string) (grpc.ClientStream, error) {
	cs, err := cc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: method == echo}, method, grpc.WaitForReady(true))
	if err != nil {
		return nil, err
	}
	if err := cs.SendMsg(wrapperspb.String("hello")); err != nil {
		return nil, cs.RecvMsg(new(wrapperspb.StringValue)) // has the cause
	}
	if method != echo {
		if err := cs.CloseSend(); err != nil {
			return nil, err
		}
	}
	return cs, cs.RecvMsg(new(wrapperspb.StringValue))
}
