package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is an OpenTelemetry collector as far as OTLP over HTTP goes.
type receiver struct {
	mu       sync.Mutex // guards the fields below
	requests int
	auth     string
	spans    []string // "service: name"
}

// ServeHTTP implements [http.Handler].
func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.auth = r.Header.Get("Authorization")
	body, err := io.ReadAll(r.Body)
	var export collector.ExportTraceServiceRequest
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || err != nil || proto.Unmarshal(body, &export) != nil {
		http.Error(w, "not an export of traces", http.StatusBadRequest)
		return
	}
	for _, from := range export.GetResourceSpans() {
		service := ""
		for _, a := range from.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range from.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, service+": "+s.GetName())
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	answer, err := proto.Marshal(&collector.ExportTraceServiceResponse{})
	if err == nil {
		_, err = w.Write(answer)
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// cmdCollector starts a receiver and sets COLLECTOR to its URL.
func cmdCollector(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: collector")
	}
	c := &receiver{}
	srv := httptest.NewServer(c)
	ts.Defer(srv.Close)
	ts.Setenv("COLLECTOR", srv.URL)
	collectors.Store(srv.URL, c)
}

// collectors has the receivers of the scripts, by URL.
var collectors sync.Map

// cmdReceived waits until the receiver has a span of each of these names, as
// "SERVICE: NAME"; with ! it fails if the receiver was ever called.
func cmdReceived(ts *testscript.TestScript, neg bool, args []string) {
	found, _ := collectors.Load(ts.Getenv("COLLECTOR"))
	c, ok := found.(*receiver)
	if !ok || neg == (len(args) > 0) {
		ts.Fatalf("usage: received SPAN..., or ! received, after collector")
	}
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-again.C {
		c.mu.Lock()
		requests, got, auth := c.requests, strings.Join(c.spans, "\n"), c.auth
		c.mu.Unlock()
		if neg {
			if requests > 0 {
				ts.Fatalf("the collector was called %d times: %s", requests, got)
			}
			return
		}
		missing := ""
		for _, want := range args {
			if !strings.Contains("\n"+got+"\n", "\n"+want+"\n") {
				missing = want
			}
		}
		if missing == "" {
			if auth != "Bearer collector-key" {
				ts.Fatalf("the collector was called with the credentials %q", auth)
			}
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no span %q within 30 s; the collector has:\n%s", missing, got)
		}
	}
}
