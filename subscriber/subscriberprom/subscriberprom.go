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
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-4e8dee1b/revoked/subscriber"
)

var (
	viewState = prometheus.NewDesc("revocation_view_state", "1 for the state of the denylist.", []string{"state"}, nil)
	viewStale = prometheus.NewDesc("revocation_view_stale", "1 for the reason why the denylist is stale.", []string{"reason"}, nil)
	viewAge   = prometheus.NewDesc("revocation_view_age_seconds",
		"Age of the newest proof that the denylist is complete; absent before the first.", nil, nil)
	viewActs        = prometheus.NewDesc("revocation_view_acts", "Acts that the denylist holds.", nil, nil)
	viewProvisional = prometheus.NewDesc("revocation_view_provisional_acts", "Acts that only the fast path has brought.", nil, nil)
	viewSequence    = prometheus.NewDesc("revocation_view_sequence", "Sequence in the stream that is applied with everything before it.", nil, nil)
	clockOffset     = prometheus.NewDesc("revocation_view_clock_offset_seconds", "Estimate of this node's clock minus the server's.", nil, nil)
	events          = prometheus.NewDesc("revocation_events_total", "What has happened while the stream was followed.", []string{"event"}, nil)
	ignored         = prometheus.NewDesc("revocation_ignored_messages_total", "Messages that could not count, by reason.", []string{"reason"}, nil)
	filterFill      = prometheus.NewDesc("revocation_filter_fill", "Share of the Bloom filter's bits that are set.", nil, nil)
	filterRate      = prometheus.NewDesc("revocation_filter_false_positive_rate",
		"Share of tokens that nothing refuses and that pass the Bloom filter all the same, measured now.", nil, nil)
	filterRebuilds = prometheus.NewDesc("revocation_filter_rebuilds_total", "Times that filter and index were built anew.", nil, nil)
	memory         = prometheus.NewDesc("revocation_view_bytes", "Memory of the denylist.", nil, nil)
)

// New returns a collector of the subscriber's state. With nil it can only
// describe what it would collect.
func New(s *subscriber.Subscriber) prometheus.Collector { return collector{s} }

type collector struct{ s *subscriber.Subscriber }

// Describe implements [prometheus.Collector].
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		viewState, viewStale, viewAge, viewActs, viewProvisional, viewSequence, clockOffset, events, ignored,
		filterFill, filterRate, filterRebuilds, memory,
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
	ch <- gauge(viewActs, float64(st.Acts))
	ch <- gauge(viewProvisional, float64(st.Provisional))
	ch <- gauge(viewSequence, float64(st.LastSequence))
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
	ch <- gauge(memory, float64(st.Bytes))
}

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
