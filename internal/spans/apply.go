package spans

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// maxNamed is how many acts of one message a span names.
const maxNamed = 8

// Applied is a message that a node has applied.
type Applied struct {
	Path        string
	Sequence    uint64 // 0 if it has none
	Acts        []revocation.Act
	Began       time.Time
	Traceparent string
}

// Apply records that a node has applied a message: a trace of its own, linked
// to the span that published the message, for there are many nodes (OpenTelemetry's
// conventions for messaging). A message whose span was not sampled leaves none.
func Apply(tracer trace.Tracer, a Applied) {
	producer := Parse(a.Traceparent)
	if !producer.IsSampled() {
		return
	}
	_, span := tracer.Start(context.Background(), "apply "+a.Path,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(a.Began),
		trace.WithLinks(trace.Link{SpanContext: producer}))
	defer span.End()
	if !span.IsRecording() {
		return
	}
	named := a.Acts[:min(len(a.Acts), maxNamed)]
	ids := make([]string, len(named))
	for i, act := range named {
		ids[i] = act.ID.String()
	}
	span.SetAttributes(messagingSystem.String("nats"), messagingOperation.String("apply"), messagingType.String("process"),
		actPath.String(a.Path), actIDs.StringSlice(ids), actCount.Int(len(a.Acts)))
	if a.Sequence > 0 {
		Sequence(span, a.Sequence)
	}
}
