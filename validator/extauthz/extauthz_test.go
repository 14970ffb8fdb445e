package extauthz_test

import (
	"context"
	"net/http"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-4e8dee1b/revoked/validator/extauthz"
)

func described(http *authv3.AttributeContext_HttpRequest) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: http}}}
}

func TestRequest(t *testing.T) {
	raw := func(values ...string) *corev3.HeaderMap {
		m := &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "x-other", RawValue: []byte("x")}}}
		for _, v := range values {
			m.Headers = append(m.Headers, &corev3.HeaderValue{Key: "authorization", RawValue: []byte(v)})
		}
		return m
	}
	tests := []struct {
		name string
		in   *authv3.AttributeContext_HttpRequest
		want []string
	}{
		{"none", &authv3.AttributeContext_HttpRequest{}, nil},
		{"empty", &authv3.AttributeContext_HttpRequest{Headers: map[string]string{"authorization": ""}}, []string{""}},
		{"one", &authv3.AttributeContext_HttpRequest{Headers: map[string]string{"authorization": "Bearer a"}}, []string{"Bearer a"}},
		{"raw", &authv3.AttributeContext_HttpRequest{HeaderMap: raw("Bearer a")}, []string{"Bearer a"}},
		{"two raw", &authv3.AttributeContext_HttpRequest{HeaderMap: raw("Bearer a", "Bearer b")}, []string{"Bearer a", "Bearer b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got extauthz.Request
			srv, err := extauthz.New(func(_ context.Context, r extauthz.Request) extauthz.Answer {
				got = r
				return extauthz.Answer{Allow: true}
			})
			if err != nil {
				t.Fatal(err)
			}
			tt.in.Method, tt.in.Path = "GET", "/a?b=c"
			if _, err := srv.Check(t.Context(), described(tt.in)); err != nil {
				t.Fatal(err)
			}
			want := extauthz.Request{Method: "GET", Path: "/a?b=c", Authorization: tt.want}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	tests := []struct {
		name string
		ans  extauthz.Answer
		code codes.Code
	}{
		{"allowed", extauthz.Answer{Allow: true, Header: http.Header{"X-Auth-Subject": {"s"}}, Remove: []string{"X-Auth-Groups"}}, codes.OK},
		{"401", extauthz.Answer{Status: 401, Header: http.Header{"Www-Authenticate": {"Bearer"}}, Body: []byte("b")}, codes.Unauthenticated},
		{"403", extauthz.Answer{Status: 403}, codes.PermissionDenied},
		{"503", extauthz.Answer{Status: 503}, codes.Unavailable},
		{"the zero answer refuses", extauthz.Answer{}, codes.PermissionDenied},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv, err := extauthz.New(func(context.Context, extauthz.Request) extauthz.Answer { return tt.ans })
			if err != nil {
				t.Fatal(err)
			}
			resp, err := srv.Check(t.Context(), described(&authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/"}))
			if err != nil {
				t.Fatal(err)
			}
			if got := codes.Code(resp.GetStatus().GetCode()); got != tt.code {
				t.Errorf("code %v, want %v", got, tt.code)
			}
			headers, denied := resp.GetOkResponse().GetHeaders(), resp.GetDeniedResponse()
			if !tt.ans.Allow {
				headers = denied.GetHeaders()
				if denied == nil || int(denied.GetStatus().GetCode()) != tt.ans.Status || denied.GetBody() != string(tt.ans.Body) {
					t.Errorf("denied %v, want status %d", denied, tt.ans.Status)
				}
			} else if diff := cmp.Diff(tt.ans.Remove, resp.GetOkResponse().GetHeadersToRemove()); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
			if len(headers) != len(tt.ans.Header) {
				t.Fatalf("%d headers, want %d", len(headers), len(tt.ans.Header))
			}
			for _, h := range headers {
				if h.GetHeader().GetValue() != tt.ans.Header.Get(h.GetHeader().GetKey()) ||
					h.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
					t.Errorf("header %v, want it to overwrite", h)
				}
			}
		})
	}
}

func TestUndescribed(t *testing.T) {
	if _, err := extauthz.New(nil); err == nil {
		t.Error("New(nil) = nil error")
	}
	srv, err := extauthz.New(func(context.Context, extauthz.Request) extauthz.Answer {
		t.Error("asked about nothing")
		return extauthz.Answer{Allow: true}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []*authv3.CheckRequest{
		nil, {}, described(nil),
		described(&authv3.AttributeContext_HttpRequest{Method: "GET"}), described(&authv3.AttributeContext_HttpRequest{Path: "/"}),
	} {
		if _, err := srv.Check(t.Context(), in); status.Code(err) != codes.InvalidArgument {
			t.Errorf("Check(%v) = %v, want InvalidArgument", in, err)
		}
	}
}
