package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

// A line for each change, none for what stays, and an outage is lived through.
func TestWatchPrintsChanges(t *testing.T) {
	live := `{"service":"orders","node":"n1","state":"live","policy":"fail-closed","max_staleness_seconds":60,"sequence":%}`
	silent := `{"service":"orders","node":"n2","state":"live","silent":true,"policy":"fail-open","max_staleness_seconds":60}`
	pages := []string{
		strings.Replace(live, "%", "1", 1),
		strings.Replace(live, "%", "2", 1) + "," + silent,
		"", // an outage
		strings.Replace(silent, `"silent":true`, `"silent":true,"unproven":true`, 1),
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(asked.Add(1)) - 1
		switch {
		case n >= len(pages):
			cancel()
			n = len(pages) - 1
		case pages[n] == "":
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"nodes":[`+pages[n]+`]}`)
	}))
	defer srv.Close()
	c, err := client.New(client.Config{URL: srv.URL, APIKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	var out, messages bytes.Buffer
	a := &app{stdout: &out, stderr: &messages, output: formatTable, timeout: 30 * time.Second}
	if err := a.watch(ctx, c, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, change, _ := strings.Cut(strings.TrimSpace(line), "  ")
		got = append(got, change)
	}
	want := []string{
		"orders/n1  live, fail-closed",
		"orders/n2  silent, fail-open",
		"orders/n2  unproven: may accept revoked tokens, fail-open",
		"orders/n1  gone, fail-closed",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("watch prints\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
