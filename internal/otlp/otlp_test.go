package otlp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/internal/otlp"
	"github.com/seed-4e8dee1b/revoked/internal/safebuf"
)

func TestOffUnlessAnEndpointIsGiven(t *testing.T) {
	for _, environ := range []map[string]string{
		nil,
		{"OTEL_TRACES_SAMPLER": "nonsense"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_SDK_DISABLED": "TRUE"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "not a URL", "OTEL_TRACES_EXPORTER": "none"},
	} {
		traces, err := otlp.Start(t.Context(), otlp.Config{Environ: environ})
		if err != nil || traces.Provider() != nil {
			t.Errorf("Start with %v = %v, %v; want no traces", environ, traces, err)
			continue
		}
		traces.Close()
	}
}

func TestWhatCannotBeDoneIsRefused(t *testing.T) {
	for key, value := range map[string]string{
		"OTEL_TRACES_EXPORTER":               "zipkin",
		"OTEL_TRACES_SAMPLER":                "jaeger_remote",
		"OTEL_EXPORTER_OTLP_PROTOCOL":        "grpc",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "collector:4318",
		"OTEL_EXPORTER_OTLP_ENDPOINT":        "http://user:hunter2@localhost:4318",
	} {
		environ := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", key: value}
		if _, err := otlp.Start(t.Context(), otlp.Config{Environ: environ}); err == nil || !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Start with %s=%s = %v, want a problem of it", key, value, err)
		}
	}
	for _, arg := range []string{"1.5", "-0.1", "NaN", "many"} {
		environ := map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": arg,
		}
		if _, err := otlp.Start(t.Context(), otlp.Config{Environ: environ}); err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_SAMPLER_ARG") {
			t.Errorf("Start with the ratio %s = %v, want a problem of it", arg, err)
		}
	}
}

// A collector that refuses is one line in the log, however often; that it takes
// spans again is another. What it answers is cut short.
func TestFailuresAreToldOnce(t *testing.T) {
	var refusing atomic.Bool
	var asked atomic.Int32
	refusing.Store(true)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if refusing.Load() {
			http.Error(w, strings.Repeat("no", 1000)+"end", http.StatusForbidden)
		}
	}))
	defer srv.Close()
	// The exporter reads these by itself.
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	log := new(safebuf.Buffer)
	traces, err := otlp.Start(t.Context(), otlp.Config{
		Name: "test", Environ: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": srv.URL}, Logger: zerolog.New(log),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer traces.Close()
	spanUntil := func(what string, ok func() bool) {
		t.Helper()
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for deadline := time.Now().Add(time.Minute); !ok(); <-again.C {
			if time.Now().After(deadline) {
				t.Fatalf("waited a minute for %s; the log: %s", what, log)
			}
			begin(traces.Provider()).End()
		}
	}
	spanUntil("three attempts", func() bool { return asked.Load() >= 3 })
	refusing.Store(false)
	spanUntil("the line that all is well", func() bool { return strings.Contains(log.String(), "traces are sent again") })
	if len(log.String()) > 1000 {
		t.Errorf("the log has all that the collector answered:\n%s", log)
	}
	if n := strings.Count(log.String(), "traces can't be sent"); n != 1 {
		t.Errorf("%d lines about the failure, want 1:\n%s", n, log)
	}
}

func begin(provider trace.TracerProvider) trace.Span {
	_, span := provider.Tracer("test").Start(context.Background(), "test")
	return span
}
