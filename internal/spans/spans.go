// Package spans is what the revoke service records of its work for
// OpenTelemetry: the spans that it begins, their names and attributes, and the
// W3C traceparent that goes with messages and tasks. It needs the API of
// OpenTelemetry only; which spans are kept, and where they go, is for the SDK
// in the binaries (package otlp).
//
// A span is begun only below one that is recorded, and by the same provider.
// So whoever begins the first one, the HTTP server or a worker, decides, and
// without that nothing here allocates.
//
// What spans say is bounded: ids of acts and kinds of targets, names of
// operations, codes of errors. Never a token, a name of a user or session, a
// reason, or the text of an error.
package spans

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Scope names our instrumentation.
const Scope = "github.com/seed-4e8dee1b/revoked"

// none is the span that is none.
var none = trace.SpanFromContext(context.Background()) //nolint:gochecknoglobals // immutable

// start begins a span below that of ctx, if that is recorded.
func start(ctx context.Context, name string, kind trace.SpanKind) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, none
	}
	return parent.TracerProvider().Tracer(Scope).Start(ctx, name, trace.WithSpanKind(kind))
}

// Step begins the span of a step of our own.
func Step(ctx context.Context, name string) (context.Context, trace.Span) {
	return start(ctx, name, trace.SpanKindInternal)
}

// Act begins the span of what is done about one act.
func Act(ctx context.Context, name string, act revocation.Act) (context.Context, trace.Span) {
	ctx, span := start(ctx, name, trace.SpanKindInternal)
	describe(span, act)
	return ctx, span
}

// Resume begins the span of work that goes on about an act, below the span
// that traceparent names. Without a provider, or if that is no traceparent of a
// span that was sampled, there is none.
func Resume(ctx context.Context, provider trace.TracerProvider, name string, act revocation.Act, traceparent string) (context.Context, trace.Span) {
	parent := Parse(traceparent)
	if provider == nil || !parent.IsSampled() {
		return ctx, none
	}
	ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	ctx, span := provider.Tracer(Scope).Start(ctx, name, trace.WithSpanKind(trace.SpanKindInternal))
	describe(span, act)
	return ctx, span
}

func describe(span trace.Span, act revocation.Act) {
	if span.IsRecording() {
		span.SetAttributes(actID.String(act.ID.String()), actKind.String(act.Target.Kind.String()))
	}
}

// End ends a span with its outcome. Of the error it says only that there was
// one: its text may name what was revoked.
func End(span trace.Span, err error) {
	if err != nil {
		Fail(span, "error")
	}
	span.End()
}

// Fail marks a span as failed, with a code from a fixed set.
func Fail(span trace.Span, code string) {
	if span.IsRecording() {
		span.SetAttributes(errorType.String(code))
		span.SetStatus(codes.Error, "")
	}
}

// Sequence notes where a message was stored.
func Sequence(span trace.Span, sequence uint64) {
	if span.IsRecording() {
		span.SetAttributes(streamSequence.Int64(int64(sequence))) //nolint:gosec // no stream has 2^63 messages
	}
}

// attributes of ours.
const (
	actID          = attribute.Key("revoked.act.id")
	actIDs         = attribute.Key("revoked.act.ids")
	actKind        = attribute.Key("revoked.act.kind")
	actCount       = attribute.Key("revoked.act.count")
	actPath        = attribute.Key("revoked.path")
	streamSequence = attribute.Key("revoked.stream.sequence")
)
