package gate_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// answer is the documented form of an answer.
type answer struct {
	Allow  bool
	Reason string
	Act    string
	Token  map[string]any
}

func post(t *testing.T, g *gate.Gate, body string) (int, string) {
	t.Helper()
	resp, err := client.Post("http://"+g.Addrs("check")[0]+"/v1/check", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func check(t *testing.T, g *gate.Gate, question map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	code, text := post(t, g, string(body))
	var ans answer
	if err := json.Unmarshal([]byte(text), &ans); err != nil || code != http.StatusOK {
		t.Fatalf("check %s: %d %s", body, code, text)
	}
	return ans
}

// claimsOf returns the claims of a token, as a caller's own library does.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestCheckAPI(t *testing.T) {
	t.Parallel()
	w := world(t)
	g := start(t, w, rulesYAML)
	awaitReady(t, g)
	good := w.Token(cognitotest.MintOptions{OriginJTI: "good", Subject: "jane-sub", Groups: []string{"staff"}})
	gone := w.Token(cognitotest.MintOptions{OriginJTI: "gone"})
	act := revoke(t, w, g, "gone", gone)
	with := func(claims map[string]any, name string, value any) map[string]any {
		claims = maps.Clone(claims)
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return claims
	}
	goodClaims := claimsOf(t, good)
	type m = map[string]any
	tests := []struct {
		name     string
		question m
		want     string
	}{
		{"token", m{"token": good}, "ok"},
		{"token and path", m{"token": good, "path": "/orders"}, "ok"},
		{"token, method and path", m{"token": good, "method": "POST", "path": "/write"}, "missing_scope"},
		{"method defaults to GET", m{"token": good, "path": "/write"}, "no_rule"},
		{"ambiguous path", m{"token": good, "path": "/a/../b"}, "ambiguous_request"},
		{"scope", m{"token": good, "scopes": []string{gatetest.Scope}}, "ok"},
		{"missing scope", m{"token": good, "scopes": []string{gatetest.Scope, "x"}}, "missing_scope"},
		{"group", m{"token": good, "groups": []string{"x", "staff"}}, "ok"},
		{"missing group", m{"token": good, "groups": []string{"x"}}, "missing_scope"},
		{"client", m{"token": good, "clients": []string{gatetest.ClientID}}, "ok"},
		{"another client", m{"token": good, "clients": []string{gatetest.OtherClientID}}, "wrong_client"},
		{"no client", m{"token": good, "clients": []string{}}, "wrong_client"},
		{"ID token", m{"token": w.Token(cognitotest.MintOptions{TokenUse: "id"})}, "wrong_use"},
		{"ID token that is asked for", m{"token": w.Token(cognitotest.MintOptions{TokenUse: "id"}), "token_use": []string{"id"}}, "ok"},
		{"expired", m{"token": w.Token(expired)}, "expired"},
		{"no token at all", m{"token": "x"}, "malformed"},
		{"revoked", m{"token": gone}, "revoked"},
		{"revoked, path", m{"token": gone, "path": "/orders"}, "revoked"},
		{"claims", m{"claims": goodClaims}, "ok"},
		{"claims, revoked", m{"claims": claimsOf(t, gone)}, "revoked"},
		{"claims of another pool", m{"claims": with(goodClaims, "iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other")}, "wrong_issuer"},
		{"claims of no pool", m{"claims": with(goodClaims, "iss", "https://example.com")}, "bad_claims"},
		{"claims, mistyped", m{"claims": with(goodClaims, "origin_jti", 7)}, "bad_claims"},
		{"claims without exp", m{"claims": with(goodClaims, "exp", nil)}, "bad_claims"},
		{"claims without iat", m{"claims": with(goodClaims, "iat", nil)}, "bad_claims"},
		{"claims, long expired", m{"claims": with(goodClaims, "exp", time.Now().Add(-time.Hour).Unix())}, "expired"},
		{"no claims", m{"claims": m{}}, "bad_claims"},
	}
	var batch []m
	for _, tt := range tests {
		batch = append(batch, tt.question)
		t.Run(tt.name, func(t *testing.T) {
			got := check(t, g, tt.question)
			if got.Reason != tt.want || got.Allow != (tt.want == "ok") {
				t.Errorf("allow %v, reason %q, want %q", got.Allow, got.Reason, tt.want)
			}
			wantAct := ""
			if tt.want == "revoked" {
				wantAct = act.ID.String()
			}
			if got.Act != wantAct {
				t.Errorf("act %q, want %q", got.Act, wantAct)
			}
			if _, presented := tt.question["token"]; (got.Token != nil) != (presented && got.Allow) {
				t.Errorf("token described: %v", got.Token)
			}
		})
	}
	t.Run("identity", func(t *testing.T) {
		tok := check(t, g, m{"token": good}).Token
		if tok["sub"] != "jane-sub" || tok["username"] != "jane" || tok["client_id"] != gatetest.ClientID ||
			tok["origin_jti"] != "good" || tok["token_use"] != "access" || tok["pool"] != w.Pool.ID() || tok["exp"] == nil {
			t.Errorf("token %v", tok)
		}
	})
	t.Run("batch", func(t *testing.T) {
		body, err := json.Marshal(m{"checks": batch})
		if err != nil {
			t.Fatal(err)
		}
		code, text := post(t, g, string(body))
		var got struct{ Results []answer }
		if err := json.Unmarshal([]byte(text), &got); err != nil || code != 200 || len(got.Results) != len(tests) {
			t.Fatalf("%d, %d results, %v", code, len(got.Results), err)
		}
		for i, tt := range tests {
			if got.Results[i].Reason != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got.Results[i].Reason, tt.want)
			}
		}
	})
	t.Run("refused questions", func(t *testing.T) {
		many := "[" + strings.TrimSuffix(strings.Repeat(`{"token":"x"},`, 1001), ",") + "]"
		for _, tt := range []struct {
			body string
			code int
			want string
		}{
			{``, 400, "not the JSON"},
			{`[]`, 400, "not the JSON"},
			{`{}`, 400, "neither token nor claims"},
			{`{"token":"x","scope":["a"]}`, 400, `unknown field`},
			{`{"token":"x"} {}`, 400, "goes on"},
			{`{"token":"x","claims":{}}`, 400, "claims stands alone"},
			{`{"claims":{},"path":"/"}`, 400, "claims stands alone"},
			{`{"token":"x","method":"GET"}`, 400, "method without path"},
			{`{"token":"x","path":"/","scopes":["a"]}`, 400, "the rule of the path"},
			{`{"token":"x","token_use":["refresh"]}`, 400, "token_use"},
			{`{"token":"x","checks":[]}`, 400, "checks stands alone"},
			{`{"checks":[{"token":"x"},{}]}`, 400, "checks[1]: neither"},
			{`{"checks":[{"checks":[]}]}`, 400, "checks[0]: a batch in a batch"},
			{`{"checks":` + many + `}`, 400, "1001 checks"},
			{`{"token":"` + strings.Repeat("a", 1<<20) + `"}`, 413, ""},
		} {
			if code, text := post(t, g, tt.body); code != tt.code || !strings.Contains(text, tt.want) {
				t.Errorf("%.60s: %d %s, want %d with %q", tt.body, code, text, tt.code, tt.want)
			}
		}
		resp, err := client.Get("http://" + g.Addrs("check")[0] + "/v1/check")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("GET: %d, want 405", resp.StatusCode)
		}
	})
	t.Run("stale", func(t *testing.T) {
		w.NATS.Stop()
		eventually(t, "stale", func() bool { return check(t, g, m{"token": good}).Reason == "stale" })
		for _, tt := range []struct {
			question m
			allow    bool
			reason   string
		}{
			{m{"token": good}, false, "stale"},
			{m{"token": good, "path": "/orders"}, false, "stale"},
			{m{"token": good, "path": "/open"}, true, "stale"},
			{m{"claims": goodClaims}, false, "stale"},
			{m{"token": gone}, false, "revoked"},
			{m{"claims": claimsOf(t, gone)}, false, "revoked"},
		} {
			if got := check(t, g, tt.question); got.Allow != tt.allow || got.Reason != tt.reason {
				t.Errorf("%v: allow %v, reason %s, want %v, %s", fmt.Sprint(tt.question)[:20], got.Allow, got.Reason, tt.allow, tt.reason)
			}
		}
		// A caller with a stale policy of its own knows whose token it is.
		if got := check(t, g, m{"token": good}); got.Token["sub"] != "jane-sub" {
			t.Errorf("beside stale the token is %v, want jane's", got.Token)
		}
	})
}
