package gate_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/gate/gatetest"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

var identityHeaders = []string{
	"X-Auth-Subject", "X-Auth-Username", "X-Auth-Client", "X-Auth-Pool", "X-Auth-Session",
	"X-Auth-Scopes", "X-Auth-Groups", "X-Auth-Expires",
}

func TestDecisions(t *testing.T) {
	w := world(t)
	g := start(t, w, rulesYAML)
	awaitReady(t, g)
	good := w.Token(cognitotest.MintOptions{OriginJTI: "good", Subject: "jane-sub"})
	revokedToken := w.Token(cognitotest.MintOptions{OriginJTI: "gone"})
	revoke(t, w, g, "gone", revokedToken)
	big := "Bearer " + strings.Repeat("a", 20_000)

	tests := []struct {
		name, method, uri string
		header            http.Header
		want              int
		outcome           string
	}{
		{"valid", "GET", "/orders?x=1", bearer(good), 200, "ok"},
		{"valid, POST", "POST", "/orders", bearer(good), 200, "ok"},
		{"no token", "GET", "/orders", nil, 401, "no_credentials"},
		{"another scheme", "GET", "/orders", http.Header{"Authorization": {"Basic eDp5"}}, 401, "no_credentials"},
		{"two tokens", "GET", "/orders", http.Header{"Authorization": {"Bearer " + good, "Bearer " + revokedToken}}, 401, "invalid_request"},
		{"no JWT", "GET", "/orders", bearer("x"), 401, "malformed"},
		{"too long", "GET", "/orders", http.Header{"Authorization": {big}}, 401, "too_large"},
		{"expired", "GET", "/orders", bearer(w.Token(expired)), 401, "expired"},
		{"revoked", "GET", "/orders", bearer(revokedToken), 401, "revoked"},
		{"revoked, fail-open rule", "GET", "/open", bearer(revokedToken), 401, "revoked"},
		{"unknown client", "GET", "/orders", bearer(w.Token(cognitotest.MintOptions{ClientID: "stranger"})), 401, "wrong_client"},
		{"client of another rule", "GET", "/any", bearer(w.Token(cognitotest.MintOptions{ClientID: gatetest.OtherClientID})), 401, "wrong_client"},
		{"ID token", "GET", "/orders", bearer(w.Token(cognitotest.MintOptions{TokenUse: "id"})), 401, "wrong_use"},
		{"ID token where it is asked for", "GET", "/id", bearer(w.Token(cognitotest.MintOptions{TokenUse: "id"})), 200, "ok"},
		{"access token where an ID token is asked for", "GET", "/id", bearer(good), 401, "wrong_use"},
		{"missing scope", "GET", "/orders", bearer(w.Token(cognitotest.MintOptions{Scope: "orders/other"})), 403, "missing_scope"},
		{"missing scope for the method", "POST", "/write/1", bearer(good), 403, "missing_scope"},
		{"no rule for the method", "GET", "/write/1", bearer(good), 403, "no_rule"},
		{"no group", "GET", "/staff", bearer(good), 403, "missing_scope"},
		{"group", "GET", "/staff", bearer(w.Token(cognitotest.MintOptions{Groups: []string{"x", "night, shift"}})), 200, "ok"},
		{"anonymous", "GET", "/public/x", nil, 200, "anonymous"},
		{"anonymous with a bad token", "GET", "/public/x", bearer("x"), 200, "anonymous"},
		{"report only, no token", "GET", "/report", nil, 200, "no_credentials"},
		{"report only, revoked", "GET", "/report", bearer(revokedToken), 200, "revoked"},
		{"out of the public path", "GET", "/public/../orders", nil, 403, "ambiguous_request"},
		{"out of the public path, encoded", "GET", "/public/%2e%2e/orders", nil, 403, "ambiguous_request"},
		{"out of the public path, slash", "GET", "/public%2f..%2forders", nil, 403, "ambiguous_request"},
		{"double slash", "GET", "//public/x", nil, 403, "ambiguous_request"},
		{"case", "GET", "/PUBLIC/x", nil, 403, "ambiguous_request"},
		{"lower-case method", "post", "/orders", bearer(good), 403, "ambiguous_request"},
		{"URI twice", "GET", "/orders", http.Header{"X-Forwarded-Uri": {"/public"}}, 403, "undescribed"},
		{"method twice", "GET", "/orders", http.Header{"X-Forwarded-Method": {"POST"}}, 403, "undescribed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := ask(t, g, tt.method, tt.uri, tt.header)
			if resp.StatusCode != tt.want {
				t.Errorf("forward-auth answers %d, want %d", resp.StatusCode, tt.want)
			}
			for _, name := range identityHeaders {
				if _, present := resp.Header[name]; present != (tt.want == 200) {
					t.Errorf("%s present: %v, beside status %d", name, present, tt.want)
				}
			}
			if resp.StatusCode == http.StatusUnauthorized && !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), `Bearer realm="api"`) {
				t.Errorf("401 with WWW-Authenticate %q", resp.Header.Get("WWW-Authenticate"))
			}
			if resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control is %q, want no-store", resp.Header.Get("Cache-Control"))
			}
			if line := metric(t, g, `revoked_gate_decisions_total{outcome="`+tt.outcome+`",rule=`); !strings.Contains(line, `via="forward_auth"`) {
				t.Errorf("no decision counted as %s", tt.outcome)
			}
		})
	}
	t.Run("rules", func(t *testing.T) {
		for _, labels := range []string{
			`outcome="ok",rule="/"`, `outcome="ok",rule="/staff"`, `outcome="anonymous",rule="/public"`, `outcome="revoked",rule="/report"`,
			`outcome="missing_scope",rule="POST /write"`, `outcome="no_rule",rule="none"`, `outcome="ambiguous_request",rule="none"`, `outcome="undescribed",rule="none"`,
		} {
			if metric(t, g, "revoked_gate_decisions_total{"+labels+`,via="forward_auth"}`) == "" {
				t.Errorf("no decision counted with %s, but\n%s", labels, metric(t, g, "revoked_gate_decisions_total"))
			}
		}
		if got := metric(t, g, "revoked_gate_unenforced_total{"); !strings.Contains(got, `{rule="/report",via="forward_auth"} 2`) || strings.Contains(got, `rule="/"`) {
			t.Errorf("unenforced: %s; want two of the rule that only reports, and none of others", got)
		}
		// What could be served is there before it is.
		if got := metric(t, g, `revoked_gate_served_stale_total{rule="/open",via="forward_auth"}`); !strings.HasSuffix(got, " 0") {
			t.Errorf("served while stale by the rule that fails open: %q, want 0", got)
		}
	})
	t.Run("identity", func(t *testing.T) {
		token := w.Token(cognitotest.MintOptions{OriginJTI: "good", Subject: "s", Groups: []string{"a,b", "é"}})
		h := ask(t, g, "GET", "/orders", bearer(token)).Header
		for name, want := range map[string]string{
			"X-Auth-Subject": "s", "X-Auth-Username": "jane", "X-Auth-Client": gatetest.ClientID, "X-Auth-Pool": w.Pool.ID(),
			"X-Auth-Session": "good", "X-Auth-Scopes": gatetest.Scope, "X-Auth-Groups": "a%2Cb,%C3%A9",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		for _, uri := range []string{"/public", "/report"} {
			h := ask(t, g, "GET", uri, bearer(revokedToken)).Header
			for _, name := range identityHeaders {
				if got := h.Get(name); got != "" {
					t.Errorf("without an allowed token %s is %q at %s, want empty", name, got, uri)
				}
			}
		}
	})
	t.Run("a proxy that says nothing", func(t *testing.T) {
		resp, err := client.Get("http://" + g.Addrs("forward_auth")[0] + "/auth")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("status %d, want 403", resp.StatusCode)
		}
	})
	t.Run("ext_authz", func(t *testing.T) { testExtAuthz(t, w, g, good, revokedToken) })
}

// envoy is a client in Envoy's place.
func envoy(t *testing.T, g *gate.Gate) authv3.AuthorizationClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+g.Addrs("ext_authz")[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

// askAuthz describes a request as Envoy does, with a spoofed identity in it.
func askAuthz(t *testing.T, authz authv3.AuthorizationClient, method, path, authorization string) (*authv3.CheckResponse, error) {
	t.Helper()
	headers := map[string]string{"x-auth-subject": "spoofed"}
	if authorization != "" {
		headers["authorization"] = authorization
	}
	return authz.Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
		Http: &authv3.AttributeContext_HttpRequest{Method: method, Path: path, Headers: headers},
	}}})
}

// testExtAuthz drives the gRPC interface as Envoy does.
func testExtAuthz(t *testing.T, w *gatetest.World, g *gate.Gate, good, revokedToken string) {
	t.Helper()
	authz := envoy(t, g)
	tests := []struct {
		name, method, path, authorization string
		code                              codes.Code
		status                            int
	}{
		{"valid", "GET", "/orders?x=1", "Bearer " + good, codes.OK, 200},
		{"no token", "GET", "/orders", "", codes.Unauthenticated, 401},
		{"expired", "GET", "/orders", "Bearer " + w.Token(expired), codes.Unauthenticated, 401},
		{"revoked", "GET", "/orders", "Bearer " + revokedToken, codes.Unauthenticated, 401},
		{"two tokens, as Envoy joins them", "GET", "/orders", "Bearer " + good + ",Bearer " + good, codes.Unauthenticated, 401},
		{"token of 100 kB", "GET", "/orders", "Bearer " + strings.Repeat("a", 100_000), codes.Unauthenticated, 401},
		{"missing scope", "POST", "/write", "Bearer " + good, codes.PermissionDenied, 403},
		{"no rule", "GET", "/write", "Bearer " + good, codes.PermissionDenied, 403},
		{"ambiguous", "GET", "/public/..%2forders", "", codes.PermissionDenied, 403},
		{"anonymous", "GET", "/public", "", codes.OK, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := askAuthz(t, authz, tt.method, tt.path, tt.authorization)
			if err != nil {
				t.Fatal(err)
			}
			if got := codes.Code(resp.GetStatus().GetCode()); got != tt.code {
				t.Errorf("code %v, want %v", got, tt.code)
			}
			if tt.status == 200 {
				ok := resp.GetOkResponse()
				if ok == nil {
					t.Fatalf("no OK response: %v", resp)
				}
				set := make(map[string]bool)
				for _, h := range ok.GetHeaders() {
					if h.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
						t.Errorf("%s is not overwritten: %v", h.GetHeader().GetKey(), h.GetAppendAction())
					}
					set[h.GetHeader().GetKey()] = true
				}
				for _, name := range ok.GetHeadersToRemove() {
					set[strings.ToLower(name)] = true
				}
				for _, name := range identityHeaders {
					if !set[strings.ToLower(name)] {
						t.Errorf("%s is neither set nor removed", name)
					}
				}
				return
			}
			denied := resp.GetDeniedResponse()
			if got := int(denied.GetStatus().GetCode()); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			if !strings.Contains(denied.GetBody(), `"status":`) {
				t.Errorf("body %q, want a problem document", denied.GetBody())
			}
		})
	}
	t.Run("raw headers", func(t *testing.T) {
		resp, err := authz.Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
			Http: &authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/orders", HeaderMap: &corev3.HeaderMap{
				Headers: []*corev3.HeaderValue{{Key: "authorization", RawValue: []byte("Bearer " + good)}},
			}},
		}}})
		if err != nil || resp.GetOkResponse() == nil {
			t.Errorf("Check = %v, %v, want OK", resp, err)
		}
	})
	t.Run("more than a header may be", func(t *testing.T) {
		if _, err := askAuthz(t, authz, "GET", "/public", strings.Repeat("a", 300_000)); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("Check = %v, want ResourceExhausted", err)
		}
	})
	t.Run("undescribed", func(t *testing.T) {
		for _, in := range []*authv3.CheckRequest{{}, {Attributes: &authv3.AttributeContext{}}} {
			if _, err := authz.Check(t.Context(), in); status.Code(err) != codes.InvalidArgument {
				t.Errorf("Check(%v) = %v, want InvalidArgument", in, err)
			}
		}
	})
}

func TestStalePolicies(t *testing.T) {
	t.Parallel()
	w := world(t)
	g := start(t, w, rulesYAML)
	awaitReady(t, g)
	good := w.Token(cognitotest.MintOptions{OriginJTI: "good"})
	gone := w.Token(cognitotest.MintOptions{OriginJTI: "gone"})
	revoke(t, w, g, "gone", gone)
	w.NATS.Stop()
	eventually(t, "fail-closed refuses while stale", func() bool {
		return ask(t, g, "GET", "/orders", bearer(good)).StatusCode == http.StatusForbidden
	})
	for _, tt := range []struct {
		name, at, uri, token string
		want                 int
	}{
		{"fail-closed", "/auth", "/orders", good, 403},
		{"fail-closed, for a proxy that passes 503", "/auth?unavailable=503", "/orders", good, 503},
		{"fail-open", "/auth", "/open", good, 200},
		{"report only", "/auth", "/report", good, 200},
		{"anonymous", "/auth", "/public", "", 200},
		{"revoked, fail-open", "/auth", "/open", gone, 401},
		{"revoked, fail-closed", "/auth?unavailable=503", "/orders", gone, 401},
		{"expired, fail-open", "/auth", "/open", w.Token(expired), 401},
		{"missing scope", "/auth?unavailable=503", "/orders", w.Token(cognitotest.MintOptions{Scope: "other"}), 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := askAt(t, g, tt.at, "GET", tt.uri, bearer(tt.token))
			if resp.StatusCode != tt.want {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.want)
			}
			if unavailable := strings.HasPrefix(tt.name, "fail-closed"); unavailable != (resp.Header.Get("Retry-After") != "") {
				t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
			}
		})
	}
	authz := envoy(t, g)
	for _, tt := range []struct {
		path, token string
		code        codes.Code
		status      int
	}{{"/orders", good, codes.Unavailable, 503}, {"/open", good, codes.OK, 0}, {"/open", gone, codes.Unauthenticated, 401}} {
		resp, err := askAuthz(t, authz, "GET", tt.path, "Bearer "+tt.token)
		if err != nil {
			t.Fatal(err)
		}
		if got := codes.Code(resp.GetStatus().GetCode()); got != tt.code || int(resp.GetDeniedResponse().GetStatus().GetCode()) != tt.status {
			t.Errorf("ext_authz while stale: GET %s: %v, want %v and %d", tt.path, resp, tt.code, tt.status)
		}
	}
	if got := metric(t, g, `revoked_gate_served_stale_total{rule="/open",via="forward_auth"}`); !strings.HasSuffix(got, " 1") {
		t.Errorf("served while stale: %q, want 1", got)
	}
	resp, err := client.Get("http://" + g.Addrs("metrics")[0] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "stale") {
		t.Errorf("/readyz while stale: %d %s, want 200 that says so", resp.StatusCode, body)
	}
	if err := w.NATS.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "fresh again", func() bool {
		return ask(t, g, "GET", "/orders", bearer(good)).StatusCode == http.StatusOK
	})
}

// Before the first complete view nobody knows what was revoked: no rule's
// policy opens then.
func TestStartsWithoutNATS(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.NATS.Stop()
	g := start(t, w, rulesYAML)
	good := w.Token(cognitotest.MintOptions{OriginJTI: "good"})
	eventually(t, "the keys are there, the denylist is not", func() bool {
		return strings.Contains(metric(t, g, "revoked_gate_decisions_total"), `outcome="stale"`) ||
			ask(t, g, "GET", "/open", bearer(good)).StatusCode == http.StatusOK
	})
	for uri, want := range map[string]int{"/open": 403, "/orders": 403, "/public": 200} {
		if resp := ask(t, g, "GET", uri, bearer(good)); resp.StatusCode != want {
			t.Errorf("without a denylist %s is answered by %d, want %d", uri, resp.StatusCode, want)
		}
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503} {
		resp, err := client.Get("http://" + g.Addrs("metrics")[0] + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s answers %d, want %d", path, resp.StatusCode, want)
		}
	}
	if err := w.NATS.Restart(); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, g)
	if resp := ask(t, g, "GET", "/orders", bearer(good)); resp.StatusCode != http.StatusOK {
		t.Errorf("with a denylist: %d, want 200", resp.StatusCode)
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	w := world(t)
	path := filepath.Join(socketDir(t), "check.sock")
	// What a killed process has left.
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()

	cfg := load(t, w, rulesYAML+"check: {listen: ['unix:"+path+"']}\nsocket_mode: '0640'\n")
	g, err := gate.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the socket's mode is %v, %v, want 0640", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".gate*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	resp, err := unixClient(path).Post("http://gate/v1/check", "application/json", strings.NewReader(`{"token":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("over the socket: %d, want 200", resp.StatusCode)
	}
	if second, err := gate.Start(cfg); err == nil {
		second.Close()
		t.Error("a second gate took the socket of the first")
	} else if !strings.Contains(err.Error(), "another process is listening") {
		t.Errorf("a second gate: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after Close the socket is still there: %v", err)
	}
	// A file in its place is not ours to remove.
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if third, err := gate.Start(cfg); err == nil {
		third.Close()
		t.Error("a gate replaced a file that is no socket")
	}
}

// Beyond max_connections a connection waits for its turn, and gets it.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	w := world(t)
	g := start(t, w, rulesYAML+"max_connections: 2\n")
	awaitReady(t, g)
	addr := g.Addrs("forward_auth")[0]
	var held []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		held = append(held, c)
	}
	impatient := &http.Client{Timeout: 300 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	eventually(t, "the third waits", func() bool {
		resp, err := impatient.Get("http://" + addr + "/auth")
		if err == nil {
			resp.Body.Close()
		}
		return err != nil
	})
	held[0].Close()
	eventually(t, "the third is served", func() bool {
		resp, err := impatient.Get("http://" + addr + "/auth")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

// A header beyond all measure ends the connection before any rule is asked.
func TestHugeHeader(t *testing.T) {
	t.Parallel()
	w := world(t)
	g := start(t, w, rulesYAML)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.Addrs("forward_auth")[0]+"/auth", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/public"}, "X-Pad": {strings.Repeat("a", 100_000)}}
	resp, err := client.Do(req)
	if err == nil { // else the server closed while we were still sending
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a header of 100 kB: %d, want 431", resp.StatusCode)
		}
	}
	if got := metric(t, g, "revoked_gate_decisions_total"); got != "" {
		t.Errorf("decided: %s", got)
	}
}

// A decision under way ends before Close returns, and nothing is served after.
func TestCloseDrains(t *testing.T) {
	t.Parallel()
	w := world(t)
	g := start(t, w, rulesYAML)
	awaitReady(t, g)
	token := w.Token(cognitotest.MintOptions{OriginJTI: "good"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := make(chan int, 10_000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.Addrs("forward_auth")[0]+"/auth", nil)
			if err != nil {
				return
			}
			req.Header = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/orders"}, "Authorization": {"Bearer " + token}}
			resp, err := client.Do(req)
			if err != nil {
				return // the listener is closed
			}
			resp.Body.Close()
			answers <- resp.StatusCode
		}
	}()
	for range 20 {
		if code := <-answers; code != 200 {
			t.Fatalf("before Close: %d", code)
		}
	}
	authz := envoy(t, g)
	if resp, err := askAuthz(t, authz, "GET", "/orders", "Bearer "+token); err != nil || resp.GetOkResponse() == nil {
		t.Errorf("ext_authz before Close: %v, %v", resp, err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if resp, err := askAuthz(t, authz, "GET", "/public", ""); status.Code(err) != codes.Unavailable {
		t.Errorf("ext_authz after Close: %v, %v, want Unavailable", resp, err)
	}
	<-done
	close(answers)
	for code := range answers {
		if code != 200 {
			t.Errorf("a request during Close was answered %d, want 200 or a refused connection", code)
		}
	}
}
