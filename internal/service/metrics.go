package service

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberprom"
)

// numbers are the metrics of the service. Labels come from fixed sets.
type numbers struct {
	registry     *prometheus.Registry
	requests     *prometheus.HistogramVec
	accepted     *prometheus.CounterVec
	lifted       prometheus.Counter
	unnamed      prometheus.Counter
	cognitoCalls *prometheus.CounterVec
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
		cognitoCalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_service_cognito_calls_total",
			Help: "Calls to Cognito by outcome: ok, retry (may succeed later), refused (will not), unsent (held back by our own limits, tried later).",
		}, []string{"op", "outcome"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "revoked_service_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": s.cfg.Version, "go_version": runtime.Version()},
	})
	build.Set(1)
	n.registry.MustRegister(n.requests, n.accepted, n.lifted, n.unnamed, n.cognitoCalls, build, viewCollector{s}, fleetCollector{s},
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

// viewCollector shows the state of the service and of its own denylist.
type viewCollector struct{ s *Service }

var (
	readyDesc = prometheus.NewDesc("revoked_service_ready", "1 if requests can be carried out, as /readyz says.", nil, nil)
	tasksDesc = prometheus.NewDesc("revoked_service_tasks",
		"Tasks by what they wait for: pending (the next try is near), dead_letter (Cognito refused; a person must mend it; the act stands).", []string{"state"}, nil)
	storedDesc     = prometheus.NewDesc("revoked_service_tasks_stored", "Tasks of all replicas that are stored: acts that live or have ended within a day.", nil, nil)
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

// countedCognito is a pool whose calls are counted.
type countedCognito struct {
	pool  *cognito.Pool
	calls *prometheus.CounterVec // by op and outcome
}

func (c countedCognito) count(op string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "refused"
		refusal, ok := errors.AsType[*publisher.CognitoError](err)
		switch {
		case ok && refusal.Unsent:
			outcome = "unsent"
		case !ok || refusal.Retry:
			outcome = "retry"
		}
	}
	c.calls.WithLabelValues(op, outcome).Inc()
}

// Now implements [publisher.Cognito].
func (c countedCognito) Now() time.Time { return c.pool.Now() }

// Refresh implements [publisher.Cognito].
func (c countedCognito) Refresh(ctx context.Context, clientID, refreshToken string) (publisher.Refreshed, error) {
	out, err := c.pool.Refresh(ctx, clientID, refreshToken)
	c.count("refresh", err)
	return out, err
}

// RevokeToken implements [publisher.Cognito].
func (c countedCognito) RevokeToken(ctx context.Context, clientID, refreshToken string) error {
	err := c.pool.RevokeToken(ctx, clientID, refreshToken)
	c.count("revoke_token", err)
	return err
}

// AccessTokenRevoked implements [publisher.Cognito].
func (c countedCognito) AccessTokenRevoked(ctx context.Context, accessToken string) (bool, error) {
	revoked, err := c.pool.AccessTokenRevoked(ctx, accessToken)
	c.count("access_token_revoked", err)
	return revoked, err
}

// SignOutUser implements [publisher.Cognito].
func (c countedCognito) SignOutUser(ctx context.Context, sub string) error {
	err := c.pool.SignOutUser(ctx, sub)
	c.count("sign_out_user", err)
	return err
}
