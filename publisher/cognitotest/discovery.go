package cognitotest

import (
	"net/http"
)

// requestedPool is the pool that the path names, or nil.
func (s *Server) requestedPool(r *http.Request) *Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pools[r.PathValue("pool")]
}

// serveJWKS serves a pool's public keys (RFC 7517, section 5).
func (s *Server) serveJWKS(w http.ResponseWriter, r *http.Request) {
	p := s.requestedPool(r)
	if p == nil {
		http.NotFound(w, r)
		return
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	s.mu.Lock()
	for _, k := range p.published() {
		set.Keys = append(set.Keys, k.public())
	}
	s.mu.Unlock()
	w.Header().Set("Cache-Control", "public, max-age=86400")
	writeDocument(w, http.StatusOK, set)
}

// serveDiscovery serves a pool's metadata (OpenID Connect Discovery 1.0,
// section 4.2). The issuer is that of the pool's tokens; all endpoints are
// the emulator's, whatever the issuer.
func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	p := s.requestedPool(r)
	if p == nil {
		http.NotFound(w, r)
		return
	}
	base := s.baseURL(r)
	writeDocument(w, http.StatusOK, map[string]any{
		"issuer":                                p.issuer,
		"jwks_uri":                              base + "/" + p.id + pathJWKS,
		"authorization_endpoint":                base + pathAuthorize,
		"token_endpoint":                        base + pathToken,
		"userinfo_endpoint":                     base + pathUserInfo,
		"revocation_endpoint":                   base + pathRevoke,
		"end_session_endpoint":                  base + pathLogout,
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{grantCode, grantRefresh, grantClient},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "email", "phone", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{challengeS256},
	})
}
