package service

import "github.com/prometheus/client_golang/prometheus"

// fleetCollector shows the nodes and the audit.
type fleetCollector struct{ s *Service }

var (
	auditStoredDesc  = prometheus.NewDesc("revoked_service_audit_entries_total", "Entries of the audit that are stored.", nil, nil)
	auditPendingDesc = prometheus.NewDesc("revoked_service_audit_pending", "Entries of the audit that wait to be stored.", nil, nil)
	auditLostDesc    = prometheus.NewDesc("revoked_service_audit_lost_total", "Entries of the audit that exist in the log of the process only.", nil, nil)
	nodesDesc        = prometheus.NewDesc("revoked_service_nodes", "Nodes by what the service knows of them: live, not_live, silent, unproven (silent for long, and serving while stale); silent and unproven ones count in receipts.", []string{"state"}, nil)
)

// Describe implements [prometheus.Collector].
func (fleetCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- auditStoredDesc
	ch <- auditPendingDesc
	ch <- auditLostDesc
	ch <- nodesDesc
}

// Collect implements [prometheus.Collector].
func (c fleetCollector) Collect(ch chan<- prometheus.Metric) {
	entries := c.s.audit.Stats()
	ch <- prometheus.MustNewConstMetric(auditStoredDesc, prometheus.CounterValue, float64(entries.Stored))
	ch <- prometheus.MustNewConstMetric(auditPendingDesc, prometheus.GaugeValue, float64(entries.Pending))
	ch <- prometheus.MustNewConstMetric(auditLostDesc, prometheus.CounterValue, float64(entries.Lost))
	c.s.mu.Lock()
	nodes := c.s.fleet
	c.s.mu.Unlock()
	if nodes == nil {
		return
	}
	for state, n := range nodes.count() {
		ch <- prometheus.MustNewConstMetric(nodesDesc, prometheus.GaugeValue, float64(n), state)
	}
}
