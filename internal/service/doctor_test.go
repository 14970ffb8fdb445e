package service_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// goodConfig configures the service as the emulated pool is.
func (b *bench) goodConfig() service.Config {
	cfg := b.config()
	for i := range cfg.Pools[0].Clients {
		c := &cfg.Pools[0].Clients[i]
		c.AccessValidity, c.IDValidity, c.RefreshValidity = time.Hour, time.Hour, 30*24*time.Hour
	}
	return cfg
}

// examine returns what the doctor finds, a line for each.
func (b *bench) examine() []string {
	b.t.Helper()
	found, err := b.svc.Examine(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	for _, f := range found {
		if f.Grade != stream.Good && f.Fix == "" {
			b.t.Errorf("%s %s: %s: no fix is given", f.Grade, f.Topic, f.Found)
		}
		lines = append(lines, strings.ToLower(string(f.Grade))+" "+f.Topic+": "+f.Found)
	}
	b.t.Log(strings.Join(lines, "\n"))
	return lines
}

// wantFound fails the test unless a finding has the grade and the text.
func wantFound(t *testing.T, lines []string, grade, text string) {
	t.Helper()
	for _, line := range lines {
		if strings.HasPrefix(line, grade+" ") && strings.Contains(line, text) {
			return
		}
	}
	t.Errorf("no finding %q with %q", grade, text)
}

func TestDoctorOnAGoodSetup(t *testing.T) {
	b := newStoppedBench(t)
	b.provision()
	cfg := b.goodConfig()
	cfg.Expect = map[string]int{"orders": 1}
	b.start(cfg)
	b.awaitReady()
	b.openNode()
	b.node.DeclareStalePolicy("fail-closed")
	b.awaitNode()
	b.accept() // which is in the stream as a beat of an operator
	lines := b.examine()
	for _, line := range lines {
		if strings.HasPrefix(line, "fail ") || strings.HasPrefix(line, "warn ") && !benign(line) {
			t.Errorf("a good setup has: %s", line)
		}
	}
	for _, text := range []string{
		"replica revoked-1 is ready", "stream REVOKED_FLEET: ", "stream REVOKED_AUDIT: ", "clock of nats", "revoked-1 beats", "nodes: 1 have reported", "audit: all entries are stored",
		"token keys: known", "cognito-idp:ListUsers is permitted", "cognito-idp:AdminGetUser is permitted", "cognito-idp:AdminUserGlobalSignOut is permitted",
		"client " + b.demo.Client.ID + ": token revocation is on", "clock of cognito",
	} {
		wantFound(t, lines, "ok", text)
	}
	for _, name := range []string{"REVOKED_TASKS", "REVOKED_FLEET", "REVOKED_AUDIT"} {
		if n := strings.Count(strings.Join(lines, "\n"), "stream "+name); n != 1 {
			t.Errorf("%d findings about %s on a good setup, want 1", n, name)
		}
	}
}

// benign is what a server for development can't be without: one copy, no
// restricted credential.
func benign(line string) bool {
	return strings.Contains(line, "replicas") || strings.Contains(line, "rights") || strings.Contains(line, "permission") || strings.Contains(line, "disk")
}

func (b *bench) awaitNode() {
	b.t.Helper()
	waitFor(b.t, "the service to hear the node", func() bool {
		var page struct {
			Nodes []struct {
				Policy string `json:"policy"`
			} `json:"nodes"`
		}
		b.admin("GET", "/v1/nodes", nil, &page)
		return len(page.Nodes) == 1 && page.Nodes[0].Policy == "fail-closed"
	})
}

// An app client that is not as configured: revoked tokens would come back, or
// could not be revoked at all.
func TestDoctorOnABadClient(t *testing.T) {
	b := newStoppedBench(t)
	b.provision()
	bad, err := b.demo.Pool.CreateClient(cognitotest.ClientConfig{
		DisableTokenRevocation: true, AccessValidity: 24 * time.Hour, RefreshValidity: 90 * 24 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := b.goodConfig()
	cfg.Pools[0].Clients = []service.Client{
		{ID: bad.ID, AccessValidity: time.Hour, IDValidity: 2 * time.Hour},
		{ID: "nobodyhasit"},
	}
	b.start(cfg)
	b.awaitReady()
	lines := b.examine()
	wantFound(t, lines, "fail", "client "+bad.ID+": token revocation is off")
	wantFound(t, lines, "fail", "access_validity is configured as 1h0m0s, but Cognito issues for 24h0m0s")
	wantFound(t, lines, "warn", "id_validity is configured as 2h0m0s, Cognito issues for 1h0m0s")
	wantFound(t, lines, "fail", "refresh_validity is longer than the 30 days it counts as")
	wantFound(t, lines, "fail", "has no such app client")
}

// AWS that permits nothing: users can't be signed out.
func TestDoctorWithoutPermissions(t *testing.T) {
	b := newStoppedBench(t)
	b.provision()
	b.start(b.goodConfig())
	b.awaitReady()
	for _, op := range []string{"ListUsers", "AdminGetUser", "AdminUserGlobalSignOut", "DescribeUserPoolClient"} {
		b.cognito.Fail(op, cognitotest.Failure{Code: "AccessDeniedException"})
	}
	lines := b.examine()
	for _, action := range []string{"ListUsers", "AdminGetUser", "AdminUserGlobalSignOut"} {
		wantFound(t, lines, "fail", "cognito-idp:"+action+" is not permitted")
	}
	wantFound(t, lines, "unknown", "client "+b.demo.Client.ID+": its settings may not be read")
}

// A stream that somebody has changed, and nodes that are not there.
func TestDoctorOnAChangedStream(t *testing.T) {
	b := newStoppedBench(t)
	b.provision()
	cfg := b.goodConfig()
	cfg.Expect = map[string]int{"orders": 2}
	b.start(cfg)
	b.awaitReady()
	b.openNode()
	waitFor(t, "the service to hear the node", func() bool {
		var page struct{ Nodes []any }
		b.admin("GET", "/v1/nodes", nil, &page)
		return len(page.Nodes) == 1
	})
	js, _ := b.jetStream()
	ctx, cancel := context.WithTimeout(t.Context(), bounded)
	defer cancel()
	for _, name := range []string{"REVOKED_EVENTS", "REVOKED_AUDIT"} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		changed := s.CachedInfo().Config
		changed.MaxMsgs = 1_000_000
		if _, err := js.UpdateStream(ctx, changed); err != nil {
			t.Fatal(err)
		}
	}
	lines := b.examine()
	wantFound(t, lines, "fail", "max_msgs")
	wantFound(t, lines, "fail", "stream REVOKED_AUDIT, max_msgs")
	wantFound(t, lines, "fail", "orders has 1, 2 are expected")
	wantFound(t, lines, "warn", "orders/orders-1 has not said what it does while stale")
}

// NATS that is away: what can't be found out is said to be unknown.
func TestDoctorWithoutNATS(t *testing.T) {
	b := newStoppedBench(t)
	b.provision()
	b.start(b.goodConfig())
	b.awaitReady()
	b.nats.Stop()
	waitFor(t, "the service to notice", func() bool { return b.get(b.svc.MetricsURL(), "/readyz").status == 503 })
	lines := b.examine()
	wantFound(t, lines, "fail", "service: not ready")
	wantFound(t, lines, "fail", "nats: ")
	wantFound(t, lines, "unknown", "replicas: ")
	wantFound(t, lines, "ok", "cognito-idp:ListUsers is permitted")
}
