package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher/api"
)

const userByID = `{"kind":"user","id":"sub-1"}`

func TestAPIKey(t *testing.T) {
	tests := []struct {
		name    string
		headers []string
		status  int
	}{
		{"the key", []string{"Bearer " + key}, 201},
		{"another spelling of the scheme", []string{"bearer  " + key}, 201},
		{"none", nil, 401},
		{"empty", []string{""}, 401},
		{"a wrong key", []string{"Bearer wrong"}, 401},
		{"a longer key", []string{"Bearer " + key + "x"}, 401},
		{"a shorter key", []string{"Bearer " + key[:len(key)-1]}, 401},
		{"no key", []string{"Bearer"}, 401},
		{"no scheme", []string{key}, 401},
		{"Basic", []string{"Basic " + key}, 401},
		{"twice", []string{"Bearer " + key, "Bearer " + key}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.post(userByID, header("Authorization", tt.headers...))
			if tt.status == http.StatusCreated {
				if a.status != tt.status {
					t.Errorf("answer = %v", a)
				}
				return
			}
			a.wantProblem(t, tt.status, api.ProblemUnauthorized, "")
			if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer ") {
				t.Errorf("WWW-Authenticate = %q, want a Bearer challenge", got)
			}
			w.fake.quiet(t)
		})
	}
}

// Nothing of the API is visible without a key, not even what exists.
func TestEveryRouteNeedsTheKey(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/", "/v1/revocations", "/v1/revocations/0", "/v2"} {
		w.get(path, header("Authorization")).wantProblem(t, http.StatusUnauthorized, api.ProblemUnauthorized, "")
	}
}

func TestRoutes(t *testing.T) {
	w := newWorld(t)
	w.get("/v2/nothing").wantProblem(t, http.StatusNotFound, api.ProblemNotFound, "")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/v1/revocations", nil)
	a := w.asOperator(r)
	a.wantProblem(t, http.StatusMethodNotAllowed, api.ProblemMethod, "")
	if got := a.header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow = %q, want GET, HEAD, POST", got)
	}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oauth2/revoke", nil)
	if a := serve(w.public, r); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "POST" {
		t.Errorf("GET /oauth2/revoke = %v, want 405 with Allow: POST", a)
	}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/revocations", nil)
	r.Header.Set("Authorization", "Bearer "+key)
	if a := serve(w.public, r); a.status != http.StatusNotFound {
		t.Errorf("GET /v1/revocations on the public handler = %v, want 404", a)
	}
}

func TestWithoutKeyOnlyLoopbackNames(t *testing.T) {
	fake := &fakeRevoker{}
	h, err := api.NewAdmin(api.AdminConfig{
		Common: api.Common{Revoker: fake, Tokens: fakeTokens{}, Audit: &fakeAudit{}}, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: &fakeFleet{}, Doctor: &fakeFleet{}, Feed: &fakeFleet{}, InsecureNoAuth: true, Pools: []string{pool},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		host   string
		status int
	}{
		{"localhost:8081", 201}, {"localhost", 201}, {"127.0.0.1:8081", 201}, {"[::1]:8081", 201}, {"[::1]", 201},
		{"evil.example.com:8081", 403}, {"10.0.0.1:8081", 403}, {"localhost.evil.com", 403}, {"", 403},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			fake.requests = nil
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/revocations", strings.NewReader(userByID))
			r.Host = tt.host
			r.Header.Set("Content-Type", "application/json")
			a := serve(h, r)
			if a.status != tt.status || (len(fake.requests) == 1) != (tt.status == http.StatusCreated) {
				t.Errorf("answer = %v with %d requests, want %d", a, len(fake.requests), tt.status)
			}
		})
	}
}

func TestRequestIDs(t *testing.T) {
	w := newWorld(t)
	if got := w.get("/v1/revocations", header("X-Request-Id", "abc-1_Z")).header.Get("X-Request-Id"); got != "abc-1_Z" {
		t.Errorf("X-Request-Id = %q, want the caller's", got)
	}
	if !strings.Contains(w.log.String(), `"request_id":"abc-1_Z"`) {
		t.Errorf("the log lacks the request id: %s", w.log)
	}
	for _, bad := range []string{"", access, "a b", "a\nb", strings.Repeat("x", 65)} {
		if got := w.get("/v1/revocations", header("X-Request-Id", bad)).header.Get("X-Request-Id"); got == bad || got == "" {
			t.Errorf("X-Request-Id %q is answered with %q, want a fresh one", bad, got)
		}
	}
}

func TestServedHook(t *testing.T) {
	w := newWorld(t)
	w.post(userByID)
	w.get("/v1/revocations/" + strings.Repeat("0", 32))
	w.get("/nothing/of/ours")
	w.get("/v1/revocations", header("Authorization"))
	w.form(nil)
	want := `admin "POST /v1/revocations" 201,admin "GET /v1/revocations/{id}" 404,admin "" 404,` +
		`admin "GET /v1/revocations" 401,public "POST /oauth2/revoke" 400`
	if got := strings.Join(w.served, ","); got != want {
		t.Errorf("served = %s\nwant %s", got, want)
	}
}

func TestConfigRefused(t *testing.T) {
	common := api.Common{Revoker: &fakeRevoker{}, Tokens: fakeTokens{}, Audit: &fakeAudit{}}
	admins := map[string]api.AdminConfig{
		"no revoker":     {Common: api.Common{Tokens: fakeTokens{}, Audit: &fakeAudit{}}, Keys: keys, Pools: []string{pool}},
		"no tokens":      {Common: api.Common{Revoker: &fakeRevoker{}}, Keys: keys, Pools: []string{pool}},
		"no key":         {Common: common, Pools: []string{pool}},
		"key and no key": {Common: common, Keys: keys, InsecureNoAuth: true, Pools: []string{pool}},
		"no pool":        {Common: common, Keys: keys},
	}
	for name, cfg := range admins {
		if _, err := api.NewAdmin(cfg); err == nil {
			t.Errorf("NewAdmin with %s: no error", name)
		}
	}
	publics := map[string]api.PublicConfig{
		"no revoker":     {Common: api.Common{Tokens: fakeTokens{}, Audit: &fakeAudit{}}, Clients: []api.Client{{ID: app, Pool: pool}}},
		"no client":      {Common: common},
		"no client id":   {Common: common, Clients: []api.Client{{Pool: pool}}},
		"no pool":        {Common: common, Clients: []api.Client{{ID: app}}},
		"a client twice": {Common: common, Clients: []api.Client{{ID: app, Pool: pool}, {ID: app, Pool: "other"}}},
	}
	for name, cfg := range publics {
		if _, err := api.NewPublic(cfg); err == nil {
			t.Errorf("NewPublic with %s: no error", name)
		}
	}
}
