package cognitotest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// userInfoRefused is what userInfo says of every token that Cognito no
// longer accepts (developer guide, "The user attributes endpoint").
const userInfoRefused = "Access token is expired, disabled, or deleted, or the user has globally signed out."

// serveUserInfo is /oauth2/userInfo (OpenID Connect Core 1.0, section 5.3).
func (s *Server) serveUserInfo(w http.ResponseWriter, r *http.Request) {
	attributes, refusal := s.userInfo(r.Header.Get("Authorization"))
	if refusal != nil {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("error=%q, error_description=%q", refusal.Code, refusal.Message))
		writeOAuthError(w, refusal)
		return
	}
	writeDocument(w, http.StatusOK, attributes)
}

func (s *Server) userInfo(authorization string) (map[string]string, *Error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.Count(token, ".") != 2 {
		return nil, invalidRequest("Bad OAuth2 request at UserInfo Endpoint")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bearer(token)
	switch {
	case errors.Is(err, errAccessInvalid):
		return nil, invalidToken("Access token is invalid")
	case err != nil:
		return nil, invalidToken(userInfoRefused)
	case !slices.Contains(b.scopes, "openid"):
		return nil, invalidToken("Access token does not contain openid scope")
	}
	// Booleans are strings here, unlike in the ID token.
	attributes := map[string]string{"username": b.user.username}
	for _, a := range b.user.listAttributes() {
		attributes[a.Name] = a.Value
	}
	return attributes, nil
}

// invalidToken is RFC 6750, section 3.1.
func invalidToken(description string) *Error {
	return &Error{Code: "invalid_token", Message: description, Status: http.StatusUnauthorized}
}
