package spans_test

import (
	"context"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Without a span above, nothing is begun and nothing allocated.
func TestOffCostsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), t, t)) // as deep as a request's
	defer cancel()
	act := revocation.Act{ID: revocation.NewActID()}
	allocs := testing.AllocsPerRun(100, func() {
		ctx, request := spans.Serve(ctx, nil, spans.Stranger, "POST", "")
		ctx, revoke := spans.Act(ctx, "revoke", act)
		ctx, task := spans.Step(ctx, "store task")
		ctx, publish := spans.Publish(ctx, "revoked.rev.event")
		ctx, call := spans.Cognito(ctx, "RevokeToken")
		_, resumed := spans.Resume(ctx, nil, "carry further", act, "")
		if spans.Traceparent(ctx) != "" {
			t.Error("there is a traceparent without a trace")
		}
		spans.Sequence(publish, 1)
		spans.Fail(call, "TooManyRequestsException")
		spans.End(call, context.Canceled)
		spans.End(publish, nil)
		spans.End(task, nil)
		spans.End(revoke, nil)
		spans.End(resumed, nil)
		spans.Served(request, "POST", "/v1/revocations", 201)
	})
	if allocs != 0 {
		t.Errorf("%v allocations of a request without traces, want 0", allocs)
	}
}

// A trace that is not sampled has no spans of ours below it, and none of its
// name goes anywhere.
func TestNotSampled(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithSampler(sdktrace.NeverSample()))
	ctx, request := spans.Serve(t.Context(), provider, spans.Operator, "POST", "")
	ctx, publish := spans.Publish(ctx, "revoked.rev.event")
	if got := spans.Traceparent(ctx); got != "" {
		t.Errorf("traceparent %q of a trace that is not sampled, want none", got)
	}
	spans.End(publish, nil)
	spans.Served(request, "POST", "/v1/revocations", 201)
	if got := exporter.GetSpans(); len(got) != 0 {
		t.Errorf("%d spans, want none", len(got))
	}
}

// What is written is read, and what is read is what W3C Trace Context allows.
func FuzzParse(f *testing.F) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, seed := range []string{"", good, good[:54], good + "-", "01" + good[2:] + "-more", "ff" + good[2:], strings.ToUpper(good), strings.Repeat(good, 3)} {
		f.Add(seed)
	}
	provider := sdktrace.NewTracerProvider()
	f.Fuzz(func(t *testing.T, text string) {
		sc := spans.Parse(text)
		if !sc.IsValid() {
			if sc.HasTraceID() || sc.HasSpanID() || sc.IsSampled() {
				t.Errorf("Parse(%q) = %+v, want nothing of what is not valid", text, sc)
			}
			return
		}
		if len(text) < len(good) || text[3:35] != sc.TraceID().String() || text[36:52] != sc.SpanID().String() {
			t.Errorf("Parse(%q) = %+v, want the ids that stand there", text, sc)
		}
		// And it can be passed on.
		ctx, span := spans.Resume(t.Context(), provider, "carry further", revocation.Act{}, text)
		defer span.End()
		if again := spans.Parse(spans.Traceparent(ctx)); sc.IsSampled() && again.TraceID() != sc.TraceID() {
			t.Errorf("the trace of %q goes on as %v", text, again.TraceID())
		}
	})
}
