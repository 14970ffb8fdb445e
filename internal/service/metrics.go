package service

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberprom"
)

// numbers are the metrics of the service. Labels come from fixed sets.
type numbers struct {
	registry     *prometheus.Registry
	requests     *prometheus.HistogramVec
	accepted     *prometheus.CounterVec
	lifted       prometheus.Counter
	unnamed      prometheus.Counter
	acceptance   *prometheus.HistogramVec
	batches      prometheus.Counter
	batchLines   *prometheus.CounterVec
	cognitoCalls *prometheus.CounterVec
	receipts     *receiptNumbers
}

func newNumbers(s *Service) *numbers {
	n := &numbers{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "revoked_service_request_seconds", Help: "HTTP requests by route (none: no route matched) and status.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
		}, []string{"listener", "route", "code"}),
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_service_acts_accepted_total", Help: "Revocations accepted: durable and in force on the service's own denylist.",
		}, []string{"kind"}),
		lifted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "revoked_service_lifts_total", Help: "Revocations lifted, also those that were lifted already.",
		}),
		unnamed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "revoked_service_sessions_unnamed_total",
			Help: "Sessions that could not be denied because their tokens have no origin_jti: token revocation is off for the app client.",
		}),
		acceptance: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "revoked_service_acceptance_seconds",
			Help:    "Time to accept or refuse a revocation, by kind and outcome: accepted, invalid (of the request), busy (over the budget for learning sessions), cognito (which was needed first), not_durable, unavailable (not ready), failed.",
			Buckets: []float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 40},
		}, []string{"kind", "outcome"}),
		batches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "revoked_service_batches_total", Help: "Batches of revocations carried out.",
		}),
		batchLines: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_service_batch_lines_total", Help: "Lines of batches by outcome: accepted, refused.",
		}, []string{"outcome"}),
		cognitoCalls: newCognitoCalls(),
		receipts:     newReceiptNumbers(),
	}
	for _, outcome := range []string{"accepted", "refused"} { // present from the start, for rates
		n.batchLines.WithLabelValues(outcome)
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "revoked_service_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": s.cfg.Version, "go_version": runtime.Version()},
	})
	build.Set(1)
	n.registry.MustRegister(n.requests, n.accepted, n.lifted, n.unnamed, n.acceptance, n.batches, n.batchLines,
		n.cognitoCalls, limitCollector{s}, n.receipts, build, viewCollector{s}, fleetCollector{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return n
}

func (n *numbers) handler() http.Handler {
	return promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{Registry: n.registry})
}

// served returns the hook of a listener's requests.
func (n *numbers) served(listener string) func(string, int, time.Duration) {
	return func(route string, status int, took time.Duration) {
		if route == "" {
			route = "none"
		}
		n.requests.WithLabelValues(listener, route, strconv.Itoa(status)).Observe(took.Seconds())
	}
}

// batched is the hook of batches.
func (n *numbers) batched(accepted, refused int) {
	n.batches.Inc()
	n.batchLines.WithLabelValues("accepted").Add(float64(accepted))
	n.batchLines.WithLabelValues("refused").Add(float64(refused))
}

// viewCollector shows the state of the service and of its own denylist.
type viewCollector struct{ s *Service }

var (
	readyDesc = prometheus.NewDesc("revoked_service_ready", "1 if requests can be carried out, as /readyz says.", nil, nil)
	tasksDesc = prometheus.NewDesc("revoked_service_tasks",
		"Tasks by what they wait for: pending (the next try is near), dead_letter (Cognito refused; a person must mend it; the act stands).", []string{"state"}, nil)
	storedDesc     = prometheus.NewDesc("revoked_service_tasks_stored", "Tasks of all replicas that are stored: acts that live or have ended within a day.", nil, nil)
	oldestDesc     = prometheus.NewDesc("revoked_service_task_oldest_seconds", "Age of the oldest pending task's act; 0 if none is pending.", nil, nil)
	overdueDesc    = prometheus.NewDesc("revoked_service_task_overdue_seconds", "How long the task that waits the longest is past its time.", nil, nil)
	unreadableDesc = prometheus.NewDesc("revoked_service_tasks_unreadable_total",
		"Stored tasks that this replica can't carry out, by reason: format (of a later version), sealed (by a key that it lacks; counted at each try).", []string{"reason"}, nil)
)

// Describe implements [prometheus.Collector].
func (viewCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- readyDesc
	subscriberprom.New(nil).Describe(ch)
	ch <- tasksDesc
	ch <- storedDesc
	ch <- oldestDesc
	ch <- overdueDesc
	ch <- unreadableDesc
}

// Collect implements [prometheus.Collector].
func (c viewCollector) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, bit(c.s.ready() == nil))
	c.s.mu.Lock()
	view, store := c.s.view, c.s.tasks
	c.s.mu.Unlock()
	if store != nil {
		t := store.Stats()
		ch <- prometheus.MustNewConstMetric(tasksDesc, prometheus.GaugeValue, float64(t.Pending), "pending")
		ch <- prometheus.MustNewConstMetric(tasksDesc, prometheus.GaugeValue, float64(t.DeadLetters), "dead_letter")
		ch <- prometheus.MustNewConstMetric(storedDesc, prometheus.GaugeValue, float64(t.Tasks))
		ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, t.Oldest.Seconds())
		ch <- prometheus.MustNewConstMetric(overdueDesc, prometheus.GaugeValue, t.Overdue.Seconds())
		ch <- prometheus.MustNewConstMetric(unreadableDesc, prometheus.CounterValue, float64(t.Unreadable), "format")
		ch <- prometheus.MustNewConstMetric(unreadableDesc, prometheus.CounterValue, float64(t.Sealed), "sealed")
	}
	if view != nil {
		subscriberprom.New(view).Collect(ch)
	}
}

func bit(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
