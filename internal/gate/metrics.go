package gate

import (
	"cmp"
	"net/http"
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberprom"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/validatorprom"
)

// The interfaces, as metrics name them.
const (
	viaForwardAuth = "forward_auth"
	viaExtAuthz    = "ext_authz"
	viaCheck       = "check"
)

// maxRuleLabels bounds the label rule: each rule may have a series for each
// interface and outcome. Rules beyond, in the order of the configuration, are
// otherRules together.
const (
	maxRuleLabels = 100
	otherRules    = "other"
	noRule        = "none" // of requests that no rule has decided
)

// label names the i-th rule of a checked configuration: its path, which begins
// with a slash, and what else tells it from others of that path.
func (r Rule) label(i int) string {
	if i >= maxRuleLabels {
		return otherRules
	}
	label := r.Path
	if len(r.Methods) > 0 {
		label = strings.Join(r.Methods, ",") + " " + label
	}
	if r.Exact {
		label += " (exact)"
	}
	return label
}

// numbers are the metrics of the gate. Labels come from fixed sets.
type numbers struct {
	registry    *prometheus.Registry
	decisions   *prometheus.CounterVec
	servedStale *prometheus.CounterVec
	brokenGlass *prometheus.CounterVec
	unenforced  *prometheus.CounterVec
	untrusted   prometheus.Counter
}

func newNumbers(g *Gate) *numbers {
	byRule := []string{"via", "rule"}
	n := &numbers{
		registry: prometheus.NewRegistry(),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_gate_decisions_total",
			Help: "Decisions by interface, rule (path and methods; none decided: none; those beyond 100: other) and outcome: a reason of the validator, anonymous, settled (stale, and Cognito was asked), no_rule, ambiguous_request or undescribed.",
		}, []string{"via", "rule", "outcome"}),
		servedStale: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_gate_served_stale_total", Help: "Requests allowed by a fail-open policy while the denylist was stale.",
		}, byRule),
		brokenGlass: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_gate_broken_glass_total", Help: "Requests allowed by the break-glass while the denylist was stale.",
		}, byRule),
		unenforced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_gate_unenforced_total", Help: "Requests allowed by report_only that would have been refused.",
		}, byRule),
		untrusted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "revoked_gate_untrusted_connections_total", Help: "Connections closed because the peer is no trusted proxy.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "revoked_gate_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": g.cfg.Version, "go_version": runtime.Version()},
	})
	build.Set(1)
	breakGlass := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "revoked_gate_break_glass", Help: "1 if every rule serves while the denylist is stale, by REVOKED_STALE_POLICY or break_glass_file.",
	}, func() float64 { return bit(g.judge.glassBroken()) })
	for via, l := range map[string]Listener{viaForwardAuth: g.cfg.ForwardAuth, viaExtAuthz: g.cfg.ExtAuthz, viaCheck: g.cfg.Check} {
		if len(l.Listen) > 0 {
			n.begin(via, g.cfg.Rules)
		}
	}
	n.registry.MustRegister(n.decisions, n.servedStale, n.brokenGlass, n.unenforced, n.untrusted, build, breakGlass, viewCollector{g}, validatorprom.New(g.judge.tokens),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return n
}

func (n *numbers) handler() http.Handler {
	return promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{Registry: n.registry})
}

// begin makes what the rules may let pass be there from the start, at 0: else
// rates and alerts would miss the first request.
func (n *numbers) begin(via string, rules []Rule) {
	for i, r := range rules {
		label := r.label(i)
		if r.stale() == validator.FailOpen {
			n.servedStale.WithLabelValues(via, label)
		}
		if r.ReportOnly {
			n.unenforced.WithLabelValues(via, label)
		}
		if !r.Anonymous {
			n.brokenGlass.WithLabelValues(via, label)
		}
	}
}

func (n *numbers) count(via string, v verdict) {
	rule := cmp.Or(v.rule, noRule)
	n.decisions.WithLabelValues(via, rule, v.outcome).Inc()
	if v.servedStale {
		n.servedStale.WithLabelValues(via, rule).Inc()
	}
	if v.brokenGlass {
		n.brokenGlass.WithLabelValues(via, rule).Inc()
	}
	if v.unenforced {
		n.unenforced.WithLabelValues(via, rule).Inc()
	}
}

// viewCollector shows whether the gate is ready, and how its denylist is.
type viewCollector struct{ g *Gate }

var readyDesc = prometheus.NewDesc("revoked_gate_ready", "1 if /readyz says so.", nil, nil)

// Describe implements [prometheus.Collector].
func (viewCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- readyDesc
	subscriberprom.New(nil).Describe(ch)
}

// Collect implements [prometheus.Collector].
func (c viewCollector) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, bit(c.g.ready() == nil))
	if view := c.g.judge.deny.view.Subscriber(); view != nil {
		subscriberprom.New(view).Collect(ch)
	}
}

func bit(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
