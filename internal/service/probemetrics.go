package service

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-4e8dee1b/revoked/publisher/prober"
)

// probeNumbers are the metrics of the prober. Nodes have no names in them:
// there is no end of those.
type probeNumbers struct {
	took    *prometheus.HistogramVec // by service
	missed  *prometheus.CounterVec   // by service
	missing *prometheus.GaugeVec     // by service
	runs    *prometheus.CounterVec   // by result
	success prometheus.Gauge

	services map[string]bool // that have labels; owned by the prober's goroutine
}

// maxProbeServices bounds the labels: the name of a service is the word of a
// node. Those beyond are otherServices together.
const (
	maxProbeServices = 100
	otherServices    = "other"
)

func newProbeNumbers(registry *prometheus.Registry) *probeNumbers {
	n := &probeNumbers{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "revoked_service_probe_enforce_seconds",
			Help:    "Time from the sending of a canary to the proof of each node that it enforces it. Nodes without proof are in revoked_service_probe_missed_total instead.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"service"}),
		missed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_service_probe_missed_total",
			Help: "Nodes that had not proven by the timeout of a run that they enforce its canary, summed over runs.",
		}, []string{"service"}),
		missing: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "revoked_service_probe_missing_nodes",
			Help: "Nodes that had not proven by the end of the last run that they enforce its canary.",
		}, []string{"service"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revoked_service_probe_runs_total",
			Help: "Runs of the prober by result: enforced (by every node), incomplete (not by every node, or there is none, or fewer than expected), failed (the canary could not be revoked).",
		}, []string{"result"}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "revoked_service_probe_last_success_timestamp_seconds",
			Help: "When a run ended last with every node enforcing; before the first, when the prober was started.",
		}),
		services: make(map[string]bool),
	}
	for _, result := range prober.Results() {
		n.runs.WithLabelValues(string(result))
	}
	n.success.SetToCurrentTime()
	registry.MustRegister(n.took, n.missed, n.missing, n.runs, n.success)
	return n
}

// count takes the outcome of a run.
func (n *probeNumbers) count(out prober.Outcome) {
	n.runs.WithLabelValues(string(out.Result)).Inc()
	if out.Result == prober.Enforced {
		n.success.Set(float64(time.Now().UnixMilli()) / 1000)
	}
	// What the nodes of a failed run do is not known.
	n.missing.Reset()
	for _, s := range out.Services {
		label := n.label(s.Name)
		for _, took := range s.Took {
			n.took.WithLabelValues(label).Observe(took.Seconds())
		}
		n.took.WithLabelValues(label) // both are there, or the rules find no match
		n.missed.WithLabelValues(label).Add(float64(s.Missing))
		n.missing.WithLabelValues(label).Add(float64(s.Missing))
	}
}

func (n *probeNumbers) label(service string) string {
	if !n.services[service] {
		if len(n.services) >= maxProbeServices {
			return otherServices
		}
		n.services[service] = true
	}
	return service
}
