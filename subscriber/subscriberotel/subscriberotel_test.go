package subscriberotel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-4e8dee1b/revoked/internal/testbed"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberotel"
)

// Whatever stands in the headers of a message, its acts are in force, live and
// in a replay, and only a sampled traceparent leaves a span.
func TestHeadersDecideNothing(t *testing.T) {
	t.Parallel()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	observed := subscriber.Config{Applied: subscriberotel.Applied(provider)}
	bed := testbed.New(t, observed)
	nc, err := nats.Connect(bed.Broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()

	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var acts []revocation.Act
	spans := 0
	for _, tt := range []struct {
		name  string
		given []string
		spans int
	}{
		{"none", nil, 0},
		{"sampled", []string{good}, 1},
		{"not sampled", []string{strings.TrimSuffix(good, "1") + "0"}, 0},
		{"of a later version", []string{"01" + good[2:] + "-more"}, 1},
		{"twice", []string{good, good}, 0},
		{"garbage", []string{"\x00\xff-☃"}, 0},
		{"empty", []string{""}, 0},
		{"long", []string{good + "-" + strings.Repeat("f", 16<<10)}, 0},
	} {
		act := revocation.Act{
			ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Add(time.Hour).Unix(),
			Target: revocation.Target{Kind: revocation.KindToken, Pool: bed.Pool.ID(), ID: "jti of " + tt.name},
		}
		acts = append(acts, act)
		for _, subject := range []string{"revoked.fast.event", "revoked.rev.event"} {
			msg := nats.NewMsg(subject)
			msg.Data = revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{act}}.Encode()
			for _, v := range tt.given {
				msg.Header.Add("traceparent", v)
			}
			msg.Header.Set("tracestate", "foreign=1")
			msg.Header.Set("baggage", "user=jane")
			if err := nc.PublishMsg(msg); err != nil {
				t.Fatal(err)
			}
		}
		if err := bed.Denylist.AwaitEnforced(t.Context(), act); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		await(t, "the act from the stream", func() bool {
			for held := range bed.Denylist.Acts() {
				if held.ID == act.ID {
					return true
				}
			}
			return false
		})
		// Of the messages before, none is on its way any more.
		spans += tt.spans
		live := 0
		await(t, tt.name+": its span", func() bool {
			live = 0
			for _, s := range exporter.GetSpans() {
				if s.Name == "apply live" {
					live++
				}
			}
			return live >= spans
		})
		if live != spans {
			t.Errorf("%s: %d spans of live messages so far, want %d", tt.name, live, spans)
		}
	}

	for _, s := range exporter.GetSpans() {
		if s.Parent.IsValid() || len(s.Links) != 1 || s.Links[0].SpanContext.TraceID().String() != good[3:35] || s.SpanContext.TraceID() == s.Links[0].SpanContext.TraceID() {
			t.Errorf("span %q: parent %v, links %v, want a trace of its own with a link to the publisher's span", s.Name, s.Parent, s.Links)
		}
	}

	before := len(exporter.GetSpans())
	observed.Servers, observed.Service, observed.Node = bed.Broker.URL(), "testbed", "replayed"
	replayed, err := subscriber.Open(t.Context(), observed)
	if err != nil {
		t.Fatal(err)
	}
	defer replayed.Close()
	for _, act := range acts {
		if !replayed.Enforces(act) {
			t.Errorf("a node that replays the stream does not enforce the act on %q", act.Target.ID)
		}
	}
	if after := len(exporter.GetSpans()); after != before {
		t.Errorf("a replay left %d spans, want none", after-before)
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}
