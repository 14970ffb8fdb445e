package cognitotest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// browser keeps cookies and follows redirects within the emulator only.
type browser struct {
	*http.Client
	srv *cognitotest.Server
}

func newBrowser(srv *cognitotest.Server) *browser {
	return &browser{srv: srv, Client: &http.Client{
		Jar: must(cookiejar.New(nil)),
		CheckRedirect: func(req *http.Request, _ []*http.Request) error {
			if !strings.HasPrefix(req.URL.String(), srv.URL()) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// result is where a request ended: a page, or a redirect to the client.
type result struct {
	status   int
	header   http.Header
	body     string
	callback url.Values // parameters of the redirect; nil if there was none
}

func (b *browser) do(t *testing.T, req *http.Request) result {
	t.Helper()
	resp, err := b.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	r := result{status: resp.StatusCode, header: resp.Header, body: readAll(t, resp.Body)}
	if location := resp.Header.Get("Location"); location != "" {
		r.callback = must(url.Parse(location)).Query()
	}
	return r
}

func (b *browser) authorize(t *testing.T, query url.Values) result {
	t.Helper()
	return b.do(t, must(http.NewRequest(http.MethodGet, b.srv.URL()+"/oauth2/authorize?"+query.Encode(), nil)))
}

var (
	formAction = regexp.MustCompile(`action="([^"]*)"`)
	formCSRF   = regexp.MustCompile(`name="_csrf" value="([^"]*)"`)
)

// submit fills in the form of a page.
func (b *browser) submit(t *testing.T, page result, username, password string) result {
	t.Helper()
	action, csrf := formAction.FindStringSubmatch(page.body), formCSRF.FindStringSubmatch(page.body)
	if action == nil || csrf == nil {
		t.Fatalf("status %d without a form:\n%s", page.status, page.body)
	}
	form := url.Values{"username": {username}, "password": {password}, "_csrf": {csrf[1]}}
	return b.do(t, formRequest(b.srv.URL()+html.UnescapeString(action[1]), form))
}

func formRequest(target string, form url.Values) *http.Request {
	req := must(http.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode())))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// authQuery is a request that works.
func (w *world) authQuery() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {w.client.ID}, "redirect_uri": {"https://app.example/callback"},
		"scope": {"openid email"}, "state": {"xyz"}, "nonce": {"n-0S6"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
}

// tokenResponse is what /oauth2/token answers, whether well or not.
type tokenResponse struct {
	IDToken      string `json:"id_token"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
	TokenType    string `json:"token_type"`
	Error        string `json:"error"`
}

// token posts to /oauth2/token, with Basic authentication if client has a
// secret.
func (w *world) token(t *testing.T, client *cognitotest.Client, form url.Values) (int, tokenResponse) {
	t.Helper()
	resp, body := w.postForm(t, "/oauth2/token", client, form)
	var out tokenResponse
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("decoding %q: %v", body, err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", resp.Header.Get("Cache-Control"))
	}
	return resp.StatusCode, out
}

func (w *world) postForm(t *testing.T, path string, client *cognitotest.Client, form url.Values) (*http.Response, string) {
	t.Helper()
	if client.Secret == "" {
		form.Set("client_id", client.ID)
	}
	req := formRequest(w.srv.URL()+path, form)
	if client.Secret != "" {
		req.SetBasicAuth(client.ID, client.Secret)
	}
	return do(t, req)
}

func codeForm(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {"https://app.example/callback"}, "code_verifier": {verifier},
	}
}

// signInByBrowser goes through the form and redeems the code.
func (w *world) signInByBrowser(t *testing.T) tokenResponse {
	t.Helper()
	b := newBrowser(w.srv)
	done := b.submit(t, b.authorize(t, w.authQuery()), "ada", password)
	status, tokens := w.token(t, w.client, codeForm(done.callback.Get("code")))
	if status != http.StatusOK {
		t.Fatalf("redeeming the code: status %d, %+v", status, tokens)
	}
	return tokens
}

func TestCodeFlow(t *testing.T) {
	w := newWorld(t, atEpoch)
	b := newBrowser(w.srv)
	page := b.authorize(t, w.authQuery())
	policy := page.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "form-action 'self' https://app.example;", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if page.status != http.StatusOK || page.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("form: status %d, Access-Control-Allow-Origin %q; want 200 and none", page.status, page.header.Get("Access-Control-Allow-Origin"))
	}
	again := b.submit(t, page, "ada", "wrong")
	if again.status != http.StatusBadRequest || !strings.Contains(again.body, `role="alert"`) || !strings.Contains(again.body, `value="ada"`) {
		t.Errorf("wrong password: status %d, want 400, an alert and the name kept:\n%s", again.status, again.body)
	}
	done := b.submit(t, again, "ada", password)
	if done.callback.Get("state") != "xyz" || done.callback.Get("code") == "" {
		t.Fatalf("redirect with %v, want state xyz and a code", done.callback)
	}

	status, tokens := w.token(t, w.client, codeForm(done.callback.Get("code")))
	if status != http.StatusOK || tokens.TokenType != "Bearer" || tokens.ExpiresIn != 3600 || tokens.RefreshToken == "" {
		t.Fatalf("status %d, %+v; want tokens", status, tokens)
	}
	_, access := verified(t, w.pool, tokens.AccessToken)
	if access["scope"] != "openid email" || access["version"] != 2.0 {
		t.Errorf("scope %v, version %v; want openid email, 2", access["scope"], access["version"])
	}
	_, id := verified(t, w.pool, tokens.IDToken)
	sum := sha256.Sum256([]byte(tokens.AccessToken))
	if id["nonce"] != "n-0S6" || id["at_hash"] != base64.RawURLEncoding.EncodeToString(sum[:16]) {
		t.Errorf("nonce %v, at_hash %v", id["nonce"], id["at_hash"])
	}

	if status, again := w.token(t, w.client, codeForm(done.callback.Get("code"))); status != 400 || again.Error != "invalid_grant" {
		t.Errorf("code used twice: status %d, %+v; want invalid_grant", status, again)
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}}
	if status, renewed := w.token(t, w.client, form); status != 200 || renewed.RefreshToken != "" || renewed.IDToken == "" {
		t.Errorf("refresh: status %d, %+v; want access and ID token only", status, renewed)
	}
}

func TestCodeRefusals(t *testing.T) {
	for _, test := range []struct {
		name   string
		client string // "" for the right one
		change func(form url.Values)
		wait   time.Duration
		want   string
	}{
		{name: "other verifier", change: func(f url.Values) { f.Set("code_verifier", strings.Repeat("x", 43)) }, want: "invalid_grant"},
		{name: "no verifier", change: func(f url.Values) { f.Del("code_verifier") }, want: "invalid_grant"},
		{name: "other redirect_uri", change: func(f url.Values) { f.Set("redirect_uri", "https://app.example/") }, want: "invalid_grant"},
		{name: "other code", change: func(f url.Values) { f.Set("code", "x") }, want: "invalid_grant"},
		{name: "after five minutes", wait: 5 * time.Minute, want: "invalid_grant"},
		{name: "other grant", change: func(f url.Values) { f.Set("grant_type", "password") }, want: "unsupported_grant_type"},
		{name: "unknown client", client: "nobody", want: "invalid_client"},
		{name: "repeated parameter", change: func(f url.Values) { f.Add("code", "x") }, want: "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, atEpoch)
			b := newBrowser(w.srv)
			form := codeForm(b.submit(t, b.authorize(t, w.authQuery()), "ada", password).callback.Get("code"))
			if test.change != nil {
				test.change(form)
			}
			client := w.client
			if test.client != "" {
				client = &cognitotest.Client{ID: test.client}
			}
			w.srv.Advance(test.wait)
			if status, out := w.token(t, client, form); status != 400 || out.Error != test.want {
				t.Errorf("status %d, %+v; want 400 %s", status, out, test.want)
			}
		})
	}
}

func TestAuthorizeRefusals(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for _, test := range []struct {
		name, parameter, value string
		page                   bool // shown to the user, because the redirect can't be trusted
		want                   string
	}{
		{"unknown client", "client_id", "nobody", true, "invalid_request"},
		{"no redirect_uri", "redirect_uri", "", true, "redirect_mismatch"},
		{"redirect_uri with one character more", "redirect_uri", "https://app.example/callback/", true, "redirect_mismatch"},
		{"implicit flow", "response_type", "token", false, "unsupported_response_type"},
		{"scope not allowed", "scope", "openid orders/read", false, "invalid_scope"},
		{"no PKCE", "code_challenge", "", false, "invalid_request"},
		{"plain PKCE", "code_challenge_method", "plain", false, "invalid_request"},
		{"short challenge", "code_challenge", "abc", false, "invalid_request"},
		{"silent without a session", "prompt", "none", false, "login_required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			query := w.authQuery()
			query.Set(test.parameter, test.value)
			if test.name == "no PKCE" {
				query.Del("code_challenge_method")
			}
			got := newBrowser(w.srv).authorize(t, query)
			if test.page {
				if got.callback != nil || got.status != 400 || !strings.Contains(got.body, test.want) {
					t.Errorf("status %d, redirect %v; want a page with %s:\n%s", got.status, got.callback, test.want, got.body)
				}
			} else if got.callback.Get("error") != test.want || got.callback.Get("state") != "xyz" {
				t.Errorf("redirect with %v, want error %s and the state", got.callback, test.want)
			}
		})
	}
}

func TestFormNeedsItsCookie(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	page := newBrowser(w.srv).authorize(t, w.authQuery())
	if got := newBrowser(w.srv).submit(t, page, "ada", password); got.status != http.StatusForbidden {
		t.Errorf("form from another browser: status %d, want 403", got.status)
	}
}

// TestBrowserSessionSurvivesSignOut shows why an app has to send the user
// to /logout as well.
func TestBrowserSessionSurvivesSignOut(t *testing.T) {
	w := newWorld(t, atEpoch)
	client := must(w.pool.CreateClient(cognitotest.ClientConfig{
		CallbackURLs: []string{"https://app.example/callback"}, LogoutURLs: []string{"https://app.example/bye"},
	}))
	query := w.authQuery()
	query.Set("client_id", client.ID)
	b := newBrowser(w.srv)
	b.submit(t, b.authorize(t, query), "ada", password)
	if err := w.pool.SignOut("ada"); err != nil {
		t.Fatal(err)
	}
	if got := b.authorize(t, query); got.callback.Get("code") == "" {
		t.Errorf("after a global sign-out: status %d, redirect %v; want a code without a form", got.status, got.callback)
	}
	query.Set("prompt", "login")
	if got := b.authorize(t, query); got.callback != nil {
		t.Errorf("prompt=login was ignored: redirect %v", got.callback)
	}
	query.Del("prompt")

	logout := func(target string) result {
		q := url.Values{"client_id": {client.ID}, "logout_uri": {target}}
		return b.do(t, must(http.NewRequest(http.MethodGet, w.srv.URL()+"/logout?"+q.Encode(), nil)))
	}
	if got := logout("https://evil.example/"); got.status != 400 || got.callback != nil {
		t.Errorf("logout to a foreign URL: status %d, redirect %v", got.status, got.callback)
	}
	if got := logout("https://app.example/bye"); got.status != 302 || got.header.Get("Location") != "https://app.example/bye" {
		t.Errorf("logout: status %d to %q", got.status, got.header.Get("Location"))
	}
	if got := b.authorize(t, query); got.callback != nil {
		t.Errorf("after logout: redirect %v, want the form", got.callback)
	}

	b.submit(t, b.authorize(t, query), "ada", password)
	w.srv.Advance(time.Hour)
	if got := b.authorize(t, query); got.callback != nil {
		t.Errorf("an hour later: redirect %v, want the form", got.callback)
	}
}

func TestUserInfo(t *testing.T) {
	w := newWorld(t, atEpoch)
	tokens := w.signInByBrowser(t)
	ask := func(authorization string) (*http.Response, string) {
		req := must(http.NewRequest(http.MethodGet, w.srv.URL()+"/oauth2/userInfo", nil))
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		return do(t, req)
	}
	resp, body := ask("Bearer " + tokens.AccessToken)
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("decoding %q: %v", body, err)
	}
	if diff := cmp.Diff(map[string]any{
		"sub": w.ada.Subject, "username": "ada", "email": "ada@example.com", "email_verified": "true",
	}, got); resp.StatusCode != http.StatusOK || diff != "" {
		t.Errorf("status %d (-want +got):\n%s", resp.StatusCode, diff)
	}

	const dead = `error="invalid_token", error_description="Access token is expired, disabled, or deleted, or the user has globally signed out."`
	revoked := w.signInByBrowser(t)
	if resp, body := w.postForm(t, "/oauth2/revoke", w.client, url.Values{"token": {revoked.RefreshToken}}); resp.StatusCode != http.StatusOK || body != "" {
		t.Fatalf("revoke: status %d, body %q; want 200 and nothing", resp.StatusCode, body)
	}
	expired := w.pool.Mint(cognitotest.MintOptions{ClientID: w.client.ID, Username: "ada", Scope: "openid", ExpiresAt: epoch})
	for _, test := range []struct {
		name, authorization string
		status              int
		challenge           string
	}{
		{"revoked", "Bearer " + revoked.AccessToken, 401, dead},
		{"expired", "Bearer " + expired, 401, dead},
		{"API token without openid", "Bearer " + *w.signIn(t).AccessToken, 401, `error="invalid_token", error_description="Access token does not contain openid scope"`},
		{"ID token", "Bearer " + tokens.IDToken, 401, `error="invalid_token", error_description="Access token is invalid"`},
		{"nothing", "", 400, `error="invalid_request", error_description="Bad OAuth2 request at UserInfo Endpoint"`},
		{"no JWT", "Bearer x", 400, `error="invalid_request", error_description="Bad OAuth2 request at UserInfo Endpoint"`},
		{"other scheme", "Basic " + tokens.AccessToken, 400, `error="invalid_request", error_description="Bad OAuth2 request at UserInfo Endpoint"`},
	} {
		resp, _ := ask(test.authorization)
		if resp.StatusCode != test.status || resp.Header.Get("WWW-Authenticate") != test.challenge {
			t.Errorf("%s: status %d, %s; want %d, %s", test.name, resp.StatusCode, resp.Header.Get("WWW-Authenticate"), test.status, test.challenge)
		}
	}
	if resp, _ := ask("Bearer " + tokens.AccessToken); resp.StatusCode != http.StatusOK {
		t.Errorf("token of the other session: status %d, want 200", resp.StatusCode)
	}
}

func TestRevokeEndpoint(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	off := must(w.pool.CreateClient(cognitotest.ClientConfig{DisableTokenRevocation: true}))
	own := must(w.pool.SignIn(w.client.ID, "ada"))
	vault := must(w.pool.SignIn(w.vault.ID, "ada"))
	for _, test := range []struct {
		name   string
		client *cognitotest.Client
		token  string
		status int
		code   string // empty for an empty body
	}{
		{"refresh token", w.client, own.RefreshToken, 200, ""},
		{"revoked already", w.client, own.RefreshToken, 200, ""},
		{"confidential client", w.vault, vault.RefreshToken, 200, ""},
		{"garbage of the right shape", w.client, "a.b.c.d.e", 200, ""},
		{"access token", w.client, own.AccessToken, 400, "unsupported_token_type"},
		{"no token", w.client, "", 400, "invalid_request"},
		{"revocation off", off, own.RefreshToken, 400, "invalid_request"},
		{"confidential client without secret", &cognitotest.Client{ID: w.vault.ID}, vault.RefreshToken, 401, "invalid_client"},
		{"wrong secret", &cognitotest.Client{ID: w.vault.ID, Secret: "x"}, vault.RefreshToken, 401, "invalid_client"},
		{"unknown client", &cognitotest.Client{ID: "nobody"}, own.RefreshToken, 401, "invalid_client"},
		{"token of another client", w.client, vault.RefreshToken, 401, "invalid_client"},
	} {
		resp, body := w.postForm(t, "/oauth2/revoke", test.client, url.Values{"token": {test.token}})
		var out tokenResponse
		if test.code != "" {
			if err := json.Unmarshal([]byte(body), &out); err != nil {
				t.Errorf("%s: decoding %q: %v", test.name, body, err)
			}
		} else if body != "" {
			t.Errorf("%s: body %q, want none", test.name, body)
		}
		if resp.StatusCode != test.status || out.Error != test.code {
			t.Errorf("%s: status %d, error %q; want %d, %q", test.name, resp.StatusCode, out.Error, test.status, test.code)
		}
	}
	_, err := w.pool.Refresh(w.client.ID, own.RefreshToken)
	wantError(t, "refresh", err, "NotAuthorizedException")
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {own.RefreshToken}}
	if status, out := w.token(t, w.client, form); status != 400 || out.Error != "invalid_grant" {
		t.Errorf("refresh at the token endpoint: status %d, %+v; want invalid_grant", status, out)
	}
}

func TestClientCredentials(t *testing.T) {
	w := newWorld(t, atEpoch)
	robot := must(w.pool.CreateClient(cognitotest.ClientConfig{
		GenerateSecret: true, OAuthFlows: []string{"client_credentials"}, Scopes: []string{"orders/read", "orders/write"},
	}))
	form := func(scope string) url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
	}
	status, tokens := w.token(t, robot, form(""))
	if status != 200 || tokens.IDToken != "" || tokens.RefreshToken != "" {
		t.Fatalf("status %d, %+v; want an access token alone", status, tokens)
	}
	_, c := verified(t, w.pool, tokens.AccessToken)
	if c["sub"] != robot.ID || c["client_id"] != robot.ID || c["scope"] != "orders/read orders/write" || c["origin_jti"] != nil || c["username"] != nil {
		t.Errorf("claims %v, want sub and client_id %s, all scopes, no origin_jti, no username", c, robot.ID)
	}
	if status, out := w.token(t, robot, form("orders/read")); status != 200 {
		t.Errorf("one scope: status %d, %+v", status, out)
	}
	if status, out := w.token(t, robot, form("openid")); status != 400 || out.Error != "invalid_scope" {
		t.Errorf("scope not allowed: status %d, %+v; want invalid_scope", status, out)
	}
	if status, out := w.token(t, w.vault, form("")); status != 400 || out.Error != "unauthorized_client" {
		t.Errorf("client without the grant: status %d, %+v; want unauthorized_client", status, out)
	}
	w.srv.Limit(cognitotest.ClientAuthentication, 1)
	w.token(t, robot, form(""))
	if status, _ := w.token(t, robot, form("")); status != 429 {
		t.Errorf("above the quota: status %d, want 429", status)
	}
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for _, style := range []cognitotest.IssuerStyle{cognitotest.IssuerClassic, cognitotest.IssuerUpdated, cognitotest.IssuerLocal} {
		pool := must(w.srv.CreatePool(cognitotest.PoolConfig{IssuerStyle: style}))
		var document map[string]any
		getJSON(t, w.srv.URL()+"/"+pool.ID()+"/.well-known/openid-configuration", &document)
		if document["issuer"] != pool.Issuer() || document["jwks_uri"] != pool.JWKSURL() ||
			document["revocation_endpoint"] != w.srv.URL()+"/oauth2/revoke" {
			t.Errorf("style %d: %v", style, document)
		}
		if local := pool.Issuer() == w.srv.URL()+"/"+pool.ID(); local != (style == cognitotest.IssuerLocal) {
			t.Errorf("style %d has issuer %s", style, pool.Issuer())
		}
	}
	if resp, _ := do(t, must(http.NewRequest(http.MethodGet, w.srv.URL()+"/eu-west-1_Nowhere/.well-known/jwks.json", nil))); resp.StatusCode != http.StatusNotFound {
		t.Errorf("keys of no pool: %s, want 404", resp.Status)
	}
}

func TestCORS(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	resp, _ := do(t, must(http.NewRequest(http.MethodOptions, w.srv.URL()+"/oauth2/token", nil)))
	if resp.Header.Get("Access-Control-Allow-Origin") != "*" || resp.Header.Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("preflight: %v, want any origin allowed", resp.Header)
	}
}

// TestConfidentialClientWithoutPKCE also covers an app with a scheme of its
// own, and rotation at the token endpoint.
func TestConfidentialClientWithoutPKCE(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	const callback = "com.example.app:/callback?from=cognito"
	client := must(w.pool.CreateClient(cognitotest.ClientConfig{
		GenerateSecret: true, RotateRefreshTokens: true, CallbackURLs: []string{callback},
	}))
	query := url.Values{"response_type": {"code"}, "client_id": {client.ID}, "redirect_uri": {callback}}
	code := func() url.Values {
		b := newBrowser(w.srv)
		page := b.authorize(t, query)
		if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' com.example.app:;") {
			t.Errorf("policy %q does not allow the app's scheme", policy)
		}
		done := b.submit(t, page, "ada", password)
		if done.callback.Get("from") != "cognito" {
			t.Errorf("redirect with %v, want the parameter that the callback URL has", done.callback)
		}
		return url.Values{"grant_type": {"authorization_code"}, "code": {done.callback.Get("code")}, "redirect_uri": {callback}}
	}
	status, tokens := w.token(t, client, code())
	if status != http.StatusOK {
		t.Fatalf("status %d, %+v", status, tokens)
	}
	_, c := verified(t, w.pool, tokens.AccessToken)
	if c["scope"] != "openid email profile" {
		t.Errorf("scope %v, want all that the client may have", c["scope"])
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}}
	if status, renewed := w.token(t, client, refresh); status != http.StatusOK || renewed.RefreshToken == "" {
		t.Errorf("refresh: status %d, %+v; want a new refresh token", status, renewed)
	}
	if status, out := w.token(t, client, refresh); status != http.StatusBadRequest || out.Error != "invalid_grant" {
		t.Errorf("rotated-out token: status %d, %+v; want invalid_grant", status, out)
	}
	injected := code()
	injected.Set("code_verifier", verifier)
	if status, out := w.token(t, client, injected); status != http.StatusBadRequest || out.Error != "invalid_grant" {
		t.Errorf("verifier without challenge: status %d, %+v; want invalid_grant", status, out)
	}
}

func TestFormHidesWhichUsersExist(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	b := newBrowser(w.srv)
	for _, name := range []string{"ada", "nobody"} {
		if got := b.submit(t, b.authorize(t, w.authQuery()), name, "wrong"); !strings.Contains(got.body, "Incorrect username or password.") {
			t.Errorf("wrong password of %s:\n%s", name, got.body)
		}
	}
	if err := w.pool.DeleteUser("ada"); err != nil {
		t.Fatal(err)
	}
	if got := b.submit(t, b.authorize(t, w.authQuery()), "ada", password); !strings.Contains(got.body, "Incorrect username or password.") {
		t.Errorf("deleted user:\n%s", got.body)
	}
}
