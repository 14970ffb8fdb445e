// Package grpcauth puts a [validator.Validator] in front of a gRPC server.
//
//	streams, err := conn.New(conn.Config{Denylist: deny}) // a *subscriber.Subscriber
//	...
//	auth, err := grpcauth.New(grpcauth.Config{Validator: v, Streams: streams})
//	...
//	srv := grpc.NewServer(auth.ServerOptions()...)
//
// In a handler, [TokenFrom] returns the verified token.
//
// # Answers
//
// The bearer token is read from the metadata "authorization". Refusals carry an
// ErrorInfo (google.rpc) of the domain [Domain] with one of the reasons below:
//
//	no bearer token                  Unauthenticated   NO_CREDENTIALS
//	bad, expired or revoked          Unauthenticated   INVALID_TOKEN
//	a scope or group is missing      PermissionDenied  INSUFFICIENT_SCOPE
//	denylist stale, or no keys yet   Unavailable       TRY_AGAIN, with RetryInfo
//
// One answer covers all that is wrong with a token: why it was refused is for
// the log.
//
// # Streams
//
// A token that opens a stream ends it: when it is revoked or expires, the client
// receives Unauthenticated, the stream's context is canceled, with the cause,
// and a handler that waits in RecvMsg or SendMsg is woken. While the denylist is
// stale, a stream of a method that fails closed ends with Unavailable. Package
// conn has the promises. It costs no goroutine.
//
// # Methods
//
// Scopes and stale policy of Config hold for every method that
// [Config.Methods] does not name, the health and reflection services included.
//
// All methods may be called from any number of goroutines.
package grpcauth
