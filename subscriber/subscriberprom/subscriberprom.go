// Package subscriberprom shows the state of a [subscriber.Subscriber] to
// Prometheus. It is a package of its own so that services without Prometheus do
// not link it.
//
//	prometheus.MustRegister(subscriberprom.New(deny))
//
// Labels come from fixed sets: states, reasons and events. The collector is
// safe for concurrent use.
package subscriberprom

import (
	"runtime/debug"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-4e8dee1b/revoked/subscriber"
)

var (
	viewState = prometheus.NewDesc("revocation_view_state", "1 for the state of the denylist: catching_up, live, stale, closed.", []string{"state"}, nil)
	viewStale = prometheus.NewDesc("revocation_view_stale", "1 for the reason why the denylist is stale: history, incomplete, full, clock, service, no_tick; all 0 while it is not.", []string{"reason"}, nil)
	viewAge   = prometheus.NewDesc("revocation_view_age_seconds",
		"Age of the newest proof that the denylist is complete; absent before the first.", nil, nil)
	viewMaxAge = prometheus.NewDesc("revocation_view_max_staleness_seconds",
		"Age from which on the denylist is stale, by configuration.", nil, nil)
	viewActs        = prometheus.NewDesc("revocation_view_acts", "Acts that the denylist holds, by kind of target.", []string{"kind"}, nil)
	viewMaxActs     = prometheus.NewDesc("revocation_view_max_acts", "Acts that the denylist may hold, by configuration; beyond, it is stale.", nil, nil)
	viewProvisional = prometheus.NewDesc("revocation_view_provisional_acts", "Acts that only the fast path has brought.", nil, nil)
	viewSequence    = prometheus.NewDesc("revocation_view_sequence", "Sequence in the stream that is applied with everything before it.", nil, nil)
	viewLag         = prometheus.NewDesc("revocation_view_lag_messages", "Messages that are known to be stored in the stream and are not applied yet.", nil, nil)
	clockOffset     = prometheus.NewDesc("revocation_view_clock_offset_seconds", "Estimate of this node's clock minus the server's.", nil, nil)
	events          = prometheus.NewDesc("revocation_events_total", "What has happened while the stream was followed: act (copies applied), catch_up, hole, repeated, reconnect, dropped, reread, history_change, refused_act, unreadable_act, report, file_write_failed.", []string{"event"}, nil)
	ignored         = prometheus.NewDesc("revocation_ignored_messages_total", "Messages that could not count, by reason: foreign, malformed, late or beyond the bound; present from the first.", []string{"reason"}, nil)
	filterFill      = prometheus.NewDesc("revocation_filter_fill", "Share of the Bloom filter's bits that are set.", nil, nil)
	filterRate      = prometheus.NewDesc("revocation_filter_false_positive_rate",
		"Share of tokens that nothing refuses and that pass the Bloom filter all the same, measured now.", nil, nil)
	filterRebuilds = prometheus.NewDesc("revocation_filter_rebuilds_total", "Times that filter and index were built anew.", nil, nil)
	falsePositives = prometheus.NewDesc("revocation_filter_false_positives_total",
		"Checks that passed the Bloom filter although nothing refused their token, and looked at the exact entries.", nil, nil)
	propagation = prometheus.NewDesc("revocation_propagation_seconds",
		"Time from an act being sent to it being in force at this node, for acts sent while the node followed; by the path that brought it: fast, live, catch_up (it was missed at first).", []string{"path"}, nil)
	build  = prometheus.NewDesc("revocation_build_info", "Always 1; the version of this library in the running program.", []string{"version"}, nil)
	memory = prometheus.NewDesc("revocation_view_bytes", "Memory of the denylist.", nil, nil)
)

// New returns a collector of the subscriber's state. With nil it can only
// describe what it would collect.
func New(s *subscriber.Subscriber) prometheus.Collector { return collector{s} }

type collector struct{ s *subscriber.Subscriber }

// Describe implements [prometheus.Collector].
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		viewState, viewStale, viewAge, viewMaxAge, viewActs, viewMaxActs, viewProvisional, viewSequence, viewLag,
		clockOffset, events, ignored, filterFill, filterRate, filterRebuilds, falsePositives, propagation, build, memory,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	st := c.s.Status()
	for _, state := range []subscriber.State{subscriber.CatchingUp, subscriber.Live, subscriber.Stale, subscriber.Closed} {
		ch <- gauge(viewState, bit(st.State == state), state.String())
	}
	for _, reason := range []subscriber.Reason{
		subscriber.ReasonHistory, subscriber.ReasonIncomplete, subscriber.ReasonFull,
		subscriber.ReasonClock, subscriber.ReasonService, subscriber.ReasonNoTick,
	} {
		ch <- gauge(viewStale, bit(st.Reason == reason), string(reason))
	}
	if !st.AsOf.IsZero() {
		ch <- gauge(viewAge, st.Staleness.Seconds())
	}
	ch <- gauge(viewMaxAge, st.MaxStaleness.Seconds())
	for kind, n := range st.Kinds {
		ch <- gauge(viewActs, float64(n), kind.String())
	}
	ch <- gauge(viewMaxActs, float64(st.MaxActs))
	ch <- gauge(viewProvisional, float64(st.Provisional))
	ch <- gauge(viewSequence, float64(st.LastSequence))
	ch <- gauge(viewLag, float64(st.Lag))
	ch <- gauge(clockOffset, st.ClockOffset.Seconds())
	n := st.Counters
	for event, count := range map[string]uint64{
		"act": n.Acts, "catch_up": n.CatchUps, "hole": n.Holes, "repeated": n.Repeated, "reconnect": n.Reconnects,
		"dropped": n.Dropped, "reread": n.Rereads, "history_change": n.Histories, "refused_act": n.Refused,
		"unreadable_act": n.Unreadable, "report": n.Reports, "file_write_failed": st.File.Failed,
	} {
		ch <- counter(events, count, event)
	}
	for reason, count := range st.Ignored {
		ch <- counter(ignored, count, reason)
	}
	ch <- gauge(filterFill, st.Filter.Fill)
	ch <- gauge(filterRate, st.Filter.FalsePositiveRate)
	ch <- counter(filterRebuilds, st.Filter.Rebuilds)
	ch <- counter(falsePositives, st.Filter.FalsePositives)
	for _, p := range st.Propagation {
		ch <- histogram(p)
	}
	ch <- gauge(build, 1, version())
	ch <- gauge(memory, float64(st.Bytes))
}

func histogram(p subscriber.Propagation) prometheus.Metric {
	below := uint64(0)
	buckets := make(map[float64]uint64, len(p.Bounds))
	for i, bound := range p.Bounds {
		below += p.Counts[i]
		buckets[bound.Seconds()] = below
	}
	return prometheus.MustNewConstHistogram(propagation, p.Count(), p.Sum.Seconds(), buckets, string(p.Path))
}

// module is the module of this package.
const module = "github.com/seed-4e8dee1b/revoked"

// version is that of the module in the running program, as the program's build
// has recorded it.
var version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" {
			return m.Version
		}
	}
	return "unknown"
})

func counter(d *prometheus.Desc, n uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func bit(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
