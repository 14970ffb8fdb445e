// Package otlp sends spans to an OpenTelemetry collector, by OTLP over HTTP. It
// is the one place that links the SDK, for binaries only: libraries take a
// [trace.TracerProvider].
//
// The variables are OpenTelemetry's own. Unlike the SDK this package sends
// nothing, and dials nobody, unless an endpoint is given; it honors
// OTEL_SDK_DISABLED and OTEL_TRACES_EXPORTER, which the SDK for Go leaves to its
// user; and it refuses what it can't do instead of doing something else.
package otlp

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/internal/config"
)

// stopTimeout bounds how long Close waits for the last spans to leave.
const stopTimeout = 5 * time.Second

// Config says who sends. The variables say whether, and where to.
type Config struct {
	// Name, Version and Instance are those of the service, unless
	// OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES say otherwise. No Instance is
	// the host name.
	Name, Version, Instance string
	// Environ are the variables of the process. The SDK and its exporter read
	// further ones by themselves.
	Environ map[string]string
	// Logger gets a line when sending begins to fail, and one when it succeeds
	// again.
	Logger zerolog.Logger
}

// Traces are the spans of a process on their way. The zero value has none.
type Traces struct{ provider *sdktrace.TracerProvider }

// Start returns what the variables ask for; nothing is dialed before there is
// something to send. The error is a [*config.Error].
func Start(ctx context.Context, cfg Config) (*Traces, error) {
	if err := config.Wrong(problems(cfg.Environ)); err != nil {
		return nil, err
	}
	if !wanted(cfg.Environ) {
		return &Traces{}, nil
	}
	if cfg.Instance == "" {
		cfg.Instance, _ = os.Hostname() // unknown is no reason not to serve
	}
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", cfg.Name), attribute.String("service.version", cfg.Version),
			attribute.String("service.instance.id", cfg.Instance)),
		resource.WithFromEnv())
	if err != nil {
		return nil, config.Wrong([]config.Problem{{Key: "OTEL_RESOURCE_ATTRIBUTES", Reason: "can't be read", Fix: "set key=value pairs, separated by commas"}})
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return &Traces{sdktrace.NewTracerProvider(
		sdktrace.WithResource(res),
		sdktrace.WithBatcher(&told{SpanExporter: exporter, log: cfg.Logger.With().Str("component", "otlp").Logger()}),
	)}, nil
}

// Provider begins spans; nil if there are none.
func (t *Traces) Provider() trace.TracerProvider {
	if t.provider == nil {
		return nil // not a pointer that is nil
	}
	return t.provider
}

// Close sends what is left, for some seconds at most. Spans that can't be sent
// are lost, which is no failure of the process.
func (t *Traces) Close() {
	if t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // told logs what fails
}

// told logs when sending begins to fail and when it succeeds again. The SDK
// would print each failure.
type told struct {
	sdktrace.SpanExporter
	log zerolog.Logger

	mu      sync.Mutex // guards the field below
	failing bool
}

// ExportSpans implements [sdktrace.SpanExporter].
func (t *told) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := t.SpanExporter.ExportSpans(ctx, spans)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && !t.failing:
		t.log.Warn().Str("error", bounded(err)).Msg("traces can't be sent")
	case err == nil && t.failing:
		t.log.Info().Msg("traces are sent again")
	}
	t.failing = err != nil
	return nil
}

// maxLogged bounds what is logged of an error, which has the collector's answer
// in it.
const maxLogged = 256

func bounded(err error) string {
	text := err.Error()
	return text[:min(len(text), maxLogged)]
}

// wanted reports whether spans are to be sent.
func wanted(environ map[string]string) bool {
	return !strings.EqualFold(environ[sdkDisabled], "true") && environ[tracesExporter] != "none" &&
		(environ[endpoint] != "" || environ[tracesEndpoint] != "")
}

// The variables that are looked at here.
const (
	sdkDisabled    = "OTEL_SDK_DISABLED"
	tracesExporter = "OTEL_TRACES_EXPORTER"
	endpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	sampler        = "OTEL_TRACES_SAMPLER"
	samplerArg     = "OTEL_TRACES_SAMPLER_ARG"
)

// problems says which variables ask for what can't be had. If traces are
// disabled, none does.
func problems(environ map[string]string) []config.Problem {
	var list config.Problems
	if !wanted(environ) {
		return nil
	}
	if v := environ[tracesExporter]; v != "" && v != "otlp" {
		list.Add(tracesExporter, v, "is not there", "set otlp or none")
	}
	for _, key := range []string{endpoint, tracesEndpoint} {
		if v := environ[key]; v != "" {
			switch u, err := url.Parse(v); {
			case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
				list.Add(key, "", "is not a URL", "set one such as http://localhost:4318") // the value may have a password
			case u.User != nil:
				list.Add(key, "", "has credentials in it, which the exporter leaves out", "give them in OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Basic%20...")
			}
		}
	}
	for _, key := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if v := environ[key]; v != "" && v != "http/protobuf" {
			list.Add(key, v, "is not there", "set http/protobuf, and the port of the collector for it, 4318 mostly")
		}
	}
	known := []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
	if v := environ[sampler]; v != "" && !slices.Contains(known, v) {
		list.Add(sampler, v, "is unknown", "set one of "+strings.Join(known, ", "))
	}
	if v := environ[samplerArg]; v != "" && strings.HasSuffix(environ[sampler], "traceidratio") {
		if ratio, err := strconv.ParseFloat(v, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
			list.Add(samplerArg, v, "is not from 0 to 1", "set the share of traces to keep, such as 0.01")
		}
	}
	return list
}
