package spans

import (
	"context"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Attributes of OpenTelemetry's semantic conventions. Those of HTTP are stable;
// those of messaging and of calls to AWS are in development (1.45): this is the
// one place that knows them.
const (
	errorType = attribute.Key("error.type")

	httpMethod = attribute.Key("http.request.method")
	httpRoute  = attribute.Key("http.route")
	httpStatus = attribute.Key("http.response.status_code")
	urlScheme  = attribute.Key("url.scheme")

	messagingSystem      = attribute.Key("messaging.system")
	messagingDestination = attribute.Key("messaging.destination.name")
	messagingOperation   = attribute.Key("messaging.operation.name")
	messagingType        = attribute.Key("messaging.operation.type")

	rpcSystem  = attribute.Key("rpc.system.name")
	rpcMethod  = attribute.Key("rpc.method")
	awsService = "CognitoIdentityProvider"
)

// Publish begins the span of a message that is published on subject.
func Publish(ctx context.Context, subject string) (context.Context, trace.Span) {
	ctx, span := start(ctx, "publish", trace.SpanKindProducer)
	if span.IsRecording() {
		span.SetName("publish " + subject)
		span.SetAttributes(messagingSystem.String("nats"), messagingDestination.String(subject),
			messagingOperation.String("publish"), messagingType.String("send"))
	}
	return ctx, span
}

// Cognito begins the span of one call of Cognito's API, the wait for its quota
// included.
func Cognito(ctx context.Context, operation string) (context.Context, trace.Span) {
	ctx, span := start(ctx, "cognito", trace.SpanKindClient)
	if span.IsRecording() {
		span.SetName(awsService + "/" + operation)
		span.SetAttributes(rpcSystem.String("aws-api"), rpcMethod.String(awsService+"/"+operation))
	}
	return ctx, span
}

// Caller says what the traceparent of a request is worth.
type Caller bool

const (
	// Stranger is anybody: what it says becomes a link, and never decides
	// whether the request is traced.
	Stranger Caller = false
	// Operator is of ours: the request becomes part of its trace.
	Operator Caller = true
)

// Serve begins the span of a request to an HTTP server, which [Served] ends. A
// nil provider has none. The URL is left out on purpose: clients put secrets
// into it.
func Serve(ctx context.Context, provider trace.TracerProvider, from Caller, method, traceparent string) (context.Context, trace.Span) {
	if provider == nil {
		return ctx, none
	}
	opts := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(httpMethod.String(method), urlScheme.String("http")),
	}
	caller := Parse(traceparent)
	switch {
	case !caller.IsValid():
	case from == Operator:
		ctx = trace.ContextWithRemoteSpanContext(ctx, caller)
	default:
		opts = append(opts, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: caller}))
	}
	return provider.Tracer(Scope).Start(ctx, method, opts...)
}

// Served ends the span of a request. route is the pattern that took it, such as
// /v1/revocations/{id}; empty for none.
func Served(span trace.Span, method, route string, status int) {
	if span.IsRecording() {
		if route != "" {
			span.SetName(method + " " + route)
			span.SetAttributes(httpRoute.String(route))
		}
		span.SetAttributes(httpStatus.Int(status))
		if status >= 500 { // what the client did wrong is no error of the server's
			Fail(span, strconv.Itoa(status))
		}
	}
	span.End()
}
