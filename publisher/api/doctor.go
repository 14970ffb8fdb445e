package api

import (
	"context"
	"net/http"
	"time"
)

// Doctor examines what the service depends on.
type Doctor interface {
	// Examine changes nothing. The error says that nothing could be found out.
	Examine(ctx context.Context) ([]Finding, error)
}

// Finding is the answer to one question.
type Finding struct {
	// Grade is "ok", "warn", "unknown" or "fail".
	Grade string `json:"grade"`
	Topic string `json:"topic"`
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"`
}

// examineTimeout bounds one examination.
const examineTimeout = 50 * time.Second

// diagnose serves GET /v1/doctor.
func (a *admin) diagnose(w http.ResponseWriter, r *http.Request) {
	if _, err := readQuery(r); err != nil {
		a.refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), examineTimeout)
	defer cancel()
	found, err := a.cfg.Doctor.Examine(ctx)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	report := struct {
		Healthy  bool      `json:"healthy"`
		Findings []Finding `json:"findings"`
	}{Healthy: true, Findings: []Finding{}}
	for _, f := range found {
		report.Healthy = report.Healthy && f.Grade != "fail"
		report.Findings = append(report.Findings, f)
	}
	writeJSON(w, "application/json", http.StatusOK, report)
}
