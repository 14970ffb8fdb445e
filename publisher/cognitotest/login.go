package cognitotest

import (
	"crypto/subtle"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"
)

//go:embed login.html
var loginHTML string

var loginPage = template.Must(template.New("login").Parse(loginHTML))

// loginView is what the page shows: a form, or only an error.
type loginView struct {
	Nonce    string // of the style sheet
	Action   string // empty if there is no form
	CSRF     string
	Username string
	Error    string
}

const (
	csrfCookie      = "XSRF-TOKEN"
	browserLifetime = time.Hour // developer guide, "Managed login"
)

// browserSession is what a browser's cookie stands for, guarded by
// Server.mu.
type browserSession struct {
	user    *user
	expires time.Time
}

// serveLogin shows the sign-in form of managed login.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	if req := s.authRequest(w, r); req != nil {
		s.writeForm(w, r, req, loginView{})
	}
}

// submitLogin takes the form.
func (s *Server) submitLogin(w http.ResponseWriter, r *http.Request) {
	req := s.authRequest(w, r)
	if req == nil {
		return
	}
	if err := parseForm(w, r); err != nil {
		writeErrorPage(w, asError(err))
		return
	}
	// Double submit: another site can send the form but not read the cookie.
	cookie, err := r.Cookie(csrfCookie)
	if err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(r.PostForm.Get("_csrf"))) == 0 {
		writeErrorPage(w, &Error{Code: "invalid_request", Message: "The form has expired: go back and sign in again.", Status: http.StatusForbidden})
		return
	}
	name := r.PostForm.Get("username")
	u, err := s.formUser(req.client, name, r.PostForm.Get("password"))
	if err != nil {
		s.writeForm(w, r, req, loginView{Username: name, Error: asError(err).Message})
		return
	}
	s.rememberBrowser(w, r, u)
	s.sendCode(w, r, req, u)
}

// formUser returns the user who may go on from the form.
func (s *Server) formUser(c *client, name, password string) (*user, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := c.checkPassword(name, password)
	switch {
	case errors.Is(err, errUserNotFound):
		return nil, errBadCredentials // the page never tells which names exist
	case err == nil && u.status == statusForceChange:
		return nil, notAuthorized("A new password has to be set first.")
	}
	return u, err
}

// writeForm shows the form, with status 400 if it reports an error.
func (s *Server) writeForm(w http.ResponseWriter, r *http.Request, req *authRequest, view loginView) {
	view.Action = pathLogin + "?" + req.query.Encode()
	view.CSRF = newUUID()
	setCookie(w, r, csrfCookie, view.CSRF, browserLifetime)
	status := http.StatusOK
	if view.Error != "" {
		status = http.StatusBadRequest
	}
	// Browsers apply form-action to the redirect that answers the form, too.
	writePage(w, status, "'self' "+origin(req.redirectURI), view)
}

func writeErrorPage(w http.ResponseWriter, e *Error) {
	writePage(w, e.status(), "'none'", loginView{Error: e.Error()})
}

func writePage(w http.ResponseWriter, status int, formAction string, view loginView) {
	view.Nonce = newUUID()
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+view.Nonce+
		"'; form-action "+formAction+"; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = loginPage.Execute(w, view) // the client is gone if this fails
}

// origin is the part of a redirect URI that a content security policy names:
// scheme and host, or the scheme alone for an app's own scheme.
func origin(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	switch {
	case err != nil:
		return ""
	case u.Host == "":
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// browserCookie is the cookie of a pool's browser sessions. Real pools have
// one domain each, and so need no name of their own.
func browserCookie(p *Pool) string { return "cognito-" + p.id }

func (s *Server) rememberBrowser(w http.ResponseWriter, r *http.Request, u *user) {
	value := newUUID()
	s.mu.Lock()
	s.cookies[value] = &browserSession{user: u, expires: s.Now().Add(browserLifetime)}
	s.mu.Unlock()
	setCookie(w, r, browserCookie(u.pool), value, browserLifetime)
}

// browserUser returns the user of the browser's session with the pool, or
// nil.
func (s *Server) browserUser(r *http.Request, p *Pool) *user {
	cookie, err := r.Cookie(browserCookie(p))
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.cookies[cookie.Value]
	if b == nil || b.user.pool != p || !s.Now().Before(b.expires) || b.user.disabled || b.user.deleted {
		return nil
	}
	return b.user
}

// setCookie sets a cookie for lifetime, or removes it if that is negative.
func setCookie(w http.ResponseWriter, r *http.Request, name, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(lifetime / time.Second),
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
}

// serveLogout is /logout: it ends the browser session, and no token
// (developer guide, "The managed login sign-out endpoint").
func (s *Server) serveLogout(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	s.mu.Lock()
	c := s.clients[query.Get("client_id")]
	s.mu.Unlock()
	if c == nil {
		writeErrorPage(w, invalidRequest("unknown client_id"))
		return
	}
	target := query.Get("logout_uri")
	switch {
	case query.Has("redirect_uri"): // sign out, then in again as somebody else
		target = pathLogin + "?" + query.Encode()
	case !s.allowsLogout(c, target):
		writeErrorPage(w, invalidRequest("logout_uri is not among the client's sign-out URLs"))
		return
	}
	if cookie, err := r.Cookie(browserCookie(c.pool)); err == nil {
		s.mu.Lock()
		delete(s.cookies, cookie.Value)
		s.mu.Unlock()
		setCookie(w, r, cookie.Name, "", -time.Second)
	}
	http.Redirect(w, r, target, http.StatusFound)
}

func (s *Server) allowsLogout(c *client, target string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(c.settings.LogoutURLs, target)
}
