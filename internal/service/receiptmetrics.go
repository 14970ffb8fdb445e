package service

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	reports "github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
)

// receiptNumbers are about the receipts that somebody has waited for.
type receiptNumbers struct {
	receipts   *prometheus.CounterVec
	nodes      *prometheus.CounterVec
	stragglers *prometheus.CounterVec
	took       prometheus.Histogram
}

// stragglerReasons are all that this version knows.
var stragglerReasons = []members.StragglerReason{
	members.ReasonSilent, members.ReasonUnproven, members.ReasonNoAnswer,
	members.StragglerReason(reports.ReasonNotLive.String()), members.StragglerReason(reports.ReasonReportOnly.String()),
	members.StragglerReason(reports.ReasonBehind.String()), members.StragglerReason(reports.ReasonNotRefused.String()),
	members.StragglerReason(reports.ReasonOtherEpoch.String()), members.StragglerReason(reports.ReasonUnreadable.String()),
}

const otherReason = "other"

func newReceiptNumbers() *receiptNumbers {
	n := &receiptNumbers{
		receipts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_service_receipts_total", Help: "Receipts that somebody has waited for, by whether what was wanted was met.",
		}, []string{"outcome"}),
		nodes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_service_receipt_nodes_total", Help: "Nodes in receipts that somebody has waited for, by whether they had proven that they enforce: enforced, unproven.",
		}, []string{"proof"}),
		stragglers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_service_receipt_stragglers_total", Help: "Nodes named in receipts because they had not proven that they enforce, by reason; at most 100 a receipt.",
		}, []string{"reason"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "revoked_service_receipt_seconds",
			Help:    "Time from the acceptance of a revocation until 99 of 100 of the nodes that enforce it had said so, of receipts that were met.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
	}
	for _, outcome := range []string{"met", "unmet"} { // present from the start, for rates, as below
		n.receipts.WithLabelValues(outcome)
	}
	for _, proof := range []string{"enforced", "unproven"} {
		n.nodes.WithLabelValues(proof)
	}
	for _, reason := range stragglerReasons {
		n.stragglers.WithLabelValues(string(reason))
	}
	n.stragglers.WithLabelValues(otherReason)
	return n
}

// Describe implements [prometheus.Collector].
func (n *receiptNumbers) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range []prometheus.Collector{n.receipts, n.nodes, n.stragglers, n.took} {
		c.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (n *receiptNumbers) Collect(ch chan<- prometheus.Metric) {
	for _, c := range []prometheus.Collector{n.receipts, n.nodes, n.stragglers, n.took} {
		c.Collect(ch)
	}
}

func (n *receiptNumbers) count(r members.Receipt) {
	outcome := "unmet"
	if r.Met {
		outcome = "met"
		if r.Measured {
			n.took.Observe(r.P99.Seconds())
		}
	}
	n.receipts.WithLabelValues(outcome).Inc()
	n.nodes.WithLabelValues("enforced").Add(float64(r.Enforced))
	n.nodes.WithLabelValues("unproven").Add(float64(r.Total - r.Enforced))
	for _, s := range r.Stragglers {
		reason := string(s.Reason)
		if !slices.Contains(stragglerReasons, s.Reason) {
			reason = otherReason // of a node of another version
		}
		n.stragglers.WithLabelValues(reason).Inc()
	}
}
