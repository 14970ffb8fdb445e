package cognitotest

import (
	"encoding/json"
	"net/http"
)

// serveJWKS serves a pool's public keys (RFC 7517, section 5).
func (s *Server) serveJWKS(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.pools[r.PathValue("pool")]
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if p != nil {
		for _, k := range p.published() {
			set.Keys = append(set.Keys, k.public())
		}
	}
	s.mu.Unlock()
	if p == nil {
		http.NotFound(w, r)
		return
	}
	writeDocument(w, http.StatusOK, set)
}

// writeDocument sends v as plain JSON.
func writeDocument(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}
