package cognitotest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The grant_type values of the token endpoint.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantClient  = "client_credentials"
)

// grants are what the token endpoint does for an authenticated client. The
// caller holds mu.
var grants = map[string]func(*client, url.Values) (*issuance, error){
	grantCode:    (*client).redeemCode,
	grantRefresh: (*client).refreshGrant,
	grantClient:  (*client).clientGrant,
}

// serveToken is /oauth2/token (RFC 6749, section 3.2).
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	formErr := parseForm(w, r)
	category := UserAuthentication
	if r.PostForm.Get("grant_type") == grantClient {
		category = ClientAuthentication
	}
	s.guard(w, r, endpoint{pathToken, category, writeOAuthError}, func(w http.ResponseWriter, r *http.Request) {
		if formErr != nil {
			writeOAuthError(w, asError(formErr))
			return
		}
		tokens, err := s.issue(func() (*issuance, error) { return s.grant(r) })
		if err != nil {
			writeOAuthError(w, asError(err))
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		writeDocument(w, http.StatusOK, struct {
			IDToken      string `json:"id_token,omitempty"`
			AccessToken  string `json:"access_token"`
			RefreshToken string `json:"refresh_token,omitempty"`
			ExpiresIn    int    `json:"expires_in"`
			TokenType    string `json:"token_type"`
		}{tokens.IDToken, tokens.AccessToken, tokens.RefreshToken, tokens.ExpiresIn, "Bearer"})
	})
}

func (s *Server) grant(r *http.Request) (*issuance, error) {
	grant := grants[r.PostForm.Get("grant_type")]
	if grant == nil {
		return nil, &Error{Code: "unsupported_grant_type"}
	}
	c, err := s.oauthClient(r)
	if errors.Is(err, errClientSecret) {
		// Unlike the revocation endpoint, this one answers 400.
		return nil, &Error{Code: "invalid_client"}
	}
	if err != nil {
		return nil, err
	}
	return grant(c, r.PostForm)
}

// redeemCode is the authorization_code grant with PKCE (RFC 6749, section
// 4.1.3; RFC 7636, section 4.6).
func (c *client) redeemCode(form url.Values) (*issuance, error) {
	if !c.allowsGrant("code") {
		return nil, &Error{Code: "unauthorized_client"}
	}
	s := c.pool.srv
	code := s.codes[form.Get("code")]
	if code == nil || code.client != c {
		return nil, invalidGrant("unknown code")
	}
	delete(s.codes, form.Get("code")) // single use, whether or not the rest is right
	switch {
	case !s.Now().Before(code.expires):
		return nil, invalidGrant("the code has expired")
	case code.redirectURI != form.Get("redirect_uri"):
		return nil, invalidGrant("redirect_uri is not that of the authorization request")
	case !code.provedBy(form.Get("code_verifier")):
		return nil, invalidGrant("code_verifier does not match")
	case code.user.deleted:
		return nil, errUserNotFound
	}
	return c.signIn(code.user, SignInOptions{Scopes: code.scopes, Nonce: code.nonce})
}

// provedBy checks a PKCE verifier. One without a challenge is refused: the
// challenge may have been stripped (RFC 9700, section 4.8).
func (a *authCode) provedBy(verifier string) bool {
	if a.challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(challenge), []byte(a.challenge)) == 1
}

func (c *client) refreshGrant(form url.Values) (*issuance, error) {
	if !c.allowsFlow(flowRefresh) && !c.rotates() {
		return nil, &Error{Code: "unauthorized_client"}
	}
	if form.Get("refresh_token") == "" {
		return nil, invalidRequest("refresh_token is missing")
	}
	return c.refresh(form.Get("refresh_token"))
}

// clientGrant is the client_credentials grant: an access token whose subject
// is the client, with neither a session nor a refresh token.
func (c *client) clientGrant(form url.Values) (*issuance, error) {
	if !c.allowsGrant(grantClient) {
		return nil, &Error{Code: "unauthorized_client"}
	}
	scopes, err := c.grantScopes(form.Get("scope"))
	if err != nil {
		return nil, err
	}
	return &issuance{access: c.pool.mint(MintOptions{ClientID: c.id, Scope: strings.Join(scopes, " ")})}, nil
}

// grantScopes returns the scopes asked for, or all that the client may have
// if it asks for none.
func (c *client) grantScopes(requested string) ([]string, error) {
	allowed := c.settings.AllowedOAuthScopes
	scopes := strings.Fields(requested)
	if len(scopes) == 0 {
		return slices.Clone(allowed), nil
	}
	for _, scope := range scopes {
		if !slices.Contains(allowed, scope) {
			return nil, &Error{Code: "invalid_scope"}
		}
	}
	return scopes, nil
}

func invalidGrant(description string) *Error {
	return &Error{Code: "invalid_grant", Message: description}
}
