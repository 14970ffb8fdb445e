// Package subscriberotel records in OpenTelemetry what a node applies. It is a
// package of its own so that services without OpenTelemetry do not link its API.
//
//	deny, err := subscriber.Open(ctx, subscriber.Config{
//		Servers: os.Getenv("NATS_URL"), Service: "orders",
//		Applied: subscriberotel.Applied(otel.GetTracerProvider()),
//	})
//
// Each message that the live or the fast path brings becomes a span "apply live"
// or "apply fast": the root of a trace of its own, linked to the span of the
// revoke service that published the message, because one message is applied by
// many nodes. It names the acts and where they stand in the stream, and nothing
// about whom they refuse. There is none for messages that the revoke service
// did not sample, and for what is read again at a start or after a hole.
package subscriberotel

import (
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// Applied returns the observer for [subscriber.Config]. It is safe for
// concurrent use. A nil provider has none.
func Applied(provider trace.TracerProvider) func(subscriber.Applied) {
	if provider == nil {
		return nil
	}
	tracer := provider.Tracer(spans.Scope)
	return func(a subscriber.Applied) {
		spans.Apply(tracer, spans.Applied{
			Path: string(a.Path), Sequence: a.Sequence, Acts: a.Acts, Began: a.Began, Traceparent: a.Traceparent,
		})
	}
}
