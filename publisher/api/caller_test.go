package api_test

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/safebuf"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// bearer makes the access token of the fake verifier fit for a header: its
// shape is that of a JWT already.
func bearer(credential string) func(*http.Request) {
	return header("Authorization", "Bearer "+credential)
}

// memberOf is the token of a person with groups.
func memberOf(pool, client, sub string, groups ...string) api.Token {
	tok := tokenOf(pool, client)
	tok.Subject, tok.Groups = sub, groups
	return api.Token{Claims: tok}
}

var grants = []api.Grant{
	{Pool: pool, Group: "readers", Role: api.RoleViewer, Clients: []string{"console"}},
	{Pool: pool, Group: "security", Role: api.RoleOperator, Clients: []string{"cli", "console"}},
}

// newAdminWorld has an admin handler only.
func newAdminWorld(t *testing.T, edit func(*api.AdminConfig)) *world {
	t.Helper()
	w := &world{t: t, fake: &fakeRevoker{leg: "done"}, log: &safebuf.Buffer{}}
	w.fleet, w.audit = &fakeFleet{fake: w.fake}, &fakeAudit{fake: w.fake}
	cfg := api.AdminConfig{
		Common: api.Common{Revoker: w.fake, Tokens: fakeTokens{}, Audit: w.audit}, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: w.fleet, Doctor: w.fleet, Feed: w.fleet, Keys: keys, Grants: grants, Pools: []string{pool},
	}
	edit(&cfg)
	var err error
	if w.admin, err = api.NewAdmin(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAccessTokensOfGroups(t *testing.T) {
	tests := []struct {
		token    string
		status   int // of a request to revoke
		operator string
		reads    bool
	}{
		{"operator.of.console", 201, "sub-operator", true},
		{"both.of.console", 201, "sub-both", true}, // the higher role counts
		{"viewer.of.console", 403, "", true},
		{"nogroup.of.console", 403, "", false},
		{"operator.of.app", 403, "", false},       // another app holds the token
		{"operator.of.otherpool", 403, "", false}, // a group of that name in another pool
		{"machine.of.console", 401, "", false},
		{"id.of.console", 401, "", false},
		{access, 403, "", false},
		{accessExpired, 401, "", false},
		{accessRevoked, 401, "", false},
		{"forged.of.console", 401, "", false},
		{noKeys, 503, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.token, func(t *testing.T) {
			w := newAdminWorld(t, func(*api.AdminConfig) {})
			a := w.post(userByID, bearer(tt.token))
			if a.status != tt.status {
				t.Errorf("answer = %v, want %d", a, tt.status)
			}
			if tt.status == http.StatusCreated {
				if got := w.fake.requests[0].Operator; got != tt.operator {
					t.Errorf("operator = %q, want %q", got, tt.operator)
				}
			} else {
				w.fake.quiet(t)
			}
			if got := w.get("/v1/revocations", bearer(tt.token)).status == http.StatusOK; got != tt.reads {
				t.Errorf("may read: %v, want %v", got, tt.reads)
			}
			if strings.Contains(a.body, tt.token) {
				t.Errorf("the answer repeats the token: %s", a.body)
			}
		})
	}
}

// Without a configured group, a token is a wrong key.
func TestAccessTokensNeedGrants(t *testing.T) {
	w := newAdminWorld(t, func(c *api.AdminConfig) { c.Grants = nil })
	w.post(userByID, bearer("operator.of.console")).wantProblem(t, http.StatusUnauthorized, api.ProblemUnauthorized, "")
}

func TestRoles(t *testing.T) {
	of := map[string]string{"viewer": keyOfViewer, "operator": keyOfOperator, "admin": key}
	tests := []struct {
		name    string
		do      func(w *world, as func(*http.Request)) answer
		allowed string // the roles
	}{
		{"list", func(w *world, as func(*http.Request)) answer { return w.get("/v1/revocations", as) }, "viewer operator admin"},
		{"revoke token", func(w *world, as func(*http.Request)) answer { return w.post(`{"kind":"token","id":"x"}`, as) }, "operator admin"},
		{"revoke session", func(w *world, as func(*http.Request)) answer { return w.post(`{"kind":"session","id":"x"}`, as) }, "operator admin"},
		{"revoke user", func(w *world, as func(*http.Request)) answer { return w.post(userByID, as) }, "operator admin"},
		{"revoke device", func(w *world, as func(*http.Request)) answer { return w.post(`{"kind":"device","id":"x"}`, as) }, "operator admin"},
		{"revoke client", func(w *world, as func(*http.Request)) answer { return w.post(`{"kind":"client","id":"x"}`, as) }, "admin"},
		{"revoke group", func(w *world, as func(*http.Request)) answer { return w.post(`{"kind":"group","id":"x"}`, as) }, "admin"},
		{"revoke pool", func(w *world, as func(*http.Request)) answer { return w.post(`{"kind":"pool","pool":"`+pool+`"}`, as) }, "admin"},
		{"lift user", func(w *world, as func(*http.Request)) answer { return w.liftOf(revocation.KindUser, as) }, "operator admin"},
		{"lift device", func(w *world, as func(*http.Request)) answer { return w.liftOf(revocation.KindDevice, as) }, "operator admin"},
		{"lift client", func(w *world, as func(*http.Request)) answer { return w.liftOf(revocation.KindClient, as) }, "admin"},
		{"lift group", func(w *world, as func(*http.Request)) answer { return w.liftOf(revocation.KindGroup, as) }, "admin"},
		{"lift pool", func(w *world, as func(*http.Request)) answer { return w.liftOf(revocation.KindPool, as) }, "admin"},
		{"explain", func(w *world, as func(*http.Request)) answer { return w.explain(`{"token":"`+access+`"}`, as) }, "viewer operator admin"},
	}
	for _, tt := range tests {
		for role, credential := range of {
			t.Run(tt.name+" as "+role, func(t *testing.T) {
				w := newWorld(t)
				a := tt.do(w, bearer(credential))
				if strings.Contains(tt.allowed, role) {
					if a.status != http.StatusOK && a.status != http.StatusCreated {
						t.Errorf("answer = %v, want success", a)
					}
					return
				}
				a.wantProblem(t, http.StatusForbidden, api.ProblemForbidden, "")
				w.fake.quiet(t)
			})
		}
	}
}

// liftOf lifts a revocation of some kind.
func (w *world) liftOf(kind revocation.Kind, as func(*http.Request)) answer {
	s := w.fake.status(revocation.Target{Kind: kind, Pool: pool, ID: "x"})
	w.fake.found = append(w.fake.found, s)
	return w.lift("/v1/revocations/"+s.Act.ID.String(), as)
}

// Why somebody was revoked, and by whom, is not for every dashboard.
func TestViewersSeeNoWordsOfOperators(t *testing.T) {
	w := newWorld(t)
	s := w.fake.status(revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1"})
	s.Reason, s.Operator = "laptop stolen", "alice"
	w.fake.found = append(w.fake.found, s)
	for _, path := range []string{"/v1/revocations", "/v1/revocations/" + s.Act.ID.String()} {
		for credential, sees := range map[string]bool{keyOfViewer: false, keyOfOperator: true, key: true} {
			a := w.get(path, bearer(credential))
			if a.status != http.StatusOK || strings.Contains(a.body, "laptop stolen") != sees || strings.Contains(a.body, "alice") != sees {
				t.Errorf("GET %s with %s = %v, want reason and operator: %v", path, credential, a, sees)
			}
		}
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAdminWorld(t, func(c *api.AdminConfig) { c.RateLimit = 0.5 }) // one at once
		list := func(credential string) answer { return w.get("/v1/revocations", bearer(credential)) }
		if a := list(key); a.status != http.StatusOK {
			t.Fatalf("answer = %v", a)
		}
		a := list(key)
		a.wantProblem(t, http.StatusTooManyRequests, api.ProblemRateLimited, "")
		if got := a.header.Get("Retry-After"); got != "2" {
			t.Errorf("Retry-After = %q, want 2", got)
		}
		// Others are not held up, nor is who waits; what is refused costs nothing.
		if a := list(keyOfViewer); a.status != http.StatusOK {
			t.Errorf("another caller = %v, want 200", a)
		}
		if a := list("operator.of.console"); a.status != http.StatusOK {
			t.Errorf("a caller with a token = %v, want 200", a)
		}
		if a := list("wrong"); a.status != http.StatusUnauthorized {
			t.Errorf("nobody = %v, want 401", a)
		}
		time.Sleep(2 * time.Second)
		if a := list(key); a.status != http.StatusOK {
			t.Errorf("answer after Retry-After = %v", a)
		}
	})
}

func TestCallersRefused(t *testing.T) {
	k := func(id string, role api.Role, key string) api.Key {
		return api.Key{ID: id, Role: role, SHA256: sha256.Sum256([]byte(key))}
	}
	g := api.Grant{Pool: pool, Group: "g", Role: api.RoleViewer, Clients: []string{"c"}}
	edited := func(edit func(*api.Grant)) func(*api.AdminConfig) {
		h := g
		edit(&h)
		return func(c *api.AdminConfig) { c.Grants = []api.Grant{h} }
	}
	for name, edit := range map[string]func(*api.AdminConfig){
		"a key without id":         func(c *api.AdminConfig) { c.Keys = []api.Key{k("", api.RoleAdmin, "a")} },
		"a key without role":       func(c *api.AdminConfig) { c.Keys = []api.Key{k("a", 0, "a")} },
		"a role beyond admin":      func(c *api.AdminConfig) { c.Keys = []api.Key{k("a", api.RoleAdmin+1, "a")} },
		"a key without hash":       func(c *api.AdminConfig) { c.Keys = []api.Key{{ID: "a", Role: api.RoleAdmin}} },
		"an id twice":              func(c *api.AdminConfig) { c.Keys = []api.Key{k("a", 1, "a"), k("a", 2, "b")} },
		"a key twice":              func(c *api.AdminConfig) { c.Keys = []api.Key{k("a", 1, "a"), k("b", 2, "a")} },
		"a grant without pool":     edited(func(g *api.Grant) { g.Pool = "" }),
		"a grant without group":    edited(func(g *api.Grant) { g.Group = "" }),
		"a grant without role":     edited(func(g *api.Grant) { g.Role = 0 }),
		"a grant without clients":  edited(func(g *api.Grant) { g.Clients = nil }),
		"a grant to an empty one":  edited(func(g *api.Grant) { g.Clients = []string{"c", ""} }),
		"a negative rate":          func(c *api.AdminConfig) { c.RateLimit = -1 },
		"nobody at all":            func(c *api.AdminConfig) { c.Keys, c.Grants = nil, nil },
		"everybody beside the key": func(c *api.AdminConfig) { c.InsecureNoAuth = true },
	} {
		cfg := api.AdminConfig{Common: api.Common{Revoker: &fakeRevoker{}, Tokens: fakeTokens{}, Audit: &fakeAudit{}}, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: &fakeFleet{}, Doctor: &fakeFleet{}, Feed: &fakeFleet{}, Keys: keys, Pools: []string{pool}}
		edit(&cfg)
		if _, err := api.NewAdmin(cfg); err == nil {
			t.Errorf("NewAdmin with %s: no error", name)
		}
	}
}

func TestRoleNames(t *testing.T) {
	for _, r := range []api.Role{api.RoleViewer, api.RoleOperator, api.RoleAdmin} {
		if got, err := api.ParseRole(r.String()); err != nil || got != r {
			t.Errorf("ParseRole(%q) = %v, %v", r, got, err)
		}
	}
	for _, name := range []string{"", "none", "Admin", "root"} {
		if got, err := api.ParseRole(name); err == nil {
			t.Errorf("ParseRole(%q) = %v, want an error", name, got)
		}
	}
}
