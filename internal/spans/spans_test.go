package spans_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
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
	provider, exporter := recording(sdktrace.NeverSample())
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

const sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// recording keeps every span that its sampler takes.
func recording(sampler sdktrace.Sampler) (*sdktrace.TracerProvider, *tracetest.InMemoryExporter) {
	exporter := tracetest.NewInMemoryExporter()
	return sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithSampler(sampler)), exporter
}

// What a stranger says of a trace is a link, and never has its request traced;
// an operator's is part of its trace.
func TestWhoDecidesWhatIsTraced(t *testing.T) {
	for _, tt := range []struct {
		name    string
		from    spans.Caller
		sampler sdktrace.Sampler // of what has no parent
		spans   int
		links   int
		parent  bool
	}{
		{"stranger", spans.Stranger, sdktrace.AlwaysSample(), 1, 1, false},
		{"stranger, and nothing is sampled", spans.Stranger, sdktrace.NeverSample(), 0, 0, false},
		{"operator", spans.Operator, sdktrace.AlwaysSample(), 1, 0, true},
		{"operator, and nothing else is sampled", spans.Operator, sdktrace.NeverSample(), 1, 0, true},
	} {
		provider, exporter := recording(sdktrace.ParentBased(tt.sampler))
		_, request := spans.Serve(t.Context(), provider, tt.from, "POST", sampled)
		spans.Served(request, "POST", "/v1/revocations", 201)
		got := exporter.GetSpans()
		if len(got) != tt.spans {
			t.Errorf("%s: %d spans, want %d", tt.name, len(got), tt.spans)
			continue
		}
		for _, s := range got {
			if len(s.Links) != tt.links || s.Parent.IsValid() != tt.parent {
				t.Errorf("%s: %d links, parent %v, want %d, %t", tt.name, len(s.Links), s.Parent, tt.links, tt.parent)
			}
		}
	}
}

// Work that goes on about an act is traced if its begin was, even where all
// else is.
func TestResume(t *testing.T) {
	provider, exporter := recording(sdktrace.AlwaysSample())
	for traceparent, want := range map[string]int{sampled: 1, strings.TrimSuffix(sampled, "1") + "0": 0, "": 0} {
		exporter.Reset()
		_, span := spans.Resume(t.Context(), provider, "carry further", revocation.Act{}, traceparent)
		span.End()
		if got := exporter.GetSpans(); len(got) != want {
			t.Errorf("%d spans below %q, want %d", len(got), traceparent, want)
		}
	}
}

// The text of an error may name what was revoked.
func TestErrorsHaveNoText(t *testing.T) {
	provider, exporter := recording(sdktrace.AlwaysSample())
	ctx, request := spans.Serve(t.Context(), provider, spans.Operator, "POST", "")
	_, step := spans.Step(ctx, "store task")
	spans.End(step, errors.New("user jane is not there"))
	spans.Served(request, "POST", "/v1/revocations", 503)
	for _, s := range exporter.GetSpans() {
		if s.Status.Code != codes.Error || s.Status.Description != "" || len(s.Events) != 0 {
			t.Errorf("%s: status %+v, events %v, want an error without a text", s.Name, s.Status, s.Events)
		}
		for _, a := range s.Attributes {
			if strings.Contains(a.Value.String(), "jane") {
				t.Errorf("%s: %s = %s", s.Name, a.Key, a.Value.String())
			}
		}
	}
}

// Later versions may say more behind what is known, within bounds.
func TestLaterVersionsAreBounded(t *testing.T) {
	later := "01" + sampled[2:] + "-"
	for _, tt := range []struct {
		length int
		want   bool
	}{{128, true}, {129, false}, {16 << 10, false}} {
		if got := spans.Parse(later + strings.Repeat("f", tt.length-len(later))).IsValid(); got != tt.want {
			t.Errorf("%d bytes of a later version are read: %t, want %t", tt.length, got, tt.want)
		}
	}
}

// What is written is read, and what is read is what W3C Trace Context allows.
func FuzzParse(f *testing.F) {
	const good = sampled
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
