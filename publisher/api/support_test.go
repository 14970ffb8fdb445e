package api_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/safebuf"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	pool          = "eu-west-1_AbC123"
	key           = "test-key-0123456789" // of an admin
	keyOfOperator = "test-key-of-operator"
	keyOfViewer   = "test-key-of-viewer"
	app           = "appclient"   // public
	vault         = "vaultclient" // confidential
	secret        = "s3cret+with/odd=characters"
)

// Tokens of the fake verifier. Their shapes are real, their content is not.
const (
	access        = "access.of.app"
	accessNoIDs   = "accessnoids.of.app"
	accessVault   = "access.of.vault"
	accessExpired = "expired.of.app"
	expiredVault  = "expired.of.vault"
	accessRevoked = "revoked.of.app" // by a session act
	accessSpent   = "spent.of.app"   // by a token act
	accessForeign = "access.of.otherpool"
	accessDevice  = "device.of.app"
	idToken       = "id.of.app"
	idTokenVault  = "id.of.vault"
	noKeys        = "nokeys.of.app"
	refresh       = "eyJjdHkiOiJKV1QifQ.a.b.c.d"
)

var keys = []api.Key{
	{ID: "ci", Role: api.RoleAdmin, SHA256: sha256.Sum256([]byte(key))},
	{ID: "oncall", Role: api.RoleOperator, SHA256: sha256.Sum256([]byte(keyOfOperator))},
	{ID: "dashboard", Role: api.RoleViewer, SHA256: sha256.Sum256([]byte(keyOfViewer))},
}

var moment = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// fakeTokens is an [api.Tokens] that knows the tokens above.
type fakeTokens struct{}

func (fakeTokens) Authority(_ context.Context, token string) (api.Token, error) {
	tok, known := claims[token]
	switch {
	case token == noKeys:
		return api.Token{}, fmt.Errorf("%w: no keys", api.ErrUnavailable)
	case token == accessRevoked:
		return tok, fmt.Errorf("%w: %w", api.ErrInvalidToken, &revocation.RevokedError{Kind: revocation.KindSession})
	case token == accessSpent:
		return tok, fmt.Errorf("%w: %w", api.ErrInvalidToken, &revocation.RevokedError{Kind: revocation.KindToken})
	case !known, tok.ID, token == accessExpired, token == expiredVault:
		return api.Token{}, fmt.Errorf("%w: refused", api.ErrInvalidToken)
	}
	return tok, nil
}

func (fakeTokens) Name(_ context.Context, token string) (api.Token, error) {
	tok, known := claims[token]
	switch {
	case token == noKeys:
		return api.Token{}, fmt.Errorf("%w: no keys", api.ErrUnavailable)
	case !known:
		return api.Token{}, fmt.Errorf("%w: refused", api.ErrInvalidToken)
	}
	return tok, nil
}

var claims = map[string]api.Token{
	access:        {Claims: tokenOf(pool, app)},
	accessVault:   {Claims: tokenOf(pool, vault)},
	accessExpired: {Claims: tokenOf(pool, app)},
	expiredVault:  {Claims: tokenOf(pool, vault)},
	accessRevoked: {Claims: tokenOf(pool, app)},
	accessSpent:   {Claims: tokenOf(pool, app)},
	accessForeign: {Claims: tokenOf("eu-west-1_Other", app)},
	accessDevice:  {Claims: revocation.Token{Pool: pool, ClientID: app, Subject: "sub-1", JTI: "jti-1", OriginJTI: "origin-1", DeviceKey: "device-1"}},
	accessNoIDs:   {Claims: revocation.Token{Pool: pool, ClientID: app, Subject: "sub-1", ExpiresAt: moment.Unix()}},
	idToken:       {Claims: tokenOf(pool, app), ID: true},
	idTokenVault:  {Claims: tokenOf(pool, vault), ID: true},

	// Of people with groups.
	"viewer.of.console":     memberOf(pool, "console", "sub-viewer", "others", "readers"),
	"operator.of.console":   memberOf(pool, "console", "sub-operator", "security"),
	"both.of.console":       memberOf(pool, "console", "sub-both", "readers", "security"),
	"operator.of.app":       memberOf(pool, app, "sub-operator", "security"),
	"operator.of.otherpool": memberOf("eu-west-1_Other", "console", "sub-operator", "security"),
	"nogroup.of.console":    memberOf(pool, "console", "sub-nobody"),
	"machine.of.console":    memberOf(pool, "console", "", "security"),
	"id.of.console":         {Claims: memberOf(pool, "console", "sub-operator", "security").Claims, ID: true},
}

func tokenOf(pool, client string) revocation.Token {
	return revocation.Token{
		Pool: pool, ClientID: client, JTI: "jti-1", OriginJTI: "origin-1", Subject: "sub-1", ExpiresAt: moment.Unix(),
	}
}

func (fakeTokens) Examine(_ context.Context, token string) (api.Examined, error) {
	tok, known := claims[token]
	ex := api.Examined{Token: tok.Claims, Known: known, ID: tok.ID}
	switch {
	case token == noKeys:
		return ex, fmt.Errorf("%w: no keys", api.ErrUnavailable)
	case !known:
		ex.Fails = []string{"bad_signature"}
	case token == accessExpired:
		ex.Fails = []string{"expired"}
	case tok.ID:
		ex.Fails = []string{"wrong_use"}
	}
	return ex, nil
}

func (fakeTokens) ExamineClaims(claims map[string]any) api.Examined {
	sub, ok := claims["sub"].(string)
	if !ok {
		return api.Examined{Fails: []string{"bad_claims"}}
	}
	return api.Examined{Known: true, Token: revocation.Token{Pool: pool, Subject: sub}}
}

// fakeDenylist has some acts, and may be stale.
type fakeDenylist struct {
	acts  []revocation.Act
	stale bool
}

func (f fakeDenylist) Check(tok revocation.Token) error {
	for _, act := range f.Refusals(tok) {
		return &revocation.RevokedError{Act: act.ID, Kind: act.Target.Kind}
	}
	if f.stale {
		return revocation.ErrStale
	}
	return nil
}

func (f fakeDenylist) Refusals(tok revocation.Token) []revocation.Act {
	var acts []revocation.Act
	for _, act := range f.acts {
		if act.Refuses(tok) {
			acts = append(acts, act)
		}
	}
	return acts
}

// fakeRevoker is an [api.Revoker] that records what it is asked to do, and
// answers as told.
type fakeRevoker struct {
	mu       sync.Mutex // guards the fields below
	requests []publisher.Request
	sessions []publisher.Presented
	lifts    []publisher.LiftRequest
	queries  []publisher.Query
	ctxErr   error // of the context of the newest call

	err              error              // answer of every call
	liftErr, listErr error              // answers of Lift and List
	leg              publisher.LegState // answer of Revoke and RevokeSession
	later            publisher.LegState // answer of AwaitCognito; empty: as leg
	found            []publisher.Status // what Get and List know
	blocked          chan struct{}      // if not nil, RevokeSession waits for it
}

func (f *fakeRevoker) status(target revocation.Target) publisher.Status {
	return publisher.Status{
		Act: revocation.Act{
			ID: revocation.ActID{1, 2, 3}, State: revocation.StateOpen, Target: target, ExpiresAt: moment.Unix(),
		},
		AcceptedAt: moment,
		Denied:     publisher.Denied{Sequence: 7, At: moment},
		Cognito:    publisher.Leg{State: cmp.Or(f.leg, publisher.LegDone)},
	}
}

func (f *fakeRevoker) Revoke(ctx context.Context, req publisher.Request) (publisher.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return publisher.Status{}, f.err
	}
	f.requests = append(f.requests, req)
	f.ctxErr = ctx.Err()
	s := f.status(req.Target)
	s.Reason, s.Operator = req.Reason, req.Operator
	return s, nil
}

func (f *fakeRevoker) RevokeSession(ctx context.Context, in publisher.Presented) (publisher.Status, error) {
	if f.blocked != nil {
		<-f.blocked
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return publisher.Status{}, f.err
	}
	f.sessions = append(f.sessions, in)
	f.ctxErr = ctx.Err()
	return f.status(revocation.Target{Kind: revocation.KindSession, Pool: in.Pool, ID: "origin-1"}), nil
}

func (f *fakeRevoker) AwaitCognito(ctx context.Context, _ revocation.ActID) (publisher.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctxErr = ctx.Err()
	s := f.status(revocation.Target{})
	if f.later != "" {
		s.Cognito.State = f.later
	}
	return s, f.err
}

func (f *fakeRevoker) Lift(ctx context.Context, req publisher.LiftRequest) ([]publisher.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := cmp.Or(f.liftErr, f.err); err != nil {
		return nil, err
	}
	f.lifts = append(f.lifts, req)
	f.ctxErr = ctx.Err()
	s := f.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})
	for _, known := range f.found {
		if known.Act.ID == req.Acts[0] {
			s = known
		}
	}
	s.Act.State = revocation.StateLifted
	s.Lift = publisher.Lift{At: moment, Reason: req.Reason, Operator: req.Operator}
	return []publisher.Status{s}, nil
}

func (f *fakeRevoker) Get(_ context.Context, id revocation.ActID) (publisher.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.found {
		if s.Act.ID == id {
			return s, f.err
		}
	}
	return publisher.Status{}, publisher.ErrNotFound
}

func (f *fakeRevoker) List(_ context.Context, q publisher.Query) ([]publisher.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := cmp.Or(f.listErr, f.err); err != nil {
		return nil, err
	}
	f.queries = append(f.queries, q)
	found := f.found
	for i, s := range found {
		if s.Act.ID == q.After {
			found = found[i+1:]
			break
		}
	}
	return found[:min(q.Limit, len(found))], nil
}

// quiet fails the test if anything was revoked.
func (f *fakeRevoker) quiet(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) > 0 || len(f.sessions) > 0 || len(f.lifts) > 0 {
		t.Errorf("done %+v %+v %+v, want nothing", f.requests, f.sessions, f.lifts)
	}
}

// world is a pair of handlers with what they use.
type world struct {
	t      *testing.T
	fake   *fakeRevoker
	fleet  *fakeFleet
	audit  *fakeAudit
	public http.Handler
	admin  http.Handler
	log    *safebuf.Buffer
	served []string // "listener route status"
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, fake: &fakeRevoker{leg: publisher.LegDone}, log: &safebuf.Buffer{}}
	var mu sync.Mutex
	served := func(listener string) func(string, int, time.Duration) {
		return func(route string, status int, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			w.served = append(w.served, fmt.Sprintf("%s %q %d", listener, route, status))
		}
	}
	w.fleet, w.audit = &fakeFleet{fake: w.fake}, &fakeAudit{fake: w.fake}
	common := api.Common{Revoker: w.fake, Tokens: fakeTokens{}, Audit: w.audit, Logger: zerolog.New(w.log)}
	public := api.PublicConfig{
		Common: common, CORSOrigins: []string{"https://app.example.com"}, CognitoWait: time.Minute,
		Clients: []api.Client{{ID: app, Pool: pool}, {ID: vault, Pool: pool, Secret: secret}},
	}
	public.Served = served("public")
	admin := api.AdminConfig{Common: common, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: w.fleet, Doctor: w.fleet, Feed: w.fleet, Keys: keys, Pools: []string{pool}}
	admin.Served = served("admin")
	var err error
	if w.public, err = api.NewPublic(public); err != nil {
		t.Fatal(err)
	}
	if w.admin, err = api.NewAdmin(admin); err != nil {
		t.Fatal(err)
	}
	// Whatever a test does, no secret and no token reaches the log.
	t.Cleanup(func() {
		for _, s := range append(slices.Collect(maps.Keys(claims)), refresh, key, secret, url.QueryEscape(secret), keyOfOperator, keyOfViewer) {
			if strings.Contains(w.log.String(), s) {
				t.Errorf("the log contains %q:\n%s", s, w.log.String())
			}
		}
	})
	return w
}

// answer of a handler.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %v %s", a.status, a.header, a.body) }

// serve also holds the answer against the API's description.
func serve(h http.Handler, r *http.Request) answer {
	rec := httptest.NewRecorder()
	var sent bytes.Buffer // as far as the handler reads
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, &sent), r.Body}
	h.ServeHTTP(rec, r)
	a := answer{rec.Code, rec.Header(), rec.Body.String()}
	described.observe(r, sent.Bytes(), a)
	return a
}

// form posts fields to /oauth2/revoke.
func (w *world) form(fields url.Values, edit ...func(*http.Request)) answer {
	w.t.Helper()
	return w.rawForm(fields.Encode(), edit...)
}

func (w *world) rawForm(body string, edit ...func(*http.Request)) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/oauth2/revoke", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, e := range edit {
		e(r)
	}
	return serve(w.public, r)
}

// post sends a request for a revocation.
func (w *world) post(body string, edit ...func(*http.Request)) answer {
	w.t.Helper()
	return w.postReader(strings.NewReader(body), edit...)
}

func (w *world) postReader(body io.Reader, edit ...func(*http.Request)) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/v1/revocations", body)
	r.Header.Set("Content-Type", "application/json")
	return w.asOperator(r, edit...)
}

func (w *world) get(path string, edit ...func(*http.Request)) answer {
	w.t.Helper()
	return w.asOperator(httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil), edit...)
}

func (w *world) lift(path string, edit ...func(*http.Request)) answer {
	w.t.Helper()
	return w.asOperator(httptest.NewRequestWithContext(w.t.Context(), http.MethodDelete, path, nil), edit...)
}

func (w *world) explain(body string, edit ...func(*http.Request)) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/v1/explain", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return w.asOperator(r, edit...)
}

// batch sends lines.
func (w *world) batch(body string, edit ...func(*http.Request)) answer {
	w.t.Helper()
	return w.post(body, append([]func(*http.Request){header("Content-Type", "application/x-ndjson")}, edit...)...)
}

func (w *world) asOperator(r *http.Request, edit ...func(*http.Request)) answer {
	r.Header.Set("Authorization", "Bearer "+key)
	for _, e := range edit {
		e(r)
	}
	return serve(w.admin, r)
}

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del(name)
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(id, secret) }
}

// problem is an error of the admin API.
type problem struct {
	Type, Title, Detail, Field, Denied, Act string
	Status                                  int
	Choices                                 []string
}

// wantProblem fails the test unless a is a complete problem document of the
// given status, type and field.
func (a answer) wantProblem(t *testing.T, status int, kind, field string) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%v: %v", err, a)
	}
	if a.status != status || p.Status != status || p.Type != kind || p.Field != field {
		t.Errorf("answer = %v, want status %d, type %s, field %q", a, status, kind, field)
	}
	if p.Title == "" || p.Detail == "" {
		t.Errorf("problem without title or detail: %v", a)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %q, want application/problem+json", got)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", got)
	}
	again := status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
	if retry := a.header.Get("Retry-After") != ""; retry != again {
		t.Errorf("Retry-After = %q with status %d", a.header.Get("Retry-After"), status)
	}
	return p
}

// wantOAuthError likewise (RFC 6749, section 5.2).
func (a answer) wantOAuthError(t *testing.T, status int, code string) {
	t.Helper()
	var e struct{ Error string }
	if err := json.Unmarshal([]byte(a.body), &e); err != nil {
		t.Fatalf("%v: %v", err, a)
	}
	if a.status != status || e.Error != code {
		t.Errorf("answer = %v, want status %d, error %s", a, status, code)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", got)
	}
	if challenge := a.header.Get("WWW-Authenticate") != ""; challenge != (status == http.StatusUnauthorized) {
		t.Errorf("WWW-Authenticate = %q with status %d", a.header.Get("WWW-Authenticate"), status)
	}
	if retry := a.header.Get("Retry-After") != ""; retry != (status == http.StatusServiceUnavailable) {
		t.Errorf("Retry-After = %q with status %d", a.header.Get("Retry-After"), status)
	}
	if a.header.Get("Revoked-Local") != "" {
		t.Errorf("Revoked-Local = %q beside an error", a.header.Get("Revoked-Local"))
	}
}

var errBroken = errors.New("something broke")
