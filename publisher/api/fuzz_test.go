package api_test

import (
	"bytes"
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
	admin, err := api.NewAdmin(api.AdminConfig{Common: common, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: &fakeFleet{}, Doctor: &fakeFleet{}, Feed: &fakeFleet{}, Keys: keys, Pools: []string{pool}, RateLimit: 1e9})
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

// FuzzBatch: whatever the body, there is one result for each line that is not
// empty, in order, and as many revocations as these say.
func FuzzBatch(f *testing.F) {
	fake, _, admin := handlers(f)
	for _, seed := range []string{userByID + "\n" + userByID, "\n\n{", userByID + "\r\n \n[]", "\xff\n{}", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		fake.requests = nil
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/revocations", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-ndjson")
		r.Header.Set("Authorization", "Bearer "+key)
		a := serve(admin, r)
		var numbers []int
		for i, line := range strings.Split(body, "\n") {
			if len(bytes.TrimSpace([]byte(line))) > 0 {
				numbers = append(numbers, i+1)
			}
		}
		if a.status != http.StatusOK {
			if len(fake.requests) > 0 || !slices.Contains([]int{400, 413}, a.status) || a.status == 400 && len(numbers) > 0 {
				t.Errorf("%q = %v with requests %+v", body, a, fake.requests)
			}
			return
		}
		accepted := 0
		got := a.lines(t)
		for i, l := range got {
			if i >= len(numbers) || l.Line != numbers[i] {
				t.Fatalf("%q = %v, want results of lines %v", body, a, numbers)
			}
			if l.Revocation != nil {
				accepted++
			}
		}
		if len(got) != len(numbers) || accepted != len(fake.requests) {
			t.Errorf("%q = %v with %d requests, want results of lines %v", body, a, len(fake.requests), numbers)
		}
	})
}

// FuzzExplain: whatever the body, there is no panic and nothing is revoked.
func FuzzExplain(f *testing.F) {
	fake, _, admin := handlers(f)
	for _, seed := range []string{
		`{"token":"` + access + `"}`, `{"claims":{"sub":"x","iat":1e400}}`, `{"claims":null}`, `{"token":"a","claims":{}}`, `{"claims":{"a":[[[]]]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/explain", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+key)
		if a := serve(admin, r); !slices.Contains([]int{200, 400, 413, 422, 503}, a.status) {
			t.Errorf("%q = %v", body, a)
		}
		fake.quiet(t)
	})
}
