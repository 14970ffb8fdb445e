package validator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// Every error names the field and, where there is one, the wrong value.
func TestConfigErrors(t *testing.T) {
	pool := func(change func(*validator.Pool)) func(*validator.Config) {
		return func(cfg *validator.Config) { change(&cfg.Pools[0]) }
	}
	second := func(p validator.Pool) func(*validator.Config) {
		return func(cfg *validator.Config) { cfg.Pools = append(cfg.Pools, p) }
	}
	for _, test := range []struct {
		name   string
		change func(*validator.Config)
		want   []string
	}{
		{"no pools", func(c *validator.Config) { c.Pools = nil }, []string{"Config.Pools is empty"}},
		{"no denylist", func(c *validator.Config) { c.Denylist = nil }, []string{"Config.Denylist is nil", "InsecureSkipDenylist"}},
		{"denylist and skip", func(c *validator.Config) { c.InsecureSkipDenylist = true }, []string{"Config.InsecureSkipDenylist"}},
		{"negative skew", func(c *validator.Config) { c.Skew = -1 }, []string{"Config.Skew is -1ns", "5m0s"}},
		{"skew above the leeway", func(c *validator.Config) { c.Skew = revocation.MaxLeeway + 1 }, []string{"Config.Skew is 5m0.000000001s", "5m0s"}},
		{"negative size", func(c *validator.Config) { c.MaxTokenBytes = -1 }, []string{"Config.MaxTokenBytes is -1", "8192"}},
		{"no id", pool(func(p *validator.Pool) { p.ID = "" }), []string{"Config.Pools[0]", "ID is empty"}},
		{"id of another form", pool(func(p *validator.Pool) { p.ID = "AbC123" }), []string{`ID "AbC123"`, "JWKSURL and Issuers"}},
		{"id of another form, no issuers", pool(func(p *validator.Pool) { p.ID, p.JWKSURL = "x", jwksURL }), []string{`ID "x"`, "JWKSURL and Issuers"}},
		{"id of another form, no URL", pool(func(p *validator.Pool) { p.ID, p.Issuers = "x", []string{"x"} }), []string{`ID "x"`, "JWKSURL and Issuers"}},
		{"id too long", pool(func(p *validator.Pool) {
			p.ID, p.JWKSURL, p.Issuers = strings.Repeat("x", revocation.MaxIDLength+1), jwksURL, []string{"x"}
		}), []string{"ID has 257 bytes", "256"}},
		{"no clients", pool(func(p *validator.Pool) { p.ClientIDs = nil }), []string{"Config.Pools[0]", "ClientIDs is empty", "AnyClient"}},
		{"clients and any", pool(func(p *validator.Pool) { p.AnyClient = true }), []string{"AnyClient is set beside ClientIDs"}},
		{"empty client", pool(func(p *validator.Pool) { p.ClientIDs = []string{"a", ""} }), []string{"ClientIDs has an empty element"}},
		{"empty issuer", pool(func(p *validator.Pool) { p.Issuers = []string{""} }), []string{"an element of Issuers is empty"}},
		{"empty group", pool(func(p *validator.Pool) { p.AllowedGroups = []string{""} }), []string{"AllowedGroups has an empty element"}},
		{"unknown use", pool(func(p *validator.Pool) { p.TokenUses = []validator.TokenUse{"refresh"} }), []string{`TokenUses has "refresh"`, `"access"`, `"id"`}},
		{"scopes of ID tokens", pool(func(p *validator.Pool) {
			p.TokenUses, p.RequiredScopes = []validator.TokenUse{validator.AccessToken, validator.IDToken}, []string{"openid"}
		}), []string{"RequiredScopes is set", `"id"`}},
		{"scope with a quote", pool(func(p *validator.Pool) { p.RequiredScopes = []string{"ok", `a"b`} }), []string{"RequiredScopes", `"a\"b"`}},
		{"scope with a backslash", pool(func(p *validator.Pool) { p.RequiredScopes = []string{`a\b`} }), []string{"RequiredScopes"}},
		{"scope with a blank", pool(func(p *validator.Pool) { p.RequiredScopes = []string{"a b"} }), []string{"RequiredScopes", `"a b"`}},
		{"scope with a line break", pool(func(p *validator.Pool) { p.RequiredScopes = []string{"a\nb"} }), []string{"RequiredScopes"}},
		{"scope not ASCII", pool(func(p *validator.Pool) { p.RequiredScopes = []string{"é"} }), []string{"RequiredScopes"}},
		{"scope with DEL", pool(func(p *validator.Pool) { p.RequiredScopes = []string{"a\x7f"} }), []string{"RequiredScopes"}},
		{"empty scope", pool(func(p *validator.Pool) { p.RequiredScopes = []string{""} }), []string{"RequiredScopes", "empty"}},
		{"keys over http", pool(func(p *validator.Pool) { p.JWKSURL = "http://10.0.0.1/keys" }), []string{`JWKSURL "http://10.0.0.1/keys"`, "InsecureHTTP"}},
		{"keys over http, a name like localhost", pool(func(p *validator.Pool) { p.JWKSURL = "http://localhost.example/keys" }), []string{"JWKSURL", "InsecureHTTP"}},
		{"keys from a file", pool(func(p *validator.Pool) { p.JWKSURL = "file:///etc/keys" }), []string{`JWKSURL "file:///etc/keys"`}},
		{"keys over ftp", pool(func(p *validator.Pool) { p.JWKSURL, p.InsecureHTTP = "ftp://h/keys", true }), []string{`JWKSURL "ftp://h/keys"`}},
		{"keys without a host", pool(func(p *validator.Pool) { p.JWKSURL = "https:///keys" }), []string{"JWKSURL"}},
		{"keys at no URL", pool(func(p *validator.Pool) { p.JWKSURL = "https://h/%zz" }), []string{"JWKSURL is not a URL"}},
		{"keys with credentials", pool(func(p *validator.Pool) { p.JWKSURL = "https://u:p@h/keys" }), []string{"JWKSURL carries credentials"}},
		{"pool twice", second(validator.Pool{ID: poolID, AnyClient: true}), []string{"Config.Pools[1]", poolID, "twice"}},
		{"issuer of another pool here", second(validator.Pool{ID: "us-east-1_B", AnyClient: true, Issuers: []string{poolIss}}), []string{"Config.Pools[1]", poolIss, poolID}},
		{"issuer of two pools", func(c *validator.Config) {
			c.Pools[0].Issuers = []string{"http://localhost/x"}
			c.Pools = append(c.Pools, validator.Pool{ID: "us-east-1_B", AnyClient: true, Issuers: []string{"http://localhost/x"}})
		}, []string{"Config.Pools[1]", "http://localhost/x", poolID}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config()
			test.change(&cfg)
			v, err := validator.New(cfg)
			if err == nil {
				v.Close()
				t.Fatal("New succeeded")
			}
			for _, text := range append(test.want, "validator: ") {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q does not say %q", err, text)
				}
			}
			if v != nil || strings.Contains(err.Error(), "u:p") {
				t.Errorf("New = %v, %v", v, err)
			}
		})
	}
}

func TestConfigAccepted(t *testing.T) {
	for name, change := range map[string]func(*validator.Config){
		"largest skew":          func(c *validator.Config) { c.Skew = 5 * time.Minute },
		"own issuer":            func(c *validator.Config) { c.Pools[0].Issuers = []string{poolIss} },
		"http on loopback":      func(c *validator.Config) { c.Pools[0].JWKSURL = "http://127.0.0.2:1/keys" },
		"http on IPv6 loopback": func(c *validator.Config) { c.Pools[0].JWKSURL = "http://[::1]:1/keys" },
		"http on localhost":     func(c *validator.Config) { c.Pools[0].JWKSURL = "http://localhost:1/keys" },
		"http, aloud":           func(c *validator.Config) { c.Pools[0].JWKSURL, c.Pools[0].InsecureHTTP = "http://keys.example/", true },
		"scope of a server": func(c *validator.Config) {
			c.Pools[0].RequiredScopes = []string{"https://api.example.com/orders.read!~#[]"}
		},
		"groups of ID tokens": func(c *validator.Config) {
			c.Pools[0].TokenUses, c.Pools[0].AllowedGroups = []validator.TokenUse{"id"}, []string{"g"}
		},
		"the longest id":           longID,
		"default transport is set": func(c *validator.Config) { c.Transport, c.Pools[0].JWKSURL = nil, "http://127.0.0.1:1/keys" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			change(&cfg)
			open(t, cfg)
		})
	}
}

func longID(cfg *validator.Config) {
	cfg.Pools[0].ID = strings.Repeat("x", revocation.MaxIDLength)
	cfg.Pools[0].JWKSURL, cfg.Pools[0].Issuers = jwksURL, []string{"https://proxy.example/x"}
}

// Where the keys of a pool are, if the configuration does not say.
func TestDefaultJWKSURL(t *testing.T) {
	for id, url := range map[string]string{
		poolID:            jwksURL,
		"us-gov-west-1_X": "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_X/.well-known/jwks.json",
		"cn-north-1_X":    "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_X/.well-known/jwks.json",
	} {
		cfg := config()
		cfg.Pools[0].ID = id
		cfg.Transport = &cognito{docs: map[string]string{url: jwks(jwk(keyA(), "a", nil))}}
		v := open(t, cfg)
		issuer := strings.TrimSuffix(url, "/.well-known/jwks.json")
		want(t, v, mint(keyA(), "a", claims(map[string]any{"iss": issuer})), validator.ReasonOK)
	}
}

// What New was given may change afterwards.
func TestConfigIsCopied(t *testing.T) {
	cfg := config()
	cfg.Pools[0].TokenUses = []validator.TokenUse{validator.AccessToken}
	cfg.Pools[0].RequiredScopes = []string{"openid"}
	cfg.Pools[0].AllowedGroups = []string{"staff"}
	v := open(t, cfg)
	p := &cfg.Pools[0]
	p.ClientIDs[0], p.TokenUses[0], p.RequiredScopes[0], p.AllowedGroups[0] = "x", "x", "x", "x"
	want(t, v, mint(keyA(), "a", claims(nil)), validator.ReasonOK)
}
