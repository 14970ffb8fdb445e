package gate_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

func TestAskCognito(t *testing.T) {
	t.Parallel()
	w := world(t)
	if _, err := w.Pool.CreateUser(cognitotest.UserConfig{Username: "ada"}); err != nil {
		t.Fatal(err)
	}
	signIn := func() cognitotest.Tokens {
		tokens, err := w.Pool.SignIn(gatetest.ClientID, "ada")
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	glass := filepath.Join(t.TempDir(), "stale-policy")
	g := start(t, w, "break_glass_file: "+glass+"\nrules: [{path: /}, {path: /ask, stale_policy: ask-cognito}]\n")
	awaitReady(t, g)
	stays, goes := signIn(), signIn()
	if err := w.Pool.RevokeToken(gatetest.ClientID, goes.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if code := ask(t, g, "GET", "/ask", bearer(goes.AccessToken)).StatusCode; code != 200 {
		t.Errorf("while the denylist is fresh Cognito is asked: %d, want 200", code)
	}
	w.NATS.Stop()
	eventually(t, "stale", func() bool {
		return ask(t, g, "GET", "/", bearer(stays.AccessToken)).StatusCode == http.StatusForbidden
	})
	// Beyond the budget of a call a second the answer is 403.
	eventually(t, "Cognito vouches for the session that stays", func() bool {
		return ask(t, g, "GET", "/ask", bearer(stays.AccessToken)).StatusCode == http.StatusOK
	})
	eventually(t, "Cognito refuses the other", func() bool {
		code := ask(t, g, "GET", "/ask", bearer(goes.AccessToken)).StatusCode
		if code == http.StatusOK {
			t.Fatal("a session that Cognito has revoked was served")
		}
		return code == http.StatusUnauthorized
	})
	if metric(t, g, `revoked_gate_decisions_total{outcome="settled"`) == "" {
		t.Error("nothing is counted as settled")
	}
	// The break-glass is for what Cognito can't settle, a machine's token here.
	machine := w.Pool.Mint(cognitotest.MintOptions{ClientID: gatetest.ClientID})
	if code := ask(t, g, "GET", "/ask", bearer(machine)).StatusCode; code != http.StatusForbidden {
		t.Errorf("what Cognito can't settle: %d, want 403", code)
	}
	if err := os.WriteFile(glass, []byte("fail-open"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the break-glass serves", func() bool {
		return ask(t, g, "GET", "/ask", bearer(machine)).StatusCode == http.StatusOK
	})
	if code := ask(t, g, "GET", "/ask", bearer(goes.AccessToken)).StatusCode; code != http.StatusUnauthorized {
		t.Errorf("a session that Cognito has revoked, with the break-glass: %d, want 401", code)
	}
}

// The break-glass opens every rule, also before the first view, by a file and
// by the environment; what else is wrong with a token it does not forgive.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "stale-policy")
	w := world(t)
	w.NATS.Stop()
	g := start(t, w, rulesYAML+"break_glass_file: "+file+"\n")
	token := w.Token(cognitotest.MintOptions{OriginJTI: "good"})
	good := bearer(token)
	eventually(t, "the keys are there", func() bool {
		_, body := post(t, g, `{"token": "`+token+`"}`)
		return strings.Contains(body, `"stale"`)
	})
	for _, uri := range []string{"/orders", "/open"} {
		if got := ask(t, g, "GET", uri, good).StatusCode; got != http.StatusForbidden {
			t.Fatalf("GET %s without the file, before the first view: %d, want 403", uri, got)
		}
	}
	if err := os.WriteFile(file, []byte("fail-open\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	forgivesStalenessOnly(t, w, g)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the rules are back in force", func() bool {
		return ask(t, g, "GET", "/open", good).StatusCode == http.StatusForbidden
	})
	if got := metric(t, g, "revoked_gate_break_glass "); got != "revoked_gate_break_glass 0" {
		t.Errorf("without the file: %q", got)
	}
}

func TestBreakGlassVariable(t *testing.T) {
	t.Setenv("REVOKED_STALE_POLICY", "fail-open")
	w := world(t)
	w.NATS.Stop()
	forgivesStalenessOnly(t, w, start(t, w, rulesYAML))
	_, err := gate.Load("../../deploy/gate/gate.yaml", map[string]string{"REVOKED_STALE_POLICY": "open"})
	if want := `REVOKED_STALE_POLICY "open" is not the break-glass: set fail-open`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a wrong word: %v, want %s", err, want)
	}
}

// forgivesStalenessOnly is about a gate whose glass is broken and that never had
// a view.
func forgivesStalenessOnly(t *testing.T, w *gatetest.World, g *gate.Gate) {
	t.Helper()
	good := w.Token(cognitotest.MintOptions{OriginJTI: "good"})
	eventually(t, "the keys are there", func() bool {
		return ask(t, g, "GET", "/orders", bearer(good)).StatusCode == http.StatusOK
	})
	for _, tt := range []struct {
		uri, token string
		want       int
	}{
		{"/orders", good, 200}, {"/open", good, 200}, {"/orders", w.Token(expired), 401}, {"/orders", "", 401}, {"/write", good, 403},
	} {
		header := http.Header{}
		if tt.token != "" {
			header = bearer(tt.token)
		}
		if got := ask(t, g, "GET", tt.uri, header).StatusCode; got != tt.want {
			t.Errorf("GET %s: %d, want %d", tt.uri, got, tt.want)
		}
	}
	if got := metric(t, g, "revoked_gate_break_glass "); got != "revoked_gate_break_glass 1" {
		t.Errorf("break-glass is not seen: %q", got)
	}
	served := metric(t, g, `revoked_gate_broken_glass_total{rule="/open",via="forward_auth"}`)
	if served == "" || strings.HasSuffix(served, " 0") {
		t.Errorf("what the break-glass serves is not counted: %q", served)
	}
	if got := metric(t, g, `revoked_gate_served_stale_total{rule="/open",via="forward_auth"}`); !strings.HasSuffix(got, " 0") {
		t.Errorf("no policy has served: %q", got)
	}
}

// With a local file a gate that starts without NATS knows what was revoked
// before; it is not ready, and its rules say what is served.
func TestStartsStaleFromFile(t *testing.T) {
	t.Parallel()
	w := world(t)
	more := rulesYAML + "local_file: " + filepath.Join(t.TempDir(), "acts") + "\nallow_stale_start: true\n"
	good := w.Token(cognitotest.MintOptions{OriginJTI: "good"})
	gone := w.Token(cognitotest.MintOptions{OriginJTI: "gone"})
	first := start(t, w, more)
	awaitReady(t, first)
	revoke(t, w, first, "gone", gone)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	w.NATS.Stop()
	second := start(t, w, more)
	eventually(t, "the file is read", func() bool {
		return ask(t, second, "GET", "/open", bearer(good)).StatusCode == http.StatusOK
	})
	for _, tt := range []struct {
		uri, token string
		want       int
	}{{"/open", gone, 401}, {"/orders", good, 403}, {"/orders", gone, 401}} {
		if got := ask(t, second, "GET", tt.uri, bearer(tt.token)).StatusCode; got != tt.want {
			t.Errorf("GET %s: %d, want %d", tt.uri, got, tt.want)
		}
	}
	if code := readyz(t, second); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz before the first fresh view: %d, want 503", code)
	}
	if err := w.NATS.Restart(); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, second)
}

func readyz(t *testing.T, g *gate.Gate) int {
	t.Helper()
	resp, err := client.Get("http://" + g.Addrs("metrics")[0] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
