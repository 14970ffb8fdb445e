//go:build linux

package proxies_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// kase is one request and what every proxy must make of it: nothing but one of
// the statuses, and the upstream asked if and only if served says so.
type kase struct {
	name   string
	call   call
	served bool
	want   []int // statuses; 0 is a broken connection
	// check looks at the answer, and at what the upstream has seen.
	check func(t *testing.T, answer, seen http.Header, body []byte)
}

// matrix is what was seen: a row per case, a column per proxy.
type matrix struct {
	proxies []proxy
	rows    []string
	cells   map[string]string // by case and proxy
}

func (m *matrix) set(name string, p proxy, cell string) {
	if !slices.Contains(m.rows, name) {
		m.rows = append(m.rows, name)
	}
	m.cells[name+"\x00"+p.name] = cell
}

func (m *matrix) String() string {
	var b bytes.Buffer
	out := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range m.proxies {
		fmt.Fprintf(&b, "%s: %s\n", p.name, p.version)
	}
	fmt.Fprint(out, "case")
	for _, p := range m.proxies {
		fmt.Fprint(out, "\t", p.name)
	}
	fmt.Fprintln(out)
	for _, row := range m.rows {
		fmt.Fprint(out, row)
		for _, p := range m.proxies {
			fmt.Fprint(out, "\t", m.cells[row+"\x00"+p.name])
		}
		fmt.Fprintln(out)
	}
	out.Flush()
	return b.String()
}

// TestProxies is the matrix proxy x case.
func TestProxies(t *testing.T) {
	if os.Getenv("REVOKED_TEST_PROXIES") == "" {
		t.Skip("needs nginx and Caddy: run make test-proxies")
	}
	w, err := gatetest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	u := startUpstream(t)
	g := startGate(t, w)
	m := &matrix{cells: make(map[string]string), proxies: []proxy{startNginx(t, u, g), startCaddy(t, u, g)}}
	defer func() { t.Logf("answers (status, and whether the upstream was asked):\n%s", m) }()

	revoked := w.Token(cognitotest.MintOptions{OriginJTI: "gone"})
	good := w.Token(cognitotest.MintOptions{OriginJTI: "good", Subject: "jane-sub"})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if _, err := w.Revoke(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	for _, p := range m.proxies {
		eventually(t, "the revoked session is refused behind "+p.name, func() bool {
			code, _, _ := call{method: "GET", path: "/", token: revoked}.do(t, p.addr)
			return code == http.StatusUnauthorized
		})
	}

	t.Run("requests", func(t *testing.T) { m.try(t, u, requests(w, good, revoked)) })
	t.Run("gate restarting", func(t *testing.T) { m.restart(t, u, g, good, revoked) })
	t.Run("stale", func(t *testing.T) {
		w.NATS.Stop()
		for _, p := range m.proxies {
			eventually(t, "stale behind "+p.name, func() bool {
				code, _, _ := call{method: "GET", path: "/", token: good}.do(t, p.addr)
				return code != http.StatusOK
			})
		}
		m.try(t, u, []kase{
			{name: "stale, fail-closed", call: call{method: "GET", path: "/", token: good}, want: []int{503}, check: retryAfter},
			{name: "stale, fail-open", call: call{method: "GET", path: "/catalog", token: good}, served: true, want: []int{200}, check: identified("jane-sub")},
			{name: "stale, fail-open, revoked", call: call{method: "GET", path: "/catalog", token: revoked}, want: []int{401}},
			{name: "stale, anonymous", call: call{method: "GET", path: "/healthz"}, served: true, want: []int{200}},
		})
		if err := w.NATS.Restart(); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.proxies {
			eventually(t, "fresh again behind "+p.name, func() bool {
				code, _, _ := call{method: "GET", path: "/", token: good}.do(t, p.addr)
				return code == http.StatusOK
			})
		}
	})
}

func requests(w *gatetest.World, good, revoked string) []kase {
	write := w.Token(cognitotest.MintOptions{OriginJTI: "good", Subject: "jane-sub", Scope: "orders/write"})
	old := w.Token(cognitotest.MintOptions{IssuedAt: time.Now().Add(-2 * time.Hour), ExpiresAt: time.Now().Add(-time.Hour)})
	body := bytes.Repeat([]byte("0123456789"), 20_000)
	spoofed := http.Header{
		"X-Auth-Subject": {"admin"}, "X-Auth-Groups": {"admins"}, "X-Auth-Username": {"root"},
		"X_Auth_Subject": {"admin"}, "x-auth-pool": {"evil"},
		"X-Auth_Subject": {"admin"}, "X_Auth-Groups": {"admins"}, "x-AUTH_username": {"root"},
	}
	described := http.Header{"X-Forwarded-Uri": {"/healthz"}, "X-Forwarded-Method": {"GET"}, "X-Original-Url": {"/healthz"}}
	return []kase{
		{name: "valid", call: call{method: "GET", path: "/orders/1?q=1", token: good}, served: true, want: []int{200}, check: identified("jane-sub")},
		{name: "no token", call: call{method: "GET", path: "/orders/1"}, want: []int{401}, check: challenged("")},
		{name: "expired", call: call{method: "GET", path: "/orders/1", token: old}, want: []int{401}, check: challenged("invalid_token")},
		{name: "revoked", call: call{method: "GET", path: "/orders/1", token: revoked}, want: []int{401}, check: challenged("invalid_token")},
		{name: "wrong scope", call: call{method: "GET", path: "/orders/1", token: write}, want: []int{403}},
		{name: "wrong method for the scope", call: call{method: "POST", path: "/orders/1", token: good}, want: []int{403}},
		{name: "method without a rule", call: call{method: "PATCH", path: "/orders/1", token: good}, want: []int{403}},
		{name: "POST with 200 kB", call: call{method: "POST", path: "/orders", token: write, body: body}, served: true, want: []int{200},
			check: func(t *testing.T, _, _ http.Header, got []byte) {
				t.Helper()
				if !bytes.Equal(got, body) {
					t.Errorf("the upstream got %d bytes, want %d", len(got), len(body))
				}
			}},
		// Small enough to be sent before the answer comes.
		{name: "POST with a body, no token", call: call{method: "POST", path: "/orders", body: body[:2000]}, want: []int{401}},
		{name: "spoofed identity, valid", call: call{method: "GET", path: "/orders/1", token: good, header: spoofed}, served: true, want: []int{200}, check: identified("jane-sub")},
		{name: "spoofed identity, anonymous", call: call{method: "GET", path: "/healthz", header: spoofed}, served: true, want: []int{200}, check: identified("")},
		{name: "spoofed identity, no token", call: call{method: "GET", path: "/orders/1", header: spoofed}, want: []int{401}},
		{name: "spoofed X-Forwarded-*", call: call{method: "GET", path: "/orders/1", header: described}, want: []int{401}},
		{name: "two Authorization headers", call: call{method: "GET", path: "/", header: http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}}, want: []int{400, 401}},
		{name: "dot segments", call: call{method: "GET", path: "/healthz/../orders/1"}, want: []int{401, 403}},
		{name: "encoded dot segments", call: call{method: "GET", path: "/healthz/%2e%2e/orders/1"}, want: []int{401, 403}},
		{name: "encoded slash", call: call{method: "GET", path: "/healthz%2f..%2forders/1"}, want: []int{401, 403}},
		{name: "double slash", call: call{method: "GET", path: "//healthz"}, want: []int{401, 403}},
		{name: "upper case", call: call{method: "GET", path: "/HEALTHZ"}, want: []int{403}},
		{name: "WebSocket, valid", call: call{path: "/live", token: good, websocket: true}, served: true, want: []int{101}},
		{name: "WebSocket, revoked", call: call{path: "/live", token: revoked, websocket: true}, want: []int{401}},
		{name: "WebSocket, no token", call: call{path: "/live", websocket: true}, want: []int{401}},
		{name: "100 kB header", call: call{method: "GET", path: "/orders/1", token: good, header: http.Header{"X-Pad": {strings.Repeat("a", 100_000)}}}, want: []int{0, 400, 431, 502}},
		{name: "100 kB token", call: call{method: "GET", path: "/orders/1", token: strings.Repeat("a", 100_000)}, want: []int{0, 400, 401, 431, 502}},
	}
}

// try makes every request at every proxy.
func (m *matrix) try(t *testing.T, u *upstream, cases []kase) {
	t.Helper()
	for _, c := range cases {
		for _, p := range m.proxies {
			t.Run(c.name+"/"+p.name, func(t *testing.T) {
				before, _ := u.seen()
				code, answer, body := c.call.do(t, p.addr)
				after, seen := u.seen()
				hits := after - before
				m.set(c.name, p, cell(code, hits))
				if !slices.Contains(c.want, code) {
					t.Errorf("status %d, want one of %v", code, c.want)
				}
				if want := map[bool]int{true: 1}[c.served]; hits != want {
					t.Errorf("the upstream was asked %d times, want %d", hits, want)
				}
				if c.check != nil && !t.Failed() {
					c.check(t, answer, seen, body)
				}
			})
		}
	}
}

func cell(code, hits int) string {
	status := fmt.Sprint(code)
	if code == 0 {
		status = "broken off"
	}
	if hits > 0 {
		return status + ", served"
	}
	return status
}

// identified checks that the upstream knows the subject from the gate and
// nothing from the client; "" is nobody.
func identified(subject string) func(*testing.T, http.Header, http.Header, []byte) {
	return func(t *testing.T, _, seen http.Header, _ []byte) {
		t.Helper()
		if got := seen.Get("X-Auth-Subject"); got != subject {
			t.Errorf("the upstream sees the subject %q, want %q", got, subject)
		}
		for name, values := range seen {
			plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
			if !strings.HasPrefix(plain, "x-auth-") {
				continue
			}
			for _, v := range values {
				if strings.Contains(v, "admin") || v == "root" || v == "evil" || subject == "" && v != "" {
					t.Errorf("the upstream sees %s: %q", name, v)
				}
			}
			if strings.Contains(name, "_") {
				t.Errorf("the upstream sees the header %s", name)
			}
		}
	}
}

func challenged(code string) func(*testing.T, http.Header, http.Header, []byte) {
	return func(t *testing.T, answer, _ http.Header, _ []byte) {
		t.Helper()
		got := answer.Get("WWW-Authenticate")
		if !strings.HasPrefix(got, "Bearer ") || strings.Contains(got, "error=") != (code != "") || !strings.Contains(got, code) {
			t.Errorf("WWW-Authenticate %q, want a Bearer challenge with error %q", got, code)
		}
	}
}

func retryAfter(t *testing.T, answer, _ http.Header, _ []byte) {
	t.Helper()
	if answer.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// restart kills the gate, and starts it again while requests go on.
func (m *matrix) restart(t *testing.T, u *upstream, g *gateProcess, good, revoked string) {
	t.Helper()
	g.end(syscall.SIGKILL)
	m.try(t, u, []kase{
		{name: "gate down, valid", call: call{method: "GET", path: "/", token: good}, want: []int{500, 502, 503}},
		{name: "gate down, anonymous", call: call{method: "GET", path: "/healthz"}, want: []int{500, 502, 503}},
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type tally struct{ served, refused, revokedServed int }
	before, _ := u.seen()
	results := make(chan tally)
	for _, p := range m.proxies {
		go func() {
			var sum tally
			for ctx.Err() == nil {
				if code, _, _ := (call{method: "GET", path: "/", token: revoked}).do(t, p.addr); code == http.StatusOK {
					sum.revokedServed++
				}
				if code, _, _ := (call{method: "GET", path: "/", token: good}).do(t, p.addr); code == http.StatusOK {
					sum.served++
				} else {
					sum.refused++
				}
			}
			results <- sum
		}()
	}
	g.start()
	for _, p := range m.proxies {
		eventually(t, "served again behind "+p.name, func() bool {
			code, _, _ := call{method: "GET", path: "/", token: good}.do(t, p.addr)
			if code == http.StatusOK {
				before++
			}
			return code == http.StatusOK
		})
	}
	stop()
	var sum tally
	for range m.proxies {
		one := <-results
		sum.served, sum.refused, sum.revokedServed = sum.served+one.served, sum.refused+one.refused, sum.revokedServed+one.revokedServed
	}
	after, _ := u.seen()
	t.Logf("while the gate restarted: %d served, %d refused", sum.served, sum.refused)
	if sum.revokedServed > 0 {
		t.Errorf("a revoked token was served %d times", sum.revokedServed)
	}
	if sum.refused == 0 {
		t.Error("no request was made while the gate was down")
	}
	// A request that the stop cut off may have been served without our
	// knowing; the other way round there is no excuse.
	if hits := after - before; hits < sum.served || hits > sum.served+len(m.proxies) {
		t.Errorf("the upstream was asked %d times, %d answers were 200", hits, sum.served)
	}
	m.try(t, u, []kase{
		{name: "gate back, valid", call: call{method: "GET", path: "/", token: good}, served: true, want: []int{200}},
		{name: "gate back, revoked", call: call{method: "GET", path: "/", token: revoked}, want: []int{401}},
	})
}
