package service

import (
	"encoding/json"
	"net/http"
)

// healthHandler serves probes and metrics.
func (s *Service) healthHandler() http.Handler {
	mux := http.NewServeMux()
	// Alive is who answers. What is out of reach, a restart would not mend.
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, health{Status: "alive"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		h := health{Status: "ready"}
		code := http.StatusOK
		if err := s.tokens.ready(); err != nil {
			h.Keys = err.Error()
		}
		if err := s.ready(); err != nil {
			h, code = health{Status: "not ready", Reason: err.Error()}, http.StatusServiceUnavailable
		}
		answer(w, code, h)
	})
	mux.Handle("GET /metrics", s.numbers.handler())
	return mux
}

// health is the body of a probe's answer.
type health struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	// Keys says which token keys are missing while the service is ready
	// without them.
	Keys string `json:"keys,omitempty"`
}

func answer(w http.ResponseWriter, code int, body health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the client may be gone
}
