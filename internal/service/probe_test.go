package service_test

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// probed are the metrics of the prober, as a scrape has them.
type probed struct {
	runs                  map[string]float64 // by result
	within, count, missed map[string]float64 // by service; within a tenth of a second
	missing               map[string]float64
	success               float64
}

func (b *bench) probed() probed {
	b.t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(b.get(b.svc.MetricsURL(), "/metrics").body))
	if err != nil {
		b.t.Fatal(err)
	}
	p := probed{
		runs: make(map[string]float64), within: make(map[string]float64), count: make(map[string]float64),
		missed: make(map[string]float64), missing: make(map[string]float64),
	}
	for to, name := range map[*map[string]float64]string{
		&p.runs: "runs_total", &p.missed: "missed_total", &p.missing: "missing_nodes",
	} {
		for _, m := range families["revoked_service_probe_"+name].GetMetric() {
			(*to)[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for _, m := range families["revoked_service_probe_enforce_seconds"].GetMetric() {
		service := m.GetLabel()[0].GetValue()
		p.count[service] = float64(m.GetHistogram().GetSampleCount())
		for _, bucket := range m.GetHistogram().GetBucket() {
			if bucket.GetUpperBound() == .1 {
				p.within[service] = float64(bucket.GetCumulativeCount())
			}
		}
	}
	p.success = families["revoked_service_probe_last_success_timestamp_seconds"].GetMetric()[0].GetGauge().GetValue()
	return p
}

// openNodeAt opens a node of a service at a server's URL.
func (b *bench) openNodeAt(url, service string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), bounded)
	defer cancel()
	node, err := subscriber.Open(ctx, subscriber.Config{Servers: url, Service: service, Node: service + "-1"})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { node.Close() })
}

// openNodeOverLink opens a node, when there is a service, over a link that can
// break.
func (b *bench) openNodeOverLink(t *testing.T) *faultlink.Proxy {
	t.Helper()
	server, err := url.Parse(b.nats.URL())
	if err != nil {
		t.Fatal(err)
	}
	link, err := faultlink.RunClient(server.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	b.openNodeWhenServed(t, "nats://"+link.Address())
	return link
}

// A node's link to its server gets slower by 200 ms, then swallows everything,
// then is well again. The metrics follow, and only for the node's service.
func TestProbeShowsWhatNodesDo(t *testing.T) {
	b := newStoppedBench(t)
	b.provision()
	link := b.openNodeOverLink(t)

	// Healthy.
	waitFor(t, "both services to enforce a canary at once", func() bool {
		p := b.probed()
		return p.within["orders"] > 0 && p.within["payments"] > 0 && p.runs["enforced"] > 0
	})

	link.Set(faultlink.Mode{Delay: 200 * time.Millisecond})
	// A run that is under way may have been answered before.
	before := b.probed()
	waitFor(t, "a run that begins after the change", func() bool { return b.probed().count["orders"] > before.count["orders"] })
	before = b.probed()
	waitFor(t, "slow answers of one service and fast ones of the other", func() bool {
		p := b.probed()
		return p.count["orders"] >= before.count["orders"]+2 && p.within["payments"] > before.within["payments"]
	})
	slow := b.probed()
	if slow.within["orders"] != before.within["orders"] {
		t.Errorf("%v answers within 0.1 s over a link that takes twice as long", slow.within["orders"]-before.within["orders"])
	}

	link.Set(faultlink.Mode{Frozen: true})
	waitFor(t, "incomplete runs", func() bool {
		p := b.probed()
		return p.runs["incomplete"] >= slow.runs["incomplete"]+2 && p.missed["orders"] >= slow.missed["orders"]+2
	})
	cut := b.probed()
	if cut.missing["orders"] != 1 || cut.missing["payments"] != 0 || cut.missed["payments"] != slow.missed["payments"] {
		t.Errorf("missing nodes %v, missed %v, want one of orders", cut.missing, cut.missed)
	}
	if !strings.Contains(b.log.String(), `"stragglers":["orders/orders-1: `) {
		t.Errorf("the log does not name the straggler")
	}

	link.Set(faultlink.Mode{})
	waitFor(t, "recovery", func() bool {
		p := b.probed()
		return p.runs["enforced"] > cut.runs["enforced"] && p.missing["orders"] == 0 && p.success > cut.success &&
			p.within["orders"] > cut.within["orders"]
	})
	if n := b.probed().runs["failed"]; n > 2 { // those before the service was ready
		t.Errorf("%v runs failed, and nothing was wrong with the service", n)
	}
}

// openNodeWhenServed starts a service that probes, and a node of orders at the
// URL, one of payments at the server.
func (b *bench) openNodeWhenServed(t *testing.T, url string) {
	t.Helper()
	cfg := b.config()
	cfg.Probe.Interval, cfg.Probe.Timeout = time.Second, 900*time.Millisecond
	b.start(cfg)
	b.awaitReady()
	b.openNodeAt(url, "orders")
	b.openNodeAt(b.nats.URL(), "payments")
}

// Canaries are no revocation of anybody's: no list, audit, event or count of
// acts has them, unless they are asked for, and tokens are not touched.
func TestCanariesAreNobodysRevocations(t *testing.T) {
	b := newStoppedBench(t)
	b.provision()
	b.openNodeWhenServed(t, b.nats.URL())
	b.openNode()
	tokens := b.signIn(b.demo.Client, b.demo.Ada)
	waitFor(t, "three canaries", func() bool { return b.probed().runs["enforced"] >= 3 })

	b.accepts(t, tokens.AccessToken)
	var list struct {
		Revocations []struct {
			ID       string
			Pool     string
			Operator string
			Target   string
		}
		Entries []struct{ Operation string }
	}
	b.admin("GET", "/v1/revocations", nil, &list)
	if len(list.Revocations) != 0 {
		t.Errorf("the list has %+v, want nothing", list.Revocations)
	}
	b.admin("GET", "/v1/revocations?pool=canary", nil, &list)
	if len(list.Revocations) < 3 {
		t.Fatalf("the list of canaries has %+v, want three or more", list.Revocations)
	}
	for _, r := range list.Revocations {
		if r.Pool != "canary" || r.Operator != "probe" || !strings.HasPrefix(r.Target, "canary-") {
			t.Errorf("canary %+v", r)
		}
	}
	b.admin("GET", "/v1/audit", nil, &list)
	for _, e := range list.Entries {
		if e.Operation != "read_audit" {
			t.Errorf("the audit has %+v", e)
		}
	}
	metrics := b.get(b.svc.MetricsURL(), "/metrics").body
	if strings.Contains(metrics, "revoked_service_acts_accepted_total{") {
		t.Error("canaries count among the acts that were accepted")
	}
	// Nobody can have one made: the pool is not configured.
	a := b.admin("POST", "/v1/revocations", map[string]string{"kind": "token", "pool": "canary", "id": "x"}, nil)
	if a.status != 422 {
		t.Errorf("a revocation in the pool of canaries: %v", a)
	}
	// One that is asked for by its id is shown, and may be lifted.
	if a := b.admin("GET", "/v1/revocations/"+list.Revocations[0].ID, nil, nil); a.status != 200 {
		t.Errorf("GET a canary: %v", a)
	}
	if a := b.admin("DELETE", "/v1/revocations/"+list.Revocations[0].ID, nil, nil); a.status != 200 {
		t.Errorf("DELETE a canary: %v", a)
	}
	// A canary of nobody doesn't hide the revocations of others.
	if a := b.admin("POST", "/v1/revocations", map[string]string{"kind": "token", "token": tokens.AccessToken}, nil); a.status != 201 {
		t.Fatalf("revoke: %v", a)
	}
	b.awaitRefused(t, tokens.AccessToken)
	b.admin("GET", "/v1/revocations", nil, &list)
	if len(list.Revocations) != 1 {
		t.Errorf("the list has %+v, want the one revocation", list.Revocations)
	}
}

// Without NATS every run fails, the service says why, and it stops at once.
func TestProbeWithoutNATS(t *testing.T) {
	b := newStoppedBench(t)
	b.nats.Stop()
	cfg := b.config()
	cfg.Probe.Interval = time.Second
	b.start(cfg)
	waitFor(t, "failed runs", func() bool { return b.probed().runs["failed"] >= 2 })
	p := b.probed()
	if p.runs["enforced"] != 0 || p.runs["incomplete"] != 0 || len(p.count) != 0 {
		t.Errorf("runs %v, services %v, want failed runs alone", p.runs, p.count)
	}
	if n := strings.Count(b.log.String(), "canary not revoked"); n != 1 {
		t.Errorf("%s lines of the log say that it fails, want 1", strconv.Itoa(n))
	}
}
