//go:build linux

package proxies_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// TestFigures measures what the gate costs, on this machine and in one run; it
// asserts that every answer was right, and nothing about time.
func TestFigures(t *testing.T) {
	if os.Getenv("REVOKED_BENCH_GATE") == "" {
		t.Skip("measures for a minute: run make bench-gate")
	}
	w, err := gatetest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	t.Logf("%s, %d CPUs, shared by clients, proxy, gate, upstream and NATS", runtime.Version(), runtime.NumCPU())
	t.Run("size", func(t *testing.T) { figureSize(t) })
	t.Run("start", func(t *testing.T) { figureStart(t, w) })
	g := startGate(t, w)
	token := w.Token(cognitotest.MintOptions{OriginJTI: "good"})
	t.Run("asking", func(t *testing.T) { figureAsking(t, g, token) })
	t.Run("proxies", func(t *testing.T) { figureProxies(t, g, token) })
	t.Run("throughput", func(t *testing.T) { figureThroughput(t, g, token) })
}

func figureSize(t *testing.T) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "gate")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "github.com/seed-4e8dee1b/revoked/cmd/revoked-gate")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	mods, err := exec.CommandContext(t.Context(), "go", "version", "-m", out).Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("binary, stripped: %.1f MB, %d modules linked", float64(info.Size())/1e6, strings.Count(string(mods), "\n\tdep\t"))
}

// figureStart measures from exec to ready, and memory, without acts and with
// 100,000 of them.
func figureStart(t *testing.T, w *gatetest.World) {
	t.Helper()
	measure := func(acts int) {
		g := startGate(t, w)
		var listening, times samples
		for range 5 {
			g.end(syscall.SIGTERM)
			began := time.Now()
			g.process = run(t, "gate", exec.Command(g.binary, "serve", "--config", g.config))
			for answered, ready := false, false; !ready; {
				resp, err := client.Get("http://" + g.metrics + "/readyz")
				if err == nil {
					if !answered {
						answered, listening = true, append(listening, time.Since(began))
					}
					ready = resp.StatusCode == http.StatusOK
					resp.Body.Close()
				}
				if time.Since(began) > limit {
					t.Fatal("not ready")
				}
			}
			times = append(times, time.Since(began))
		}
		if got := gauge(t, g, `revocation_view_acts{kind="session"}`); int(got) != acts {
			t.Errorf("the gate holds %v acts, want %d", got, acts)
		}
		t.Logf("%6d acts: exec to listening p50 %v, to ready p50 %v (5 starts, max %v; up to 1s is the wait for a tick); RSS %.1f MB, Go heap %.1f MB",
			acts, listening.p(50), times.p(50), times.p(100),
			gauge(t, g, "process_resident_memory_bytes")/1e6, gauge(t, g, "go_memstats_heap_alloc_bytes")/1e6)
		g.end(syscall.SIGTERM)
	}
	measure(0)
	sessions := make([]string, 100_000)
	for i := range sessions {
		sessions[i] = fmt.Sprintf("a1b2c3d4-0000-4000-8000-%012d", i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if _, err := w.Revoke(ctx, sessions...); err != nil {
		t.Fatal(err)
	}
	measure(len(sessions))
}

func gauge(t *testing.T, g *gateProcess, name string) float64 {
	t.Helper()
	resp, err := client.Get("http://" + g.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return number
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

type samples []time.Duration

func (s samples) p(percent int) time.Duration {
	slices.Sort(s)
	return s[min(len(s)-1, len(s)*percent/100)].Round(time.Microsecond)
}

// probe is one way to ask, over one kept connection.
type probe struct {
	name string
	ask  func() error
	took samples
}

// warmup are the rounds that don't count.
const warmup = 200

// measure asks every probe in turn, so that noise hits all of them.
func measure(t *testing.T, rounds int, probes []*probe) {
	t.Helper()
	for i := range rounds + warmup {
		for _, p := range probes {
			began := time.Now()
			if err := p.ask(); err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			if i >= warmup {
				p.took = append(p.took, time.Since(began))
			}
		}
	}
}

func kept(network, addr string, conns int) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: conns,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}}
}

// forwardAuth returns a function that asks as a proxy does.
func forwardAuth(c *http.Client, token string) func() error {
	return expect(c, http.MethodGet, "http://gate/auth", nil, http.Header{
		"Authorization": {"Bearer " + token}, "X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/orders/1"},
	}, "")
}

// expect returns a function that fails unless it gets a 200 with text in it.
func expect(c *http.Client, method, url string, body []byte, header http.Header, text string) func() error {
	return func() error {
		req, err := http.NewRequest(method, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header = header
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(got), text) {
			return fmt.Errorf("answered %d %.200s", resp.StatusCode, got)
		}
		return nil
	}
}

func question(t *testing.T, v any) []byte {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func check(t *testing.T, c *http.Client, token string) func() error {
	t.Helper()
	return expect(c, http.MethodPost, "http://gate/v1/check", question(t, map[string]string{"token": token, "path": "/orders/1"}), nil, `"allow":true`)
}

func extAuthz(t *testing.T, target, token string) func() error {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	authz := authv3.NewAuthorizationClient(conn)
	in := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
		Http: &authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/orders/1", Headers: map[string]string{"authorization": "Bearer " + token}},
	}}}
	return func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		resp, err := authz.Check(ctx, in)
		if err == nil && resp.GetOkResponse() == nil {
			err = fmt.Errorf("denied: %v", resp)
		}
		return err
	}
}

// figureAsking measures one question at a time.
func figureAsking(t *testing.T, g *gateProcess, token string) {
	t.Helper()
	probes := []*probe{
		{name: "forward-auth, TCP", ask: forwardAuth(kept("tcp", g.forwardAddr, 1), token)},
		{name: "forward-auth, unix", ask: forwardAuth(kept("unix", g.forward(), 1), token)},
		{name: "/v1/check, TCP", ask: check(t, kept("tcp", g.checkAddr, 1), token)},
		{name: "/v1/check, unix", ask: check(t, kept("unix", g.check(), 1), token)},
		{name: "ext_authz, TCP", ask: extAuthz(t, "passthrough:///"+g.extAuthzAddr, token)},
		{name: "ext_authz, unix", ask: extAuthz(t, "unix://"+g.extAuthzSocket(), token)},
	}
	measure(t, 3000, probes)
	for _, p := range probes {
		t.Logf("asking by %-20s p50 %-8v p99 %v", p.name, p.took.p(50), p.took.p(99))
	}
}

// figureProxies measures a request through a proxy, with and without the gate.
func figureProxies(t *testing.T, g *gateProcess, token string) {
	t.Helper()
	u := startUpstream(t)
	through := func(name, addr string) *probe {
		return &probe{name: name, ask: expect(kept("tcp", addr, 1), http.MethodGet, "http://"+addr+"/orders/1", nil, http.Header{"Authorization": {"Bearer " + token}}, "")}
	}
	for _, px := range []struct {
		name  string
		start func(*testing.T, *upstream, way) proxy
	}{{"nginx", startNginxWay}, {"caddy", startCaddyWay}} {
		plain := through(px.name+", unprotected", px.start(t, u, way{}).addr)
		unix := through(px.name+", gate over unix", px.start(t, u, way{socket: g.forward()}).addr)
		tcp := through(px.name+", gate over TCP", px.start(t, u, way{addr: g.forwardAddr}).addr)
		before, _ := u.seen()
		measure(t, 3000, []*probe{plain, unix, tcp})
		if after, _ := u.seen(); after-before != 3*(3000+warmup) {
			t.Errorf("the upstream was asked %d times behind %s, want %d", after-before, px.name, 3*(3000+warmup))
		}
		t.Logf("%-24s p50 %-8v p99 %v", plain.name, plain.took.p(50), plain.took.p(99))
		for _, p := range []*probe{unix, tcp} {
			t.Logf("%-24s p50 %-8v p99 %-8v added p50 %-8v p99 %v", p.name, p.took.p(50), p.took.p(99),
				p.took.p(50)-plain.took.p(50), p.took.p(99)-plain.took.p(99))
		}
	}
}

// figureThroughput asks from 16 goroutines for a while.
func figureThroughput(t *testing.T, g *gateProcess, token string) {
	t.Helper()
	const workers, span = 16, 4 * time.Second
	batch := make([]map[string]string, 100)
	for i := range batch {
		batch[i] = map[string]string{"token": token, "path": "/orders/1"}
	}
	var conns []func() error // Envoy keeps a connection per worker thread
	for range runtime.NumCPU() {
		conns = append(conns, extAuthz(t, "passthrough:///"+g.extAuthzAddr, token))
	}
	var turn atomic.Uint64
	for _, m := range []struct {
		name string
		each int
		ask  func() error
	}{
		{"/v1/check, unix", 1, check(t, kept("unix", g.check(), workers), token)},
		{"/v1/check, TCP", 1, check(t, kept("tcp", g.checkAddr, workers), token)},
		{"/v1/check, unix, 100 a request", 100, expect(kept("unix", g.check(), workers), http.MethodPost, "http://gate/v1/check", question(t, map[string]any{"checks": batch}), nil, `"allow":true`)},
		{"forward-auth, unix", 1, forwardAuth(kept("unix", g.forward(), workers), token)},
		{"ext_authz, TCP", 1, func() error { return conns[turn.Add(1)%uint64(len(conns))]() }},
	} {
		var asked atomic.Uint64
		cpu, began := cpuSeconds(t, g), time.Now()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for time.Since(began) < span {
					if err := m.ask(); err != nil {
						t.Errorf("%s: %v", m.name, err)
						return
					}
					asked.Add(1)
				}
			})
		}
		wg.Wait()
		took, n := time.Since(began).Seconds(), float64(asked.Load())
		used := cpuSeconds(t, g) - cpu
		t.Logf("%-32s %8.0f checks/s, %5.1f us of the gate's CPU per check", m.name, n*float64(m.each)/took, used/(n*float64(m.each))*1e6)
	}
}

func cpuSeconds(t *testing.T, g *gateProcess) float64 {
	t.Helper()
	return gauge(t, g, "process_cpu_seconds_total")
}
