package api_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/publisher/api"
)

func handlers(f *testing.F) (*fakeRevoker, http.Handler, http.Handler) {
	f.Helper()
	fake := &fakeRevoker{leg: "done"}
	common := api.Common{Revoker: fake, Tokens: fakeTokens{}, Audit: &fakeAudit{}}
	public, err := api.NewPublic(api.PublicConfig{
		Common: common, Clients: []api.Client{{ID: app, Pool: pool}, {ID: vault, Pool: pool, Secret: secret}},
	})
	if err != nil {
		f.Fatal(err)
	}
	admin, err := api.NewAdmin(api.AdminConfig{Common: common, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: &fakeFleet{}, Doctor: &fakeFleet{}, Keys: keys, Pools: []string{pool}, RateLimit: 1e9})
	if err != nil {
		f.Fatal(err)
	}
	return fake, public, admin
}

// FuzzRevocationRequest: whatever the body, there is no panic, and either one
// valid revocation and 201, or none and a refusal.
func FuzzRevocationRequest(f *testing.F) {
	fake, _, admin := handlers(f)
	for _, seed := range []string{
		userByID, `{"kind":"token","id":"x","expires_at":"2030-01-02T03:04:05Z"}`, `{"kind":"session","token":"` + access + `"}`,
		`{"kind":"user","pool":"p","id":"x","cognito":"skip","reason":"r"}`, `{"kind":"user","kind":"user"}`, `{`, `[]`, "\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		fake.requests = nil
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/revocations", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+key)
		a := serve(admin, r)
		switch {
		case a.status == http.StatusCreated && len(fake.requests) == 1:
			if err := fake.requests[0].Target.Validate(); err != nil {
				t.Errorf("%q revokes a target that does not exist: %v", body, err)
			}
		case slices.Contains([]int{400, 413, 422, 503}, a.status) && len(fake.requests) == 0:
		default:
			t.Errorf("%q = %v with requests %+v", body, a, fake.requests)
		}
	})
}

// FuzzRevokeForm likewise. Nothing but the tokens that have authority ends
// anything.
func FuzzRevokeForm(f *testing.F) {
	fake, public, _ := handlers(f)
	for _, seed := range []string{
		"token=" + refresh + "&client_id=" + app, "token=" + access + "&client_id=" + app,
		"token=" + refresh + "&client_id=" + app + "&access_token=" + access, "token=%zz", "token=a&token=b", ";",
	} {
		f.Add(seed, "")
	}
	f.Add("token="+refresh, "Basic dmF1bHRjbGllbnQ6czNjcmV0")
	f.Fuzz(func(t *testing.T, body, authorization string) {
		fake.requests, fake.sessions = nil, nil
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/revoke", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		a := serve(public, r)
		denied := a.header.Get("Revoked-Local") == "denied"
		switch {
		case !slices.Contains([]int{200, 400, 401, 413, 503}, a.status):
			t.Errorf("%q = %v", body, a)
		case len(fake.requests)+len(fake.sessions) > 0 != denied && !strings.Contains(body, "of.app"):
			t.Errorf("%q = %v, but revoked %+v %+v", body, a, fake.requests, fake.sessions)
		}
		for _, s := range fake.sessions {
			if s.Session != "" && s.AccessToken != access {
				t.Errorf("%q ends session %q by access token %q", body, s.Session, s.AccessToken)
			}
		}
	})
}
