package cognitotest

import (
	"net/http"
)

// serveRevoke is /oauth2/revoke (RFC 7009, section 2; developer guide, "The
// token revocation endpoint"): 200 with an empty body for a revoked token
// and for one that means nothing, 401 for a client that can't authenticate.
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	if err := s.revokeForm(w, r); err != nil {
		writeOAuthError(w, asError(err))
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Server) revokeForm(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.oauthClient(r)
	if err != nil {
		return err
	}
	token := r.PostForm.Get("token")
	if token == "" {
		return invalidRequest("token is missing")
	}
	return c.revoke(c.secret, token)
}
