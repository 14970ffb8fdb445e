package metrics_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v3"

	"github.com/seed-4e8dee1b/revoked/internal/dev"
	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/internal/metrics"
	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

var update = flag.Bool("update", false, "write the tables of docs/metrics.md")

const (
	pagePath = "../../docs/metrics.md"
	// limit bounds every wait.
	limit = 40 * time.Second
)

// A metric that is in the code and not on the page fails, and the reverse; so
// do its type, labels and help, and who is said to use it.
func TestPageIsWhatTheCodeShows(t *testing.T) {
	t.Attr("docs/metrics.md", "promtool check metrics (all programs); finds a counter without _total")
	registered := gather(t)
	for name, users := range uses(t, registered) {
		m := registered[name]
		m.Used = users
		registered[name] = m
	}
	text, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	want, err := registered.Write(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(pagePath, []byte(want), 0o644); err != nil { //nolint:gosec // a page that everybody reads
			t.Fatal(err)
		}
		return
	}
	page, err := metrics.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page, registered); diff != "" {
		t.Errorf("docs/metrics.md differs from the code; run go test ./internal/metrics -update (-page +code):\n%s", diff)
	} else if want != string(text) {
		t.Error("the tables of docs/metrics.md are not as they are written: run go test ./internal/metrics -update")
	}
}

// gather returns the metrics of ours that a service, a gate and a node show
// after each has done some work.
func gather(t *testing.T) metrics.Page {
	t.Helper()
	w, err := gatetest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	svc, g, node := startService(t, w), startGate(t, w), startNode(t, w)
	token := w.Token(cognitotest.MintOptions{OriginJTI: "s1"})

	nc, err := nats.Connect(w.NATS.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.Publish("revoked.live.event", []byte("of nobody")); err != nil { // is ignored
		t.Fatal(err)
	}
	await(t, "the node serves", func() bool { return ask(t, http.MethodGet, node+"/", "", token) == http.StatusOK })
	await(t, "the session is revoked", func() bool {
		return ask(t, http.MethodPost, svc.AdminURL()+"/v1/revocations", `{"kind":"session","id":"s1"}`, apiKey) == http.StatusCreated
	})
	forward := "http://" + g.Addrs("forward_auth")[0] + "/auth"
	await(t, "the prober has asked the nodes", func() bool {
		return strings.Contains(show(t, svc.MetricsURL()), "revoked_service_probe_enforce_seconds_count{")
	})
	await(t, "node and gate refuse", func() bool {
		return ask(t, http.MethodGet, node+"/", "", token) == http.StatusUnauthorized && ask(t, http.MethodGet, forward, "", token) == http.StatusUnauthorized
	})

	all := make(metrics.Page)
	for _, url := range []string{svc.MetricsURL(), "http://" + g.Addrs("metrics")[0], node} {
		text := show(t, url)
		promtool(t, text)
		collect(t, all, text)
	}
	return all
}

// show returns what a program shows.
func show(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const apiKey = "test-key-0123456789"

func startService(t *testing.T, w *gatetest.World) *service.Service {
	t.Helper()
	cfg := service.Default()
	cfg.PublicAddr, cfg.AdminAddr, cfg.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.APIKey, cfg.InsecureEphemeralSealKey, cfg.ServiceID = service.Secret(apiKey), true, "test"
	cfg.NATS.URL, cfg.Version = w.NATS.URL(), "test"
	cfg.Probe.Interval = time.Second
	cfg.Logger = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
	cfg.Pools = []service.Pool{{ID: w.Pool.ID(), Endpoint: w.Cognito.URL(), JWKSURL: w.Pool.JWKSURL(), Clients: []service.Client{{ID: gatetest.ClientID}}}}
	svc, err := service.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Close() })
	return svc
}

func startGate(t *testing.T, w *gatetest.World) *gate.Gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.yaml")
	text := fmt.Sprintf("metrics_addr: 127.0.0.1:0\nforward_auth: {listen: ['127.0.0.1:0']}\nnats: {url: %q}\npools: [%s]\nrules: [{path: /}, {path: /open, stale_policy: fail-open}, {path: /new, report_only: true}]\n",
		w.NATS.URL(), w.PoolYAML())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := gate.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
	g, err := gate.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// startNode runs a sample node, and returns its URL.
func startNode(t *testing.T, w *gatetest.World) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := dev.RunNode(ctx, dev.NodeConfig{
			Name: "1", Listen: "127.0.0.1:0", NATS: w.NATS.URL(), Pool: w.Pool.ID(), JWKS: w.Pool.JWKSURL(), Client: gatetest.ClientID,
		}, in)
		in.CloseWithError(io.ErrUnexpectedEOF)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("node: %v", err)
		}
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no line of the node: %v", err)
	}
	return strings.TrimSpace(url)
}

// ask sends a request with a bearer token, and returns the status, 0 for none.
func ask(t *testing.T, method, url, body, bearer string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-Method", http.MethodGet) // for the gate
	req.Header.Set("X-Forwarded-Uri", "/")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// collect adds the metrics of a text that are ours.
func collect(t *testing.T, all metrics.Page, text string) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range families {
		if !strings.HasPrefix(name, "revo") {
			continue
		}
		labels := make(map[string]struct{})
		for _, series := range f.Metric {
			for _, l := range series.Label {
				labels[l.GetName()] = struct{}{}
			}
		}
		m := metrics.Metric{Name: name, Type: strings.ToLower(f.GetType().String()), Labels: slices.Sorted(maps.Keys(labels)), Help: f.GetHelp()}
		if known, ok := all[name]; ok && cmp.Diff(known, m) != "" {
			t.Errorf("two programs show %s differently:\n%s", name, cmp.Diff(known, m))
		}
		all[name] = m
	}
}

// promtool lints what a program shows, if the deployment is checked.
func promtool(t *testing.T, text string) {
	t.Helper()
	if os.Getenv("CHECK_DEPLOY") == "" {
		return
	}
	lint := func(text string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := lint(text); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	if out, err := lint(strings.ReplaceAll(text, "revocation_decisions_total", "revocation_decisions")); err == nil {
		t.Errorf("promtool passes a counter without _total:\n%s", out)
	}
}

// uses returns which alerts, directly or by a recorded series, and which
// dashboards ask for each metric.
func uses(t *testing.T, known metrics.Page) map[string][]string {
	t.Helper()
	users := make(map[string]map[string]bool)
	use := func(name, user string) {
		if users[name] == nil {
			users[name] = make(map[string]bool)
		}
		users[name][user] = true
	}
	recorded := make(map[string][]string) // metrics by recorded series
	for _, file := range files(t, "../../deploy/prometheus/*.rules.yml") {
		var rules struct {
			Groups []struct {
				Rules []struct{ Record, Alert, Expr string }
			}
		}
		if err := yaml.Unmarshal(read(t, file), &rules); err != nil {
			t.Fatal(err)
		}
		for _, g := range rules.Groups {
			for _, r := range g.Rules {
				names := known.Uses(r.Expr)
				for _, s := range metrics.Selectors(r.Expr) {
					names = append(names, recorded[s.Name]...)
				}
				if r.Record != "" {
					recorded[r.Record] = names
					continue
				}
				for _, name := range names {
					use(name, r.Alert)
				}
			}
		}
	}
	for _, file := range files(t, "../../deploy/grafana/dashboards/*.json") {
		var d struct {
			Panels []struct{ Targets []struct{ Expr string } }
		}
		if err := json.Unmarshal(read(t, file), &d); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				for _, name := range known.Uses(target.Expr) {
					use(name, strings.TrimSuffix(filepath.Base(file), ".json"))
				}
			}
		}
	}
	sorted := make(map[string][]string)
	for name, by := range users {
		sorted[name] = slices.Sorted(maps.Keys(by))
	}
	return sorted
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
