package gate

import (
	"net/http"
)

// healthHandler serves probes and metrics.
func (g *Gate) healthHandler() http.Handler {
	mux := http.NewServeMux()
	// Alive is who answers: what is out of reach, a restart would not mend.
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, probe{Status: "alive"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := g.ready(); err != nil {
			writeJSON(w, http.StatusServiceUnavailable, probe{Status: "not ready", Reason: err.Error()})
			return
		}
		body := probe{Status: "ready"}
		if view := g.judge.deny.view.Subscriber(); view != nil {
			st := view.Status()
			body.Denylist, body.Reason = st.State.String(), string(st.Reason)
		}
		writeJSON(w, http.StatusOK, body)
	})
	mux.Handle("GET /metrics", g.numbers.handler())
	return mux
}

// probe is the body of a probe's answer.
type probe struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	// Denylist is its state: a stale one does not make the gate unready.
	Denylist string `json:"denylist,omitempty"`
}
