package spans

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Header is the name of the W3C traceparent, in HTTP and on NATS messages. NATS
// compares names byte for byte, so it is written in lower case everywhere.
const Header = "traceparent"

// maxTraceparent bounds what is parsed. Version 00 has 55 bytes; later versions
// may have more behind them (W3C Trace Context, section 4.3).
const maxTraceparent = 128

// Traceparent returns the W3C traceparent of the span of ctx if it is sampled,
// else "": what is not kept is not worth a header.
func Traceparent(ctx context.Context) string {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() || !sc.IsSampled() {
		return ""
	}
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-01"
}

// TraceID returns the id of the trace that ctx is part of, if that is sampled.
func TraceID(ctx context.Context) trace.TraceID {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsSampled() {
		return trace.TraceID{}
	}
	return sc.TraceID()
}

// Parse returns the span that a W3C traceparent names. What is malformed names
// none: the result is not valid. The tracestate beside it is ignored.
func Parse(traceparent string) trace.SpanContext {
	if traceparent == "" || len(traceparent) > maxTraceparent {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier(traceparent))
	return trace.SpanContextFromContext(ctx)
}

// carrier has one header, to be read only.
type carrier string

// Get implements [propagation.TextMapCarrier].
func (c carrier) Get(key string) string {
	if key == Header {
		return string(c)
	}
	return ""
}

// Set implements [propagation.TextMapCarrier].
func (carrier) Set(string, string) {}

// Keys implements [propagation.TextMapCarrier].
func (carrier) Keys() []string { return []string{Header} }
