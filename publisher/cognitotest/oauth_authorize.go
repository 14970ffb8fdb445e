package cognitotest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

const (
	challengeS256 = "S256"
	codeLifetime  = 5 * time.Minute // developer guide, "The redirect and authorization endpoint"
)

// authRequest is a checked authorization request (RFC 6749, section 4.1.1).
type authRequest struct {
	client      *client
	redirectURI string
	state       string
	nonce       string
	scopes      []string
	challenge   string
	prompt      string
	query       url.Values // as it came
}

// authCode is what an authorization code stands for, guarded by Server.mu.
type authCode struct {
	*authRequest
	user    *user
	expires time.Time
}

// challengePattern is a SHA-256 in base64url (RFC 7636, section 4.2).
var challengePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// parseAuthRequest checks an authorization request. Without a request it
// returns the reason for an error page: an unknown client or redirect URI,
// to which nothing may be sent (RFC 6749, section 4.1.2.1). With one, the
// error is for the redirect URI. The caller holds mu.
func (s *Server) parseAuthRequest(query url.Values) (*authRequest, *Error) {
	for name, values := range query {
		if len(values) > 1 { // RFC 6749, section 3.1
			return nil, invalidRequest("repeated parameter " + name)
		}
	}
	c := s.clients[query.Get("client_id")]
	if c == nil {
		return nil, invalidRequest("unknown client_id")
	}
	req := &authRequest{
		client:      c,
		redirectURI: query.Get("redirect_uri"),
		state:       query.Get("state"),
		nonce:       query.Get("nonce"),
		challenge:   query.Get("code_challenge"),
		prompt:      query.Get("prompt"),
		query:       query,
	}
	if !slices.Contains(c.settings.CallbackURLs, req.redirectURI) {
		return nil, &Error{Code: "redirect_mismatch", Message: "redirect_uri is not among the client's callback URLs"}
	}
	method := query.Get("code_challenge_method")
	switch {
	case query.Get("response_type") != "code":
		return req, &Error{Code: "unsupported_response_type"}
	case !c.allowsGrant("code"):
		return req, &Error{Code: "unauthorized_client"}
	case req.challenge == "" && method == "" && c.secret == "":
		return req, invalidRequest("a public client must use PKCE")
	case (req.challenge != "" || method != "") && (method != challengeS256 || !challengePattern.MatchString(req.challenge)):
		return req, invalidRequest("code_challenge must be of method S256")
	}
	scopes, err := c.grantScopes(query.Get("scope"))
	if err != nil {
		return req, asError(err)
	}
	req.scopes = scopes
	return req, nil
}

// authRequest parses the query of r and answers errors. It returns nil if it
// has answered.
func (s *Server) authRequest(w http.ResponseWriter, r *http.Request) *authRequest {
	s.mu.Lock()
	req, refusal := s.parseAuthRequest(r.URL.Query())
	s.mu.Unlock()
	switch {
	case req == nil:
		writeErrorPage(w, refusal)
		return nil
	case refusal != nil:
		req.sendBack(w, r, refusal.parameters())
		return nil
	}
	return req
}

func (e *Error) parameters() url.Values {
	p := url.Values{"error": {e.Code}}
	if e.Message != "" {
		p.Set("error_description", e.Message)
	}
	return p
}

// sendBack redirects to the client's redirect URI with the state it sent.
func (a *authRequest) sendBack(w http.ResponseWriter, r *http.Request, parameters url.Values) {
	target, err := url.Parse(a.redirectURI)
	if err != nil { // it was checked when it was registered
		writeErrorPage(w, asError(err))
		return
	}
	query := target.Query()
	for name := range parameters {
		query.Set(name, parameters.Get(name))
	}
	if a.state != "" {
		query.Set("state", a.state)
	}
	target.RawQuery = query.Encode()
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

// serveAuthorize is /oauth2/authorize. A browser that has signed in during
// the last hour gets its code at once, even if all tokens of the user have
// been revoked since: a global sign-out does not end the browser session
// (API Reference, AdminUserGlobalSignOut). Such a sign-in counts as new.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	req := s.authRequest(w, r)
	if req == nil {
		return
	}
	if u := s.browserUser(r, req.client.pool); u != nil && req.prompt != "login" {
		s.sendCode(w, r, req, u)
		return
	}
	if req.prompt == "none" {
		req.sendBack(w, r, url.Values{"error": {"login_required"}})
		return
	}
	http.Redirect(w, r, pathLogin+"?"+req.query.Encode(), http.StatusFound)
}

// sendCode gives the client a code for the user.
func (s *Server) sendCode(w http.ResponseWriter, r *http.Request, req *authRequest, u *user) {
	code := newUUID()
	s.mu.Lock()
	s.codes[code] = &authCode{authRequest: req, user: u, expires: s.Now().Add(codeLifetime)}
	s.mu.Unlock()
	req.sendBack(w, r, url.Values{"code": {code}})
}
