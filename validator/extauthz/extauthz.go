// Package extauthz speaks Envoy's external authorization protocol
// (envoy.service.auth.v3.Authorization over gRPC, which Istio, Envoy Gateway
// and Contour use too).
//
//	srv, err := extauthz.New(authorize)
//	...
//	srv.Register(grpcServer)
//
// It translates only: authorize decides, and answers in terms of HTTP. A
// request that the protocol leaves undescribed is an error of the call, which
// Envoy refuses unless failure_mode_allow is set; do not set it.
//
// A [Server] may be used from any number of goroutines.
package extauthz

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Request is the HTTP request that Envoy asks about.
type Request struct {
	Method string
	// Path is the request target with its query, as the client sent it but
	// for what Envoy's own normalize_path has changed.
	Path string
	// Authorization has the values of that header. Envoy joins several by
	// commas, unless encode_raw_headers is set.
	Authorization []string
}

// Answer is what becomes of the request.
type Answer struct {
	// Allow lets the request through to the upstream.
	Allow bool
	// Header, if Allow is set, replaces headers of the request to the
	// upstream; Remove names those that it must not have. Otherwise Header is
	// sent to the client.
	Header http.Header
	Remove []string
	// Status and Body are sent to the client unless Allow is set.
	Status int
	Body   []byte
}

// Server answers Envoy. Use [New].
type Server struct {
	authv3.UnimplementedAuthorizationServer
	authorize func(context.Context, Request) Answer // immutable
}

// New returns a server. authorize is called once per request, with the context
// of the call, and concurrently.
func New(authorize func(context.Context, Request) Answer) (*Server, error) {
	if authorize == nil {
		return nil, errors.New("extauthz: authorize is nil: pass the function that decides")
	}
	return &Server{authorize: authorize}, nil
}

// Register adds the service to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) { authv3.RegisterAuthorizationServer(r, s) }

// Check implements the service.
func (s *Server) Check(ctx context.Context, in *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	described := in.GetAttributes().GetRequest().GetHttp()
	if described.GetMethod() == "" || described.GetPath() == "" {
		return nil, status.Error(codes.InvalidArgument, "extauthz: the request has no attributes of an HTTP request")
	}
	ans := s.authorize(ctx, Request{
		Method:        described.GetMethod(),
		Path:          described.GetPath(),
		Authorization: authorization(described),
	})
	if ans.Allow {
		return &authv3.CheckResponse{
			Status: &statuspb.Status{Code: int32(codes.OK)},
			HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{
				Headers: options(ans.Header), HeadersToRemove: ans.Remove,
			}},
		}, nil
	}
	return &authv3.CheckResponse{
		Status: &statuspb.Status{Code: int32(code(ans.Status))},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(int32(ans.Status))},
			Headers: options(ans.Header), Body: string(ans.Body),
		}},
	}, nil
}

// authorization returns the values of the header. Its key is in lower case in
// either form.
func authorization(described *authv3.AttributeContext_HttpRequest) []string {
	var values []string
	if value, present := described.GetHeaders()["authorization"]; present {
		values = append(values, value)
	}
	for _, h := range described.GetHeaderMap().GetHeaders() {
		if strings.EqualFold(h.GetKey(), "authorization") {
			values = append(values, h.GetValue()+string(h.GetRawValue()))
		}
	}
	return values
}

// options overwrite: appending would leave a header that the client sent.
func options(header http.Header) []*corev3.HeaderValueOption {
	var list []*corev3.HeaderValueOption
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		list = append(list, &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: strings.ToLower(name), Value: header.Get(name)},
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		})
	}
	return list
}

// code is what the status means in gRPC; the client sees the HTTP status.
func code(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.PermissionDenied
}
