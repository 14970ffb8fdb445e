package service_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberotel"
)

// tracing keeps spans in memory.
func tracing(t *testing.T) (trace.TracerProvider, *tracetest.InMemoryExporter) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	return provider, exporter
}

// tracedBench has a service and two more nodes that are traced.
func tracedBench(t *testing.T) (b *bench, service *tracetest.InMemoryExporter, nodes []*tracetest.InMemoryExporter) {
	t.Helper()
	b = newStoppedBench(t)
	b.provision()
	provider, service := tracing(t)
	cfg := b.config()
	cfg.Tracer = provider
	b.start(cfg)
	b.awaitReady()
	b.openNode()
	for _, name := range []string{"orders-2", "orders-3"} {
		provider, spans := tracing(t)
		node, err := subscriber.Open(t.Context(), subscriber.Config{
			Servers: b.nats.URL(), Service: "orders", Node: name, Applied: subscriberotel.Applied(provider),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { node.Close() })
		nodes = append(nodes, spans)
	}
	return b, service, nodes
}

// named returns the spans of that name, in the order they ended.
func named(exporter *tracetest.InMemoryExporter, name string) []tracetest.SpanStub {
	return slices.DeleteFunc(exporter.GetSpans(), func(s tracetest.SpanStub) bool { return s.Name != name })
}

// send posts a revocation of a user with a traceparent, "" for none.
func (b *bench) send(t *testing.T, traceparent string) answer {
	t.Helper()
	body := `{"kind":"user","id":"` + b.demo.Ada.Subject + `","reason":"laptop stolen"}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.svc.AdminURL()+"/v1/revocations", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+apiKey)
	if traceparent != "" {
		req.Header.Set("traceparent", traceparent)
	}
	a := b.do(req)
	if a.status != http.StatusCreated {
		t.Fatalf("answer = %v", a)
	}
	return a
}

// One revocation is one trace, from the request to what Cognito has confirmed,
// and each node has a span that is linked to it.
func TestOneTraceOfOneRevocation(t *testing.T) {
	t.Parallel()
	b, service, nodes := tracedBench(t)
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	b.send(t, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	b.awaitRefused(t, tokens.AccessToken)
	waitFor(t, "the end of the attempt", func() bool { return len(named(service, "carry further")) > 0 })

	spans := map[trace.SpanID]tracetest.SpanStub{}
	for _, s := range service.GetSpans() {
		spans[s.SpanContext.SpanID()] = s
	}
	root := named(service, "POST /v1/revocations")
	if len(root) != 1 || root[0].SpanKind != trace.SpanKindServer || root[0].Parent.SpanID().String() != "b7ad6b7169203331" {
		t.Fatalf("spans of the server = %+v, want one below the caller's", root)
	}
	for _, want := range []struct {
		name  string
		kind  trace.SpanKind
		below string // nearest
	}{
		{"revoke", trace.SpanKindInternal, "POST /v1/revocations"},
		{"publish revoked.fast.event", trace.SpanKindProducer, "revoke"},
		{"store task", trace.SpanKindInternal, "revoke"},
		{"publish revoked.rev.event", trace.SpanKindProducer, "revoke"},
		{"await enforced", trace.SpanKindInternal, "revoke"},
		{"carry further", trace.SpanKindInternal, "revoke"},
		{"CognitoIdentityProvider/ListUsers", trace.SpanKindClient, "carry further"},
		{"CognitoIdentityProvider/AdminUserGlobalSignOut", trace.SpanKindClient, "carry further"},
		{"publish revoked.rev.event", trace.SpanKindProducer, "carry further"}, // the confirmation
	} {
		found := slices.ContainsFunc(named(service, want.name), func(s tracetest.SpanStub) bool {
			return s.SpanKind == want.kind && spans[s.Parent.SpanID()].Name == want.below &&
				s.SpanContext.TraceID() == root[0].SpanContext.TraceID()
		})
		if !found {
			t.Errorf("no span %q of kind %v below %q in the trace of the request", want.name, want.kind, want.below)
		}
	}

	for i, node := range nodes {
		for apply, publish := range map[string]string{"apply live": "publish revoked.rev.event", "apply fast": "publish revoked.fast.event"} {
			first := named(service, publish)[0].SpanContext
			linked := func(s tracetest.SpanStub) bool {
				return len(s.Links) == 1 && s.Links[0].SpanContext.SpanID() == first.SpanID() && s.Links[0].SpanContext.TraceID() == first.TraceID()
			}
			if apply == "apply live" {
				waitFor(t, "the node's span", func() bool { return slices.ContainsFunc(named(node, apply), linked) })
			}
			for _, s := range named(node, apply) {
				if s.Parent.IsValid() || s.SpanContext.TraceID() == first.TraceID() {
					t.Errorf("node %d: %q is part of the publisher's trace, want one of its own with a link", i, apply)
				}
			}
		}
	}

	// What spans say is nobody's name, and no secret.
	exporters := append([]*tracetest.InMemoryExporter{service}, nodes...)
	secrets := append(slices.Clone(b.secrets), b.demo.Ada.Subject, b.demo.Ada.Username, "laptop stolen", "anonymous",
		claimsOf(t, tokens.AccessToken).JTI, claimsOf(t, tokens.AccessToken).OriginJTI)
	for _, exporter := range exporters {
		for _, s := range exporter.GetSpans() {
			text := s.Name + " " + s.Status.Description
			for _, a := range s.Attributes {
				text += " " + a.Value.String()
			}
			if len(s.Events) > 0 {
				t.Errorf("span %q has events %v, want none: errors have texts", s.Name, s.Events)
			}
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("span %q says %q, with %q in it", s.Name, text, secret)
				}
			}
		}
	}
}

// What an app says of a trace becomes a link: it can't have itself traced, nor
// fill a trace of ours. What is malformed is like nothing.
func TestForeignTraces(t *testing.T) {
	t.Parallel()
	b, service, _ := tracedBench(t)
	const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, tt := range []struct {
		name, traceparent string
		links             int
	}{
		{"none", "", 0},
		{"well formed", caller, 1},
		{"upper case", strings.ToUpper(caller), 0},
		{"zero ids", "00-00000000000000000000000000000000-0000000000000000-01", 0},
		{"too long for version 00", caller + "-x", 0},
		{"not hexadecimal", strings.ReplaceAll(caller, "a", "z"), 0},
		{"endless", caller + strings.Repeat("0", 4096), 0},
	} {
		service.Reset()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.svc.PublicURL()+"/oauth2/revoke", strings.NewReader("client_id="+b.demo.Client.ID+"&token=garbage"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.traceparent != "" {
			req.Header.Set("traceparent", tt.traceparent)
		}
		b.do(req)
		waitFor(t, "the span of the request", func() bool { return len(named(service, "POST /oauth2/revoke")) == 1 })
		s := named(service, "POST /oauth2/revoke")[0]
		if s.Parent.IsValid() || len(s.Links) != tt.links {
			t.Errorf("%s: parent %v and %d links, want no parent and %d links", tt.name, s.Parent, len(s.Links), tt.links)
		}
	}
}
