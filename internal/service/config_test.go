package service_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// write returns the path of a file with the given text.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const minimal = `
nats: {url: nats://localhost:4222}
pools: [{id: eu-west-1_AbC123, clients: [{id: app}]}]
`

func TestLoad(t *testing.T) {
	secret := write(t, "secret", "client-secret\n")
	path := write(t, "revoked.yaml", `
public_addr: :8080
log_level: warn
rate_limit: 20
probe: {interval: 15s}
api_keys:
  - {id: ci, role: operator, sha256: `+strings.Repeat("ab", 32)+`}
cors_origins: [https://app.example.com]
nats:
  url: nats://file:4222
pools:
  - id: eu-west-1_AbC123
    region: eu-central-1
    role_arn: arn:aws:iam::123456789012:role/team/revoked
    external_id: tenant-1
    callers:
      - {group: security, role: admin, clients: [console]}
    clients:
      - id: app
        access_validity: 1h
        id_validity: 30m
        refresh_validity: 720h
      - id: vault
        secret_file: `+secret+"\n")
	env := map[string]string{
		"NATS_URL": "nats://env:4222", "REVOKED_API_KEY": apiKey, "REVOKED_SEAL_KEYS": sealKey, "REVOKED_ADMIN_ADDR": "[::1]:9999",
		"REVOKED_CORS_ORIGINS": "https://a.example.com,https://b.example.com:8443", "REVOKED_COGNITO_WAIT": "500ms",
		"REVOKED_PROBE_TIMEOUT": "3s",
		"REVOKED_LEARN_RATE":    "2.5", "REVOKED_LOG_LEVEL": "", "REVOKED_LOG_FORMAT": "console",
	}
	got, err := service.Load(path, env, func(c *service.Config) { c.MetricsAddr = "127.0.0.1:1" })
	if err != nil {
		t.Fatal(err)
	}
	want := service.Config{
		PublicAddr: ":8080", AdminAddr: "[::1]:9999", MetricsAddr: "127.0.0.1:1",
		APIKey: apiKey, SealKeys: sealKey, APIKeys: []service.Key{{ID: "ci", Role: "operator", SHA256: service.KeyHash(strings.Repeat("ab", 32))}}, RateLimit: 20, CORSOrigins: []string{"https://a.example.com", "https://b.example.com:8443"},
		CognitoWait: 500 * time.Millisecond, LearnRate: 2.5, LearnSession: "on", Prefix: "revoked", LogLevel: "warn", LogFormat: "console",
		NATS: service.NATS{URL: "nats://env:4222"}, Probe: service.Probe{Interval: 15 * time.Second, Timeout: 3 * time.Second},
		Pools: []service.Pool{{
			ID: "eu-west-1_AbC123", Region: "eu-central-1", RoleARN: "arn:aws:iam::123456789012:role/team/revoked", ExternalID: "tenant-1",
			Callers: []service.Grant{{Group: "security", Role: "admin", Clients: []string{"console"}}},
			Clients: []service.Client{
				{ID: "app", AccessValidity: time.Hour, IDValidity: 30 * time.Minute, RefreshValidity: 720 * time.Hour},
				{ID: "vault", Secret: "client-secret", SecretFile: secret},
			},
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(zerolog.Logger{})); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestLoadRefused(t *testing.T) {
	env := func(more ...string) map[string]string {
		m := map[string]string{"REVOKED_API_KEY": apiKey, "REVOKED_SEAL_KEYS": sealKey}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	empty := write(t, "empty", "\n")
	pool := func(fields string) string {
		return "nats: {url: nats://localhost}\npools: [{id: eu-west-1_AbC123, clients: [{id: app}], " + fields + "}]"
	}
	client := func(fields string) string {
		return "nats: {url: nats://localhost}\npools: [{id: eu-west-1_AbC123, clients: [{id: app, " + fields + "}]}]"
	}
	tests := []struct {
		name string
		yaml string
		env  map[string]string
		want []string // each problem has one of these, in this order
	}{
		{"an unknown key", minimal + "publik_addr: x", env(), []string{`revoked.yaml:4 unknown key "publik_addr"`}},
		{
			"unknown keys inside, and a wrong type", "nats: {uri: x}\npools: [{idd: x}]\nlearn_rate: fast\ncognito_wait: soon", env(),
			[]string{`:1 unknown key "uri"`, `:2 unknown key "idd"`, `:3 has a text where a number is expected`, `:4 has a text where a duration such as 2s`},
		},
		{"no YAML", "a: [", env(), []string{"revoked.yaml:1"}},
		{"a key twice", minimal + "prefix: a\nprefix: b", env(), []string{"already defined"}},
		{"two documents", minimal + "---\nprefix: b", env(), []string{"second YAML document"}},
		{"a secret", client("secret: s3cr3t"), env(), []string{"revoked.yaml:2 has a secret in it: name a file"}},
		{"the API key", minimal + "api_key: s3cr3t", env(), []string{"revoked.yaml:4 has a secret in it: name a file"}},
		{
			"nothing", "# nothing", nil,
			[]string{"REVOKED_API_KEY is missing", "REVOKED_SEAL_KEYS is missing", "NATS_URL) is missing", "pools is empty"},
		},
		{"a seal key that is none", minimal, env("REVOKED_SEAL_KEYS", "s3cr3t"), []string{`REVOKED_SEAL_KEYS "********" is not a list of keys`}},
		{"a seal key twice", minimal, env("REVOKED_SEAL_KEYS", sealKey+" "+sealKey), []string{`seal key 2 is there twice`}},
		{"a mode of learning", minimal, env("REVOKED_LEARN_SESSION", "maybe"), []string{`learn_session "maybe" is unknown`}},
		{"a proxy", minimal, env("REVOKED_TRUSTED_PROXIES", "10.0.0.1"), []string{"REVOKED_TRUSTED_PROXIES is not a list of networks such as 10.1.0.0/16"}},
		{"a proxy in the file", minimal + "trusted_proxies: [10.0.0.1]", env(), []string{`"10.0.0.1" is where a list of networks such as 10.1.0.0/16`}},
		{"a count of nodes", minimal, env("REVOKED_EXPECT", "orders", "REVOKED_PROBE_TIMEOUT", "1"), []string{"REVOKED_EXPECT is not a list such as orders=12", "REVOKED_PROBE_TIMEOUT is not a duration"}},
		{
			"quotas", minimal, env("REVOKED_USER_UPDATE_RATE", "26", "REVOKED_USER_TOKEN_RATE", "-1", "REVOKED_USER_LIST_RATE", "31", "REVOKED_USER_READ_RATE", "NaN"),
			[]string{"user_update_rate", "user_token_rate", "user_list_rate", "user_read_rate"},
		},
		{
			"values of the environment", minimal, env("REVOKED_COGNITO_WAIT", "soon", "REVOKED_LEARN_RATE", "fast"),
			[]string{"REVOKED_COGNITO_WAIT is not a duration", "REVOKED_LEARN_RATE is not a number"},
		},
		{"a short key", minimal, env("REVOKED_API_KEY", "s3cr3t"), []string{`REVOKED_API_KEY "********" is short enough to guess`}},
		{"a key with a space", minimal, env("REVOKED_API_KEY", "s3cr3t with a space"), []string{"REVOKED_API_KEY \"********\" has a character"}},
		{"two keys", minimal, env("REVOKED_API_KEY_FILE", "/x"), []string{"REVOKED_API_KEY \"********\" is set beside api_key_file"}},
		{
			"keys", minimal + `api_keys:
- {id: ci, role: operator, sha256: s3cr3t}
- {id: ci, role: root, sha256: ` + strings.Repeat("ab", 32) + `}
- {id: default, role: viewer, sha256: ` + strings.Repeat("AB", 32) + `}
- {id: 'a b', role: admin, sha256: ` + strings.Repeat("ab", 33) + `}
- {sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}
`, env("REVOKED_RATE_LIMIT", "-1"),
			[]string{
				"rate_limit \"-1\" is not from 0", "api_keys[0].sha256 is not", `api_keys[1].id "ci" is there twice`, `api_keys[1].role "root" is not a role`,
				`api_keys[2].id "default" is there twice`, "api_keys[2].sha256 is there twice", `api_keys[3].id "a b" is not a name`, "api_keys[3].sha256 is not",
				"api_keys[4].id is not a name", "api_keys[4].role is not a role", "api_keys[4].sha256 is not",
			},
		},
		{
			"keys of the environment", minimal, env("REVOKED_API_KEYS", "ci:operator:"+strings.Repeat("ab", 32)+",s3cr3t"),
			[]string{"api_keys[1].role is not a role", "api_keys[1].sha256 is not"},
		},
		{
			"a key in the key's place", minimal + "api_keys: [{id: ci, role: operator, key: x}]", env(),
			[]string{`revoked.yaml:4 unknown key "key"`},
		},
		{
			"groups", pool("callers: [{role: operator, clients: ['']}, {group: g, clients: [c]}]"), env(),
			[]string{"pools[0].callers[0].group is missing", "pools[0].callers[0].clients is empty", "pools[0].callers[1].role is not a role"},
		},
		{"a key file that is missing", minimal, env("REVOKED_API_KEY", "", "REVOKED_API_KEY_FILE", "/does/not/exist"), []string{`"/does/not/exist" no such file`, "is missing"}},
		{"an empty key file", minimal, env("REVOKED_API_KEY", "", "REVOKED_API_KEY_FILE", empty), []string{"is empty", "is missing"}},
		{"a secret file that is missing", client("secret_file: /does/not/exist"), env(), []string{"pools[0].clients[0].secret_file \"/does/not/exist\" no such file"}},
		{
			"addresses", minimal, env("REVOKED_PUBLIC_ADDR", "8080", "REVOKED_ADMIN_ADDR", "localhost", "REVOKED_METRICS_ADDR", "localhost:"),
			[]string{`public_addr "8080" is not host:port`, "admin_addr", "metrics_addr"},
		},
		{
			"origins", minimal, env("REVOKED_CORS_ORIGINS", "https://a.example.com/,*,app.example.com"),
			[]string{"cors_origins[0]", `cors_origins[1] "*"`, "cors_origins[2]"},
		},
		{
			"ranges", minimal, env("REVOKED_COGNITO_WAIT", "11s", "REVOKED_SHUTDOWN_DELAY", "2m", "REVOKED_LEARN_RATE", "-1", "REVOKED_PREFIX", "A.B", "REVOKED_SERVICE_ID", "a b", "REVOKED_LOG_LEVEL", "loud", "REVOKED_LOG_FORMAT", "xml"),
			[]string{"cognito_wait", "shutdown_delay", "learn_rate", "service_id", "log_level", "log_format", "prefix"},
		},
		{"probes too often", minimal, env("REVOKED_PROBE_INTERVAL", "10ms"), []string{`probe.interval "10ms" is not from 1s to 1h`}},
		{"probes too seldom", minimal + "probe: {interval: 2h}", env(), []string{`probe.interval "2h0m0s" is not`}},
		{"probes that overlap", minimal, env("REVOKED_PROBE_INTERVAL", "10s", "REVOKED_PROBE_TIMEOUT", "10s"), []string{`probe.timeout "10s" is not from 0s to less than`}},
		{"no probes, with a timeout", minimal, env("REVOKED_PROBE_TIMEOUT", "10s"), []string{`probe.timeout "10s" is set, but nothing probes`}},
		{
			"NATS", minimal, env("NATS_URL", "nats://user:s3cr3t@a:4222,://", "NATS_CREDS", "/does/not/exist", "NATS_CERT", empty),
			[]string{"nats.url (NATS_URL) ", "nats.creds (NATS_CREDS) \"/does/not/exist\" no such file", "nats.cert, nats.key go together"},
		},
		{"pool ids", "nats: {url: nats://localhost}\npools: [{clients: [{id: a}]}, {id: x, clients: [{id: b}]}, {id: e-1_A, clients: [{id: c}]}, {id: e-1_A, clients: [{id: d}]}, {id: a_b_c}]", env(),
			[]string{"pools[0].id is not", `pools[1].id "x" is not`, `pools[3].id "e-1_A" is there twice`, `pools[4].id "a_b_c" is not`, "pools[4].clients is empty"}},
		{"client ids", "nats: {url: nats://localhost}\npools: [{id: e-1_A, clients: [{id: a}, {id: a}, {}]}, {id: e-1_B, clients: [{id: a}]}]", env(),
			[]string{`pools[0].clients[1].id "a" is there twice`, "pools[0].clients[2].id is missing", `pools[1].clients[0].id "a" is there twice`}},
		{"a role", pool("role_arn: 'arn:aws:iam::1:role/x', external_id: 'a b'"), env(),
			[]string{`pools[0].role_arn "arn:aws:iam::1:role/x" is not the ARN of a role`, `external_id "a b" is not an external id`}},
		{"a role of an emulator", pool("role_arn: 'arn:aws:iam::123456789012:role/x', endpoint: 'http://localhost:9229'"), env(),
			[]string{`role/x" is of no use with an emulator`}},
		{"an external id without a role", pool("external_id: abc"), env(), []string{`pools[0].external_id "abc" goes with a role only`}},
		{"URLs", pool("endpoint: 'http://cognito:9229', jwks_url: 'ftp://x', userinfo_url: 'https://u:s3cr3t@x', issuers: ['']"), env(),
			[]string{`endpoint "http://cognito:9229" is not https`, "jwks_url is not", "userinfo_url is not", "issuers has an empty"}},
		{"validities", client("access_validity: 25h, id_validity: -1s, refresh_validity: 100000h"), env(),
			[]string{"access_validity", "id_validity", "refresh_validity"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := service.Load(write(t, "revoked.yaml", tt.yaml), tt.env, nil)
			wrong, ok := errors.AsType[*service.ConfigError](err)
			if !ok {
				t.Fatalf("error = %v, want a ConfigError", err)
			}
			lines := strings.Split(err.Error(), "\n")[1:]
			if len(lines) != len(tt.want) || len(wrong.Problems) != len(tt.want) {
				t.Fatalf("error = %v\nwant %d problems", err, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("problem %d = %q, want %q in it", i, lines[i], want)
				}
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestLoadWithoutFile(t *testing.T) {
	_, err := service.Load("/does/not/exist.yaml", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error = %v, want one that says there is no such file", err)
	}
}

func TestLoadNATS(t *testing.T) {
	cfg, err := service.LoadNATS("", map[string]string{"NATS_URL": "nats://a:4222", "REVOKED_PREFIX": "staging"})
	if err != nil || cfg.NATS.URL != "nats://a:4222" || cfg.Prefix != "staging" {
		t.Errorf("configuration %v, error %v, want the URL and the prefix", cfg, err)
	}
	_, err = service.LoadNATS("", map[string]string{"REVOKED_PREFIX": "A.B"})
	wrong, ok := errors.AsType[*service.ConfigError](err)
	if !ok || len(wrong.Problems) != 2 {
		t.Errorf("error = %v, want two problems", err)
	}
}

func TestNoAuthOnLoopbackOnly(t *testing.T) {
	path := write(t, "revoked.yaml", minimal)
	for addr, ok := range map[string]bool{
		"127.0.0.1:0": true, "[::1]:0": true, "localhost:0": true,
		":0": false, "0.0.0.0:0": false, "[::]:0": false, "10.0.0.1:0": false, "example.com:0": false,
	} {
		_, err := service.Load(path, nil, func(c *service.Config) {
			c.InsecureNoAuth, c.AdminAddr, c.InsecureEphemeralSealKey = true, addr, true
		})
		if (err == nil) != ok {
			t.Errorf("--insecure-no-auth on %s: error = %v, want one: %v", addr, err, !ok)
		}
	}
	_, err := service.Load(path, map[string]string{"REVOKED_API_KEY": apiKey, "REVOKED_SEAL_KEYS": sealKey}, func(c *service.Config) { c.InsecureNoAuth = true })
	if err == nil {
		t.Error("--insecure-no-auth beside a key: no error")
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	cfg := service.Default()
	cfg.APIKey, cfg.SealKeys = apiKey, sealKey
	cfg.APIKeys = []service.Key{{ID: "ci", Role: "admin", SHA256: "s3cr3t"}}
	cfg.NATS.URL = "nats://user:s3cr3t@a:4222,nats://s3cr3t@b:4222,nats://c:4222"
	cfg.Pools = []service.Pool{{ID: "eu-west-1_AbC123", Clients: []service.Client{{ID: "vault", Secret: "s3cr3t"}}}}
	text, err := cfg.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(text), fmt.Sprintf("%v", cfg), fmt.Sprintf("%+v", cfg.Pools), fmt.Sprintf("%#v", cfg.Pools), fmt.Sprintf("%#v", cfg.APIKeys)} {
		if strings.Contains(strings.ReplaceAll(shown, cfg.NATS.URL, ""), "s3cr3t") || strings.Contains(shown, apiKey) || strings.Contains(shown, sealKey) {
			t.Errorf("a secret is shown: %s", shown)
		}
	}
	for _, want := range []string{"url: nats://xxxxx@a:4222,nats://xxxxx@b:4222,nats://c:4222", "api_key: '********'", "seal_keys: '********'", "secret: '********'", "sha256: '********'", "id: ci", "cognito_wait: 2s"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("YAML lacks %q:\n%s", want, text)
		}
	}
}

// What a command line says is in force over the environment, and that over the
// file, and that over the default; lists are replaced, never merged.
func TestPrecedence(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, tt := range []struct {
		key, file, env, value string // of file and environment
		get                   func(service.Config) string
		unset, inFile, inEnv  string
	}{
		{
			"rate_limit: ", "20", "REVOKED_RATE_LIMIT", "30",
			func(c service.Config) string { return fmt.Sprint(c.RateLimit) }, "0", "20", "30",
		},
		{
			"api_keys: ", "[{id: file, role: viewer, sha256: " + hash + "}]", "REVOKED_API_KEYS", "env:admin:" + hash,
			func(c service.Config) string {
				var all []string
				for _, k := range c.APIKeys {
					all = append(all, k.ID+" "+k.Role+" "+string(k.SHA256))
				}
				return strings.Join(all, ",")
			}, "", "file viewer " + hash, "env admin " + hash,
		},
		{
			"api_key_file: ", write(t, "file", "key-of-the-file-0123\n"), "REVOKED_API_KEY_FILE", write(t, "env", "key-of-the-env-01234\n"),
			func(c service.Config) string { return string(c.APIKey) }, "", "key-of-the-file-0123", "key-of-the-env-01234",
		},
		{
			"admin_addr: ", "127.0.0.1:1", "REVOKED_ADMIN_ADDR", "127.0.0.1:2",
			func(c service.Config) string { return c.AdminAddr }, "127.0.0.1:8081", "127.0.0.1:1", "127.0.0.1:2",
		},
	} {
		load := func(file bool, env, flag string) string {
			yaml := minimal
			if file {
				yaml += tt.key + tt.file
			}
			vars := map[string]string{"REVOKED_SEAL_KEYS": sealKey}
			if env != "" {
				vars[tt.env] = env
			}
			cfg, err := service.Load(write(t, "revoked.yaml", yaml), vars, func(c *service.Config) {
				if flag != "" {
					c.AdminAddr = flag
				}
				if len(c.APIKeys) == 0 && c.APIKeyFile == "" {
					c.InsecureNoAuth = true // somebody has to be let in
				}
			})
			if err != nil {
				t.Fatalf("%s: %v", tt.key, err)
			}
			return tt.get(cfg)
		}
		for want, got := range map[string]string{
			tt.unset: load(false, "", ""), tt.inFile: load(true, "", ""), tt.inEnv: load(true, tt.value, ""),
		} {
			if got != want {
				t.Errorf("%s%q, want %q", tt.key, got, want)
			}
		}
		if tt.env == "REVOKED_ADMIN_ADDR" {
			if got := load(true, tt.value, "127.0.0.1:3"); got != "127.0.0.1:3" {
				t.Errorf("the flag: %q", got)
			}
		}
	}
}
