package cognitotest

import (
	"mime"
	"net/http"
)

// oauthErrors translates what the API refuses with into what the OAuth
// endpoints answer (developer guide, "The token issuer endpoint", "The token
// revocation endpoint").
var oauthErrors = map[string]*Error{
	"NotAuthorizedException":        {Code: "invalid_grant"},
	"UserNotFoundException":         {Code: "invalid_grant"},
	"RefreshTokenReuseException":    {Code: "invalid_grant"},
	"UnauthorizedException":         {Code: "invalid_client", Status: http.StatusUnauthorized},
	"UnsupportedOperationException": {Code: "invalid_request"},
	"UnsupportedTokenTypeException": {Code: "unsupported_token_type"},
	"TooManyRequestsException":      {Code: "temporarily_unavailable", Status: http.StatusTooManyRequests},
	"InternalErrorException":        {Code: "server_error", Status: http.StatusInternalServerError},
}

// writeOAuthError sends an error document (RFC 6749, section 5.2). A code
// that is no exception of the API goes out as it is.
func writeOAuthError(w http.ResponseWriter, e *Error) {
	if translated := oauthErrors[e.Code]; translated != nil {
		e = &Error{Code: translated.Code, Message: e.Message, Status: translated.Status}
	}
	document := map[string]string{"error": e.Code}
	if e.Message != "" {
		document["error_description"] = e.Message
	}
	w.Header().Set("Cache-Control", "no-store") // RFC 6749, section 5.1
	writeDocument(w, e.status(), document)
}

func invalidRequest(description string) *Error {
	return &Error{Code: "invalid_request", Message: description}
}

// parseForm reads a form from the body. Parameters in the query don't count.
func parseForm(w http.ResponseWriter, r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return invalidRequest("Content-Type must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return invalidRequest(err.Error())
	}
	for name, values := range r.PostForm {
		if len(values) > 1 { // RFC 6749, section 3.2
			return invalidRequest("repeated parameter " + name)
		}
	}
	return nil
}

// oauthClient authenticates the client of a form by HTTP Basic or by
// client_id and client_secret in the body (RFC 6749, section 2.3.1). A
// public client only names itself. The caller holds mu.
func (s *Server) oauthClient(r *http.Request) (*client, error) {
	id, secret, basic := r.BasicAuth()
	form := r.PostForm
	if !basic {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	} else if form.Has("client_secret") || form.Has("client_id") && form.Get("client_id") != id {
		return nil, invalidRequest("the client authenticates in two ways")
	}
	c := s.clients[id]
	if c == nil || !c.authenticates(secret) {
		return nil, errClientSecret
	}
	return c, nil
}
