// Package validatorprom shows the counts of a [validator.Validator] and of its
// routes to Prometheus. It is a package of its own so that services without
// Prometheus do not link it.
//
//	prometheus.MustRegister(validatorprom.New(v))
//	prometheus.MustRegister(validatorprom.NewRoute("orders", auth)) // an *httpauth.Auth
//
// For a *grpcauth.Auth, whose routes are methods:
//
//	prometheus.MustRegister(validatorprom.NewRoutes(func() map[string]validator.RouteStats {
//		return auth.Stats().Routes()
//	}))
//
// Labels come from fixed sets: reasons, pools and the names of routes that the
// caller gives. All collectors are safe for concurrent use.
package validatorprom

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-4e8dee1b/revoked/validator"
)

var (
	decisions = prometheus.NewDesc("revocation_decisions_total",
		"Tokens decided about, by the reason that decided; ok is an accepted token.", []string{"reason"}, nil)
	unenforced = prometheus.NewDesc("revocation_unenforced_total",
		"Tokens that report-only let pass although the denylist refused them or was stale.", nil, nil)
	unnamed = prometheus.NewDesc("revocation_tokens_without_origin_jti_total",
		"Accepted tokens that no revocation of a session can reach.", nil, nil)
	cacheMisses = prometheus.NewDesc("revocation_token_cache_misses_total",
		"Tokens that had to be verified in full.", nil, nil)
	cacheEntries = prometheus.NewDesc("revocation_token_cache_entries", "Verified tokens that are kept.", nil, nil)
	cacheBytes   = prometheus.NewDesc("revocation_token_cache_bytes", "Estimated memory of the verified tokens that are kept.", nil, nil)
	keyFetches   = prometheus.NewDesc("revocation_jwks_fetches_total", "Fetches of a pool's keys by outcome: ok, failed.", []string{"pool", "outcome"}, nil)
	keyAge       = prometheus.NewDesc("revocation_jwks_age_seconds", "Time since the keys in use were fetched; absent before the first.", []string{"pool"}, nil)
	keyCount     = prometheus.NewDesc("revocation_jwks_keys", "Keys that a pool publishes, by whether they can be used: usable, ignored.", []string{"pool", "use"}, nil)
)

// New returns a collector of the validator's counts.
func New(v *validator.Validator) prometheus.Collector { return collector{v} }

type collector struct{ v *validator.Validator }

// Describe implements [prometheus.Collector].
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		decisions, unenforced, unnamed, cacheMisses, cacheEntries, cacheBytes, keyFetches, keyAge, keyCount,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	stats := c.v.Stats()
	for reason, n := range stats.Decisions {
		ch <- count(decisions, n, reason.String())
	}
	ch <- count(unenforced, stats.Unenforced)
	ch <- count(unnamed, stats.WithoutOriginJTI)
	ch <- count(cacheMisses, stats.Cache.Misses)
	ch <- gauge(cacheEntries, float64(stats.Cache.Entries))
	ch <- gauge(cacheBytes, float64(stats.Cache.Bytes))
	for _, k := range stats.Keys {
		ch <- count(keyFetches, k.Fetches-k.Failures, k.Pool, "ok")
		ch <- count(keyFetches, k.Failures, k.Pool, "failed")
		if !k.FetchedAt.IsZero() {
			ch <- gauge(keyAge, time.Since(k.FetchedAt).Seconds(), k.Pool)
		}
		ch <- gauge(keyCount, float64(k.Usable), k.Pool, "usable")
		ch <- gauge(keyCount, float64(k.Ignored), k.Pool, "ignored")
	}
}

var (
	routeDecisions = prometheus.NewDesc("revocation_route_decisions_total",
		"Requests decided about, by route and the reason that decided.", []string{"route", "reason"}, nil)
	routeServedStale = prometheus.NewDesc("revocation_route_served_stale_total",
		"Requests that a route which fails open served while the denylist was stale.", []string{"route"}, nil)
	routeSettled = prometheus.NewDesc("revocation_route_settled_total",
		"Requests served after Cognito was asked, while the denylist was stale.", []string{"route"}, nil)
	routeUnenforced = prometheus.NewDesc("revocation_route_unenforced_total",
		"Requests that report-only served although they would have been refused.", []string{"route"}, nil)
	routeBrokenGlass = prometheus.NewDesc("revocation_route_broken_glass_total",
		"Requests that the break-glass served while the denylist was stale.", []string{"route"}, nil)
	routeBreakGlass = prometheus.NewDesc("revocation_route_break_glass",
		"1 if the route serves while the denylist is stale, by REVOKED_STALE_POLICY or its break-glass file.", []string{"route"}, nil)
)

// Counted is a route that counts: [*validator.Route], or a transport with one.
type Counted interface {
	Stats() validator.RouteStats
}

// NewRoute returns a collector of a route's counts, under a name that no other
// route has.
func NewRoute(name string, r Counted) prometheus.Collector {
	return NewRoutes(func() map[string]validator.RouteStats {
		return map[string]validator.RouteStats{name: r.Stats()}
	})
}

// NewRoutes returns a collector of several routes by name, of which there must
// be no more than the program has: names from requests have no bound.
func NewRoutes(stats func() map[string]validator.RouteStats) prometheus.Collector {
	return routes(stats)
}

type routes func() map[string]validator.RouteStats

// Describe implements [prometheus.Collector]. It describes nothing: several
// routes share the metrics, and differ in the value of a label.
func (routes) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c routes) Collect(ch chan<- prometheus.Metric) {
	for name, stats := range c() {
		for reason, n := range stats.Decisions {
			ch <- count(routeDecisions, n, name, reason.String())
		}
		ch <- count(routeServedStale, stats.ServedStale, name)
		ch <- count(routeSettled, stats.Settled, name)
		ch <- count(routeUnenforced, stats.Unenforced, name)
		ch <- count(routeBrokenGlass, stats.BrokenGlass, name)
		open := 0.0
		if stats.BreakGlass {
			open = 1
		}
		ch <- gauge(routeBreakGlass, open, name)
	}
}

func count(d *prometheus.Desc, n uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}
