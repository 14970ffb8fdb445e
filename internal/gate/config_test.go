package gate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/gate"
)

const goodYAML = `forward_auth: {listen: [127.0.0.1:9010]}
nats: {url: nats://localhost:4222}
pools: [{id: eu-west-1_AbC123, clients: [app]}]
rules:
  - path: /
`

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(goodYAML)
	cfg, err := gate.Load(path, map[string]string{"NATS_URL": "nats://env:4222", "REVOKED_GATE_METRICS_ADDR": "[::1]:1"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.NATS.URL != "nats://env:4222" || cfg.MetricsAddr != "[::1]:1" || cfg.Service != "gate" || cfg.MaxConnections != 1024 {
		t.Errorf("Load = %+v", cfg)
	}
	tests := []struct{ name, from, to, want string }{
		{"unknown key", "rules:", "rulez:", `gate.yaml:4 unknown key "rulez": correct or remove it`},
		{"unknown key in a rule", "path: /", "path: /\n    scope: x", `gate.yaml:6 unknown key "scope"`},
		{"no listener", "[127.0.0.1:9010]", "[]", `gate.yaml:1 forward_auth.listen is missing`},
		{"open listener", "127.0.0.1:9010", "0.0.0.0:9010", `gate.yaml:1 forward_auth.listen[0] "0.0.0.0:9010" can be reached from other machines, and trusted_proxies is empty: name the networks`},
		{"relative socket", "127.0.0.1:9010", "'unix:gate.sock'", `is not an absolute path`},
		{"address twice", "[127.0.0.1:9010]", "[127.0.0.1:9010, 127.0.0.1:9010]", `forward_auth.listen[1] "127.0.0.1:9010" is there twice`},
		{"everybody", "rules:", "trusted_proxies: [0.0.0.0/0]\nrules:", `gate.yaml:4 trusted_proxies[0] "0.0.0.0/0" is everybody`},
		{"no network", "rules:", "trusted_proxies: [10.0.0.1]\nrules:", `is not a network: set one such as 10.1.0.0/16, or 10.1.2.3/32`},
		{"mode", "rules:", "socket_mode: rw\nrules:", `socket_mode "rw" is not an octal mode`},
		{"no NATS", "nats: {url: nats://localhost:4222}", "", `nats.url (NATS_URL) is missing`},
		{"no pools", "pools: [{id: eu-west-1_AbC123, clients: [app]}]", "", `pools is empty`},
		{"pool without clients", ", clients: [app]", "", `gate.yaml:3 pools[0].clients is empty: name the app clients, or set any_client to accept all of the pool`},
		{"pool that is none", "eu-west-1_AbC123", "AbC123", `gate.yaml:3 pools[0].id "AbC123" is not of the form region_id: correct it, or set jwks_url and issuers`},
		{"plain http", "clients: [app]", "clients: [app], jwks_url: 'http://keys.example/'", `pools[0].jwks_url "http://keys.example/" is not https: use https, or set insecure_http`},
		{"no rules", "rules:\n  - path: /\n", "", `rules is empty, so that every request would be refused`},
		{"rule without path", "path: /", "anonymous: true", `gate.yaml:5 rules[0].path is missing`},
		{"trailing slash", "path: /", "path: /orders/", `gate.yaml:5 rules[0].path "/orders/" ends with a slash: write it as /orders`},
		{"wildcard", "path: /", "path: /orders/*", `has a wildcard, which rules don't know`},
		{"encoded path", "path: /", "path: /a%20b", `is not a plain path`},
		{"dot segments", "path: /", "path: /a/../b", `is not a plain path`},
		{"path twice", "path: /", "path: /\n  - path: /\n    scopes: [a]", `gate.yaml:6 rules[1].path "/" has the same path and method as rules[0]`},
		{"method twice", "path: /", "{path: /, methods: [GET]}\n  - {path: /, methods: [PUT, GET]}", `rules[1].path "/" has the same path and method as rules[0]`},
		{"case", "path: /", "path: /a\n  - path: /A", `rules[1].path "/A" differs from "/a" only in what`},
		{"method", "path: /", "path: /\n    methods: [get]", `gate.yaml:6 rules[0].methods[0] "get" is not a method: write it as GET`},
		{"no methods", "path: /", "path: /\n    methods: []", `gate.yaml:6 rules[0].methods is empty`},
		{"pool of nobody", "path: /", "path: /\n    pools: [x]", `rules[0].pools[0] "x" is not configured`},
		{"client of nobody", "path: /", "path: /\n    clients: [x]", `rules[0].clients[0] "x" is not a client of a configured pool`},
		{"token use", "path: /", "path: /\n    token_use: [refresh]", `rules[0].token_use[0] "refresh" is unknown: set access or id`},
		{"scope of an ID token", "path: /", "path: /\n    token_use: [id]\n    scopes: [a]", `gate.yaml:7 rules[0].scopes is set, but token_use has id`},
		{"scope with a quote", "path: /", "path: /\n    scopes: ['a\"']", `gate.yaml:6 rules[0].scopes`},
		{"stale policy", "path: /", "path: /\n    stale_policy: open", `gate.yaml:6 rules[0].stale_policy "open" is unknown: set fail-closed, ask-cognito or fail-open`},
		{"asking about ID tokens", "path: /", "path: /\n    token_use: [id]\n    stale_policy: ask-cognito", `gate.yaml:7 rules[0].stale_policy "ask-cognito" is set, but token_use has id`},
		{"asking in the clear", "clients: [app]}]\nrules:\n  - path: /", "clients: [app], userinfo_url: 'http://auth.example/'}]\nrules:\n  - {path: /, stale_policy: ask-cognito}", `gate.yaml:3 pools can't be asked as a rule wants`},
		{"break-glass", "rules:", "break_glass_file: policy\nrules:", `gate.yaml:4 break_glass_file "policy" is not an absolute path`},
		{"stale start", "rules:", "allow_stale_start: true\nrules:", `gate.yaml:4 allow_stale_start is set without local_file`},
		{"anonymous beside scopes", "path: /", "path: /\n    anonymous: true\n    scopes: [a]", `gate.yaml:6 rules[0].anonymous is set beside what a token must be`},
		{"staleness", "rules:", "max_staleness: 1s\nrules:", `max_staleness "1s" is below 3s`},
		{"service", "rules:", "service: a.b\nrules:", `service "a.b" is not a name`},
		{"realm", "rules:", "realm: 'a\"b'\nrules:", `realm "a\"b" can't be quoted`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(goodYAML, tt.from, tt.to, 1)
			if text == goodYAML {
				t.Fatal("the case changes nothing")
			}
			write(text)
			if _, err := gate.Load(path, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load = %v\nwant %q in it\n%s", err, tt.want, text)
			}
		})
	}
	for _, missing := range []string{"", filepath.Join(t.TempDir(), "none.yaml")} {
		if _, err := gate.Load(missing, nil); err == nil || !strings.Contains(err.Error(), "--config") {
			t.Errorf("Load(%q) = %v, want a problem of --config", missing, err)
		}
	}
}
