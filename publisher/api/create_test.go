package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestCreate(t *testing.T) {
	target := func(kind revocation.Kind, id string) revocation.Target {
		return revocation.Target{Kind: kind, Pool: pool, ID: id}
	}
	tests := []struct {
		name, body string
		want       publisher.Request
	}{
		{
			"user by id", `{"kind":"user","id":"sub-1"}`,
			publisher.Request{Target: target(revocation.KindUser, "sub-1")},
		},
		{
			"user by id, with everything",
			`{"kind":"user","pool":"eu-west-1_AbC123","id":"sub-1","cognito":"skip","reason":"laptop stolen"}`,
			publisher.Request{Target: target(revocation.KindUser, "sub-1"), SkipCognito: true, Reason: "laptop stolen"},
		},
		{
			"session by id", `{"kind":"session","id":"origin-1"}`,
			publisher.Request{Target: target(revocation.KindSession, "origin-1")},
		},
		{
			"token by id", `{"kind":"token","id":"jti-1"}`,
			publisher.Request{Target: target(revocation.KindToken, "jti-1")},
		},
		{
			"token by id, with its end rounded up", `{"kind":"token","id":"jti-1","expires_at":"2030-01-02T04:04:04.5+01:00"}`,
			publisher.Request{Target: target(revocation.KindToken, "jti-1"), ExpiresAt: moment.Unix()},
		},
		{
			"token by itself", `{"kind":"token","token":"` + access + `"}`,
			publisher.Request{Target: target(revocation.KindToken, "jti-1"), ExpiresAt: moment.Unix()},
		},
		{
			"session by an expired token", `{"kind":"session","token":"` + accessExpired + `"}`,
			publisher.Request{Target: target(revocation.KindSession, "origin-1")},
		},
		{
			"user by an ID token", `{"kind":"user","token":"` + idToken + `"}`,
			publisher.Request{Target: target(revocation.KindUser, "sub-1")},
		},
		{
			"user by a token without session", `{"kind":"user","token":"` + accessNoIDs + `"}`,
			publisher.Request{Target: target(revocation.KindUser, "sub-1")},
		},
		{
			"user but for one session", `{"kind":"user","id":"sub-1","except_session":"origin-1"}`,
			publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "sub-1", ExceptSession: "origin-1"}},
		},
		{
			"user with a cutoff and a longer end",
			`{"kind":"user","id":"sub-1","cutoff":"2030-01-02T03:04:05.9Z","keep_until":"2030-01-02T03:04:04.1Z"}`,
			publisher.Request{Target: target(revocation.KindUser, "sub-1"), Cutoff: moment.Unix(), KeepUntil: moment.Unix()},
		},
		{
			"client by id, by sessions", `{"kind":"client","id":"app-1","basis":"session"}`,
			publisher.Request{Target: target(revocation.KindClient, "app-1"), Basis: revocation.BasisSession},
		},
		{
			"client by a token", `{"kind":"client","token":"` + access + `","basis":"token"}`,
			publisher.Request{Target: target(revocation.KindClient, app), Basis: revocation.BasisToken},
		},
		{
			"group", `{"kind":"group","id":"admins"}`,
			publisher.Request{Target: target(revocation.KindGroup, "admins")},
		},
		{
			"device by id", `{"kind":"device","id":"device-1"}`,
			publisher.Request{Target: target(revocation.KindDevice, "device-1")},
		},
		{
			"device by a token", `{"kind":"device","token":"` + accessDevice + `"}`,
			publisher.Request{Target: target(revocation.KindDevice, "device-1")},
		},
		{
			"pool", `{"kind":"pool","pool":"eu-west-1_AbC123"}`,
			publisher.Request{Target: target(revocation.KindPool, "")},
		},
		{
			"pool by a token of it", `{"kind":"pool","token":"` + accessForeign + `"}`,
			publisher.Request{Target: revocation.Target{Kind: revocation.KindPool, Pool: "eu-west-1_Other"}},
		},
		{
			"letters beyond ASCII and escapes", `{"kind":"user","id":"süb\u00e9 \ud83d\ude00","reason":"\"quoted\""}`,
			publisher.Request{Target: target(revocation.KindUser, "sübé 😀"), Reason: `"quoted"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.post(tt.body)
			if a.status != http.StatusCreated {
				t.Fatalf("answer = %v, want 201", a)
			}
			tt.want.Operator = "ci"
			if diff := cmp.Diff([]publisher.Request{tt.want}, w.fake.requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if got, want := a.header.Get("Location"), "/v1/revocations/"+(revocation.ActID{1, 2, 3}).String(); got != want {
				t.Errorf("Location = %q, want %q", got, want)
			}
			if strings.Contains(a.body, access) {
				t.Errorf("the answer repeats the token: %s", a.body)
			}
		})
	}
}

func TestCreateRefused(t *testing.T) {
	const malformed, field = api.ProblemMalformed, api.ProblemInvalidField
	user := func(member string) string { return `{"kind":"user","id":"sub-1",` + member + `}` }
	tests := []struct {
		name, body string
		status     int
		problem    string
		field      string
	}{
		{"nothing", ``, 400, malformed, ""},
		{"no object", `"user"`, 400, malformed, ""},
		{"a list", `[]`, 400, malformed, ""},
		{"half an object", `{"kind":"user"`, 400, malformed, ""},
		{"half a member", `{"kind":"us`, 400, malformed, "kind"},
		{"a comma too many", `{"kind":"user","id":"x",}`, 400, malformed, ""},
		{"something behind it", userByID + `{}`, 400, malformed, ""},
		{"garbage behind it", userByID + `x`, 400, malformed, ""},
		{"an unknown member", user(`"force":"yes"`), 400, malformed, ""},
		{"another spelling of a member", `{"Kind":"user","id":"x"}`, 400, malformed, ""},
		{"a member twice", user(`"id":"sub-2"`), 400, malformed, "id"},
		{"a number", `{"kind":"user","id":7}`, 400, malformed, "id"},
		{"null", `{"kind":"user","id":null}`, 400, malformed, "id"},
		{"an object", `{"kind":"user","id":{"x":1}}`, 400, malformed, "id"},
		{"a deep list", `{"kind":"user","id":` + strings.Repeat("[", 20000) + `}`, 400, malformed, "id"},
		{"no UTF-8", "{\"kind\":\"user\",\"id\":\"\xff\"}", 400, malformed, ""},

		{"no kind", `{"id":"x"}`, 422, api.ProblemUnknownKind, "kind"},
		{"an empty kind", `{"kind":"","id":"x"}`, 422, field, "kind"},
		{"a kind that nobody knows", `{"kind":"everybody","id":"x"}`, 422, api.ProblemUnknownKind, "kind"},
		{"a pool by id", `{"kind":"pool","id":"x"}`, 422, field, "id"},
		{"a pool that is not named", `{"kind":"pool"}`, 422, field, "pool"},
		{"a pool that is named twice", `{"kind":"pool","pool":"` + pool + `","token":"` + access + `"}`, 422, field, "pool"},
		{"a group by token", `{"kind":"group","token":"` + access + `"}`, 422, field, "token"},
		{"a device by a token without one", `{"kind":"device","token":"` + access + `"}`, 422, api.ProblemNoDeviceKey, "token"},
		{"an exception of a session", `{"kind":"session","id":"x","except_session":"y"}`, 422, field, "except_session"},
		{"an exception of 257 bytes", user(`"except_session":"` + strings.Repeat("x", 257) + `"`), 422, field, "except_session"},
		{"an exception that is a token", user(`"except_session":"eyJhbGciOiJSUzI1NiJ9.e30.c2ln"`), 422, field, "except_session"},
		{"another basis", user(`"basis":"none"`), 422, field, "basis"},
		{"a cutoff that is no time", user(`"cutoff":"1893553445"`), 422, field, "cutoff"},
		{"an end before 1970", user(`"keep_until":"1960-01-01T00:00:00Z"`), 422, field, "keep_until"},
		{"a number as end", user(`"keep_until":1893553445`), 400, malformed, "keep_until"},
		{"a kind by number", `{"kind":"3","id":"x"}`, 422, api.ProblemUnknownKind, "kind"},

		{"no target", `{"kind":"user"}`, 422, field, "id"},
		{"two targets", `{"kind":"user","id":"x","token":"` + access + `"}`, 422, field, "id"},
		{"an empty id", `{"kind":"user","id":""}`, 422, field, "id"},
		{"an id of white space", `{"kind":"user","id":" "}`, 422, field, "id"},
		{"white space around an id", `{"kind":"user","id":"x "}`, 422, field, "id"},
		{"a control character", `{"kind":"user","id":"a\u0000b"}`, 422, field, "id"},
		{"a line break", `{"kind":"user","id":"a\nb"}`, 422, field, "id"},
		{"a C1 control character", `{"kind":"user","id":"a\u0085b"}`, 422, field, "id"},
		{"half a surrogate pair", `{"kind":"user","id":"a\ud800b"}`, 422, field, "id"},
		{"an id of 257 bytes", `{"kind":"user","id":"` + strings.Repeat("x", 257) + `"}`, 422, field, "id"},
		{"an id that is a token", `{"kind":"session","id":"eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}`, 422, field, "id"},

		{"an empty pool", user(`"pool":""`), 422, field, "pool"},
		{"a token of another pool", `{"kind":"user","token":"` + accessForeign + `","pool":"` + pool + `"}`, 422, api.ProblemUnknownPool, "pool"},

		{"an empty token", `{"kind":"user","token":""}`, 422, field, "token"},
		{"a token that nobody signed", `{"kind":"user","token":"a.b.c"}`, 422, api.ProblemInvalidToken, "token"},
		{"a refresh token", `{"kind":"session","token":"` + refresh + `"}`, 422, api.ProblemInvalidToken, "token"},
		{"a session by a token without one", `{"kind":"session","token":"` + accessNoIDs + `"}`, 422, api.ProblemNoSessionID, "token"},
		{"a token by one without id", `{"kind":"token","token":"` + accessNoIDs + `"}`, 422, api.ProblemNoTokenID, "token"},
		{"no keys", `{"kind":"user","token":"` + noKeys + `"}`, 503, api.ProblemUnavailable, ""},

		{"no time", `{"kind":"token","id":"x","expires_at":"tomorrow"}`, 422, field, "expires_at"},
		{"a time without zone", `{"kind":"token","id":"x","expires_at":"2030-01-02T03:04:05"}`, 422, field, "expires_at"},
		{"a time before 1970", `{"kind":"token","id":"x","expires_at":"1969-12-31T23:59:59Z"}`, 422, field, "expires_at"},
		{"an end beside a token", `{"kind":"token","token":"` + access + `","expires_at":"2030-01-02T03:04:05Z"}`, 422, field, "expires_at"},
		{"an end of a user", user(`"expires_at":"2030-01-02T03:04:05Z"`), 422, field, "expires_at"},

		{"another word for skip", user(`"cognito":"no"`), 422, field, "cognito"},
		{"an empty reason", user(`"reason":""`), 422, field, "reason"},
		{"a reason of 513 bytes", user(`"reason":"` + strings.Repeat("x", 513) + `"`), 422, field, "reason"},
		{"a control character in the reason", user(`"reason":"a\u001b[2J"`), 422, field, "reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.post(tt.body).wantProblem(t, tt.status, tt.problem, tt.field)
			w.fake.quiet(t)
		})
	}
}

func TestNoSessionIDNamesTheChoices(t *testing.T) {
	w := newWorld(t)
	p := w.post(`{"kind":"session","token":"`+accessNoIDs+`"}`).
		wantProblem(t, http.StatusUnprocessableEntity, "/problems/no_session_id", "token")
	if diff := cmp.Diff([]string{"token", "user"}, p.Choices); diff != "" {
		t.Errorf("choices (-want +got):\n%s", diff)
	}
}

// Values of 10 MB are refused without being read to their end.
func TestTooLarge(t *testing.T) {
	for _, member := range []string{"kind", "pool", "id", "token", "basis", "except_session", "cutoff", "expires_at", "keep_until", "cognito", "reason"} {
		t.Run(member, func(t *testing.T) {
			w := newWorld(t)
			body := &countingReader{r: strings.NewReader(`{"` + member + `":"` + strings.Repeat("x", 10<<20) + `"}`)}
			w.postReader(body).wantProblem(t, http.StatusRequestEntityTooLarge, api.ProblemTooLarge, member)
			w.fake.quiet(t)
			if body.n > 100<<10 {
				t.Errorf("%d bytes were read", body.n)
			}
		})
	}
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestBodyThatBreaksOff(t *testing.T) {
	w := newWorld(t)
	body := io.MultiReader(strings.NewReader(`{"kind":`), failingReader{})
	w.postReader(body).wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, "")
	w.fake.quiet(t)
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestMediaTypes(t *testing.T) {
	tests := []struct {
		value  string
		status int
	}{
		{"application/json", 201},
		{"application/json; charset=utf-8", 201},
		{"Application/JSON", 201},
		{"", 415},
		{"text/plain", 415}, // a browser sends it to any origin without asking
		{"application/x-www-form-urlencoded", 415},
		{"application/json; x", 415},
		{"application/problem+json", 415},
	}
	for _, tt := range tests {
		t.Run(tt.value, func(t *testing.T) {
			w := newWorld(t)
			a := w.post(userByID, header("Content-Type", tt.value))
			if tt.status == http.StatusCreated {
				if a.status != tt.status {
					t.Errorf("answer = %v", a)
				}
				return
			}
			a.wantProblem(t, tt.status, api.ProblemMediaType, "")
			w.fake.quiet(t)
		})
	}
}

func TestCreateFails(t *testing.T) {
	byToken := `{"kind":"token","token":"` + access + `"}`
	tests := []struct {
		name, body string
		err        error
		status     int
		problem    string
		field      string
		denied     string
	}{
		{"not durable", userByID, &publisher.NotDurableError{Act: revocation.ActID{9}, Cause: errBroken}, 503, api.ProblemNotDurable, "", "no"},
		{
			"not durable but on the fast path", userByID,
			&publisher.NotDurableError{Act: revocation.ActID{9}, FastOnly: true, Cause: errBroken}, 503, api.ProblemNotDurable, "", "fast_only",
		},
		{"not ready", userByID, fmt.Errorf("%w: x", api.ErrUnavailable), 503, api.ProblemUnavailable, "", ""},
		{"anything else", userByID, errBroken, 500, api.ProblemInternal, "", ""},
		{"unknown pool", userByID, &publisher.RequestError{Field: "pool", Problem: "is unknown"}, 422, api.ProblemUnknownPool, "pool", ""},
		{"a bad target", userByID, &publisher.RequestError{Field: "target", Problem: "is bad"}, 422, api.ProblemInvalidField, "id", ""},
		{"a bad target in the token", byToken, &publisher.RequestError{Field: "target", Problem: "is bad"}, 422, api.ProblemInvalidField, "token", ""},
		{"a cutoff too late", byToken, &publisher.RequestError{Field: "cutoff", Problem: "is too late"}, 422, api.ProblemInvalidField, "cutoff", ""},
		{"another request under the key", userByID, publisher.ErrOnceConflict, 409, api.ProblemConflict, "Idempotency-Key", ""},
		{"a crowd", userByID, &publisher.CrowdedError{RetryAfter: time.Minute}, 429, api.ProblemRateLimited, "", ""},
		{"a token that ended long ago", byToken, &publisher.RequestError{Field: "expires_at", Problem: "has passed"}, 422, api.ProblemInvalidField, "token", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.fake.err = tt.err
			a := w.post(tt.body)
			p := a.wantProblem(t, tt.status, tt.problem, tt.field)
			if p.Denied != tt.denied {
				t.Errorf("denied = %q, want %q", p.Denied, tt.denied)
			}
			if undone, ok := errors.AsType[*publisher.NotDurableError](tt.err); ok && p.Act != undone.Act.String() {
				t.Errorf("act = %q, want %s", p.Act, undone.Act)
			}
			if strings.Contains(a.body, errBroken.Error()) {
				t.Errorf("the answer shows the cause: %s", a.body)
			}
		})
	}
}

func TestSeveralPools(t *testing.T) {
	fake := &fakeRevoker{}
	h, err := api.NewAdmin(api.AdminConfig{
		Common: api.Common{Revoker: fake, Tokens: fakeTokens{}, Audit: &fakeAudit{}}, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: &fakeFleet{}, Doctor: &fakeFleet{}, Feed: &fakeFleet{}, Keys: keys, Pools: []string{pool, "eu-west-1_Other"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, fake: fake, admin: h}
	w.post(userByID).wantProblem(t, http.StatusUnprocessableEntity, api.ProblemUnknownPool, "pool")
	fake.quiet(t)
	// A token names its pool.
	for body, want := range map[string]string{
		`{"kind":"user","token":"` + accessForeign + `"}`:        "eu-west-1_Other",
		`{"kind":"user","id":"x","pool":"eu-west-1_Other"}`:      "eu-west-1_Other",
		`{"kind":"user","token":"` + access + `"}`:               pool,
		`{"kind":"user","id":"x","pool":"eu-west-1_Unchecked1"}`: "eu-west-1_Unchecked1", // the publisher knows pools
	} {
		fake.requests = nil
		if a := w.post(body); a.status != http.StatusCreated || fake.requests[0].Target.Pool != want {
			t.Errorf("%s = %v in pool %v, want %s", body, a, fake.requests, want)
		}
	}
}
