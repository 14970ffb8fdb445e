package gate

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/askcognito"
)

// problems lists every value with which the gate would not start or would not
// do what it should.
func (c Config) problems() []config.Problem {
	var list config.Problems
	c.checkListeners(&list)
	if c.MaxConnections < 1 || c.MaxConnections > 1<<20 {
		list.Add("max_connections", fmt.Sprint(c.MaxConnections), "is not from 1 to 1048576", "leave it out for 1024")
	}
	if strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		list.Add("realm", c.Realm, "can't be quoted in a header", "use printable ASCII without quotes and backslashes")
	}
	for _, name := range []struct{ key, value string }{{"service", c.Service}, {"node", c.Node}} {
		if strings.ContainsFunc(name.value, notInName) || name.value == "" && name.key == "service" {
			list.Add(name.key, name.value, "is not a name", "use letters, digits, '_' and '-'")
		}
	}
	if c.MaxStaleness != 0 && c.MaxStaleness < 3*time.Second {
		list.Add("max_staleness", c.MaxStaleness.String(), "is below 3s, three periods of the tick that proves freshness", "leave it out for 1m")
	}
	if c.AllowStaleStart && c.LocalFile == "" {
		list.Add("allow_stale_start", "", "is set without local_file", "set local_file too: it has what was revoked before")
	}
	if c.BreakGlassFile != "" && !filepath.IsAbs(c.BreakGlassFile) {
		list.Add("break_glass_file", c.BreakGlassFile, "is not an absolute path", "set one such as /run/revoked/stale-policy")
	}
	if c.ShutdownDelay < 0 || c.ShutdownDelay > time.Minute {
		list.Add("shutdown_delay", c.ShutdownDelay.String(), "is not from 0s to 1m", "set a duration such as 5s")
	}
	list = append(list, c.Log().Problems()...)
	list = append(list, c.NATS.Problems(c.Prefix)...)
	c.checkPools(&list)
	c.checkRules(&list)
	return list
}

func notInName(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-'
}

func (c Config) checkListeners(list *config.Problems) {
	served := 0
	seen := make(map[string]bool)
	for _, l := range []struct {
		key  string
		addr []string
	}{
		{"forward_auth.listen", c.ForwardAuth.Listen}, {"ext_authz.listen", c.ExtAuthz.Listen}, {"check.listen", c.Check.Listen},
	} {
		for i, addr := range l.addr {
			served++
			key := fmt.Sprintf("%s[%d]", l.key, i)
			if path, unix := strings.CutPrefix(addr, "unix:"); unix {
				if !strings.HasPrefix(path, "/") {
					list.Add(key, addr, "is not an absolute path", "set unix:/run/revoked/gate.sock or similar")
				}
			} else if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
				list.Add(key, addr, "is neither host:port nor unix:/path", "set an address such as 127.0.0.1:9010")
			} else if !config.Loopback(addr) && len(c.TrustedProxies) == 0 {
				list.Add(key, addr, "can be reached from other machines, and trusted_proxies is empty",
					"name the networks of the proxies there, or use 127.0.0.1 or unix:/path")
			}
			if seen[addr] && !strings.HasSuffix(addr, ":0") {
				list.Add(key, addr, "is there twice", "give each interface an address of its own")
			}
			seen[addr] = true
		}
	}
	if served == 0 {
		list.Add("forward_auth.listen", "", "is missing, and so are ext_authz.listen and check.listen", "set at least one of them")
	}
	if _, port, err := net.SplitHostPort(c.MetricsAddr); err != nil || port == "" {
		list.Add("metrics_addr", c.MetricsAddr, "is not host:port", "set an address such as 127.0.0.1:9091")
	}
	list.AddDebugAddr(c.DebugAddr, c.InsecureDebugAddr)
	if _, ok := socketMode(c.SocketMode); !ok {
		list.Add("socket_mode", c.SocketMode, "is not an octal mode", `set "0660" for the group, "0600" for the user alone`)
	}
	for i, network := range c.TrustedProxies {
		key := fmt.Sprintf("trusted_proxies[%d]", i)
		switch prefix, err := netip.ParsePrefix(network); {
		case err != nil:
			list.Add(key, network, "is not a network", "set one such as 10.1.0.0/16, or 10.1.2.3/32 for one address")
		case prefix.Bits() == 0:
			list.Add(key, network, "is everybody", "name the networks of the proxies: whoever may connect can name any path and any claims")
		}
	}
}

func socketMode(text string) (fs.FileMode, bool) {
	mode, err := strconv.ParseUint(text, 8, 32)
	return fs.FileMode(mode), err == nil && mode <= 0o777
}

// pools returns what the validator needs. The rules narrow it down.
func (c Config) pools() []validator.Pool {
	var pools []validator.Pool
	for _, p := range c.Pools {
		pools = append(pools, validator.Pool{
			ID: p.ID, ClientIDs: p.Clients, AnyClient: p.AnyClient,
			TokenUses: []validator.TokenUse{validator.AccessToken, validator.IDToken},
			Issuers:   p.Issuers, JWKSURL: p.JWKSURL, InsecureHTTP: p.InsecureHTTP,
		})
	}
	return pools
}

// asksCognito reports whether a rule wants Cognito asked.
func (c Config) asksCognito() bool {
	return slices.ContainsFunc(c.Rules, func(r Rule) bool { return r.stale() == validator.AskCognito })
}

// asker returns the configuration of the fallback.
func (c Config) asker() askcognito.Config {
	cfg := askcognito.Config{Logger: c.Logger}
	for _, p := range c.Pools {
		cfg.Pools = append(cfg.Pools, askcognito.Pool{
			ID: p.ID, UserInfoURL: p.UserInfoURL, Endpoint: p.Endpoint, InsecureHTTP: p.InsecureHTTP,
		})
	}
	return cfg
}

func (c Config) checkPools(list *config.Problems) {
	if len(c.Pools) == 0 {
		list.Add("pools", "", "is empty", "list at least one user pool with its id and clients")
	}
	if c.asksCognito() {
		if _, err := askcognito.New(c.asker()); err != nil {
			reason, fix, _ := strings.Cut(strings.TrimPrefix(err.Error(), "askcognito: Config."), ": ")
			list.Add("pools", "", "can't be asked as a rule wants: "+reason, fix)
		}
	}
	ids := make(map[string]bool)
	for i, p := range c.pools() {
		at := fmt.Sprintf("pools[%d]", i)
		if ids[p.ID] {
			list.Add(at+".id", p.ID, "is there twice", "merge the two")
		}
		ids[p.ID] = true
		key, reason, fix := poolProblem(p)
		if reason != "" {
			list.Add(at+key, "", reason, fix)
		}
	}
}

// poolProblem asks the validator, which knows what a pool needs, and words its
// answer in the keys of the file.
func poolProblem(p validator.Pool) (key, reason, fix string) {
	err := p.Check()
	if err == nil {
		return "", "", ""
	}
	reason, fix, _ = strings.Cut(err.Error(), ": ")
	field, rest, _ := strings.Cut(reason, " ")
	key, known := map[string]string{
		"ID": ".id", "ClientIDs": ".clients", "AnyClient": ".any_client", "JWKSURL": ".jwks_url", "Issuers": ".issuers",
	}[field]
	if known {
		reason = rest
	}
	words := strings.NewReplacer("ClientIDs", "clients", "AnyClient", "any_client", "JWKSURL", "jwks_url", "Issuers", "issuers", "InsecureHTTP", "insecure_http")
	return key, words.Replace(reason), words.Replace(fix)
}

func (c Config) checkRules(list *config.Problems) {
	if len(c.Rules) == 0 {
		list.Add("rules", "", "is empty, so that every request would be refused", `add at least {path: /}`)
	}
	var pools, clients []string
	anyClient := false
	for _, p := range c.Pools {
		pools, clients = append(pools, p.ID), append(clients, p.Clients...)
		anyClient = anyClient || p.AnyClient
	}
	type place struct {
		path, method string
		exact        bool
	}
	taken := make(map[place]int)
	folded := make(map[string]string)
	for i, r := range c.Rules {
		at := fmt.Sprintf("rules[%d]", i)
		r.check(list, at, pools, clients, anyClient)
		if problem := rulePathProblem(r.Path); problem != "" {
			list.Add(at+".path", r.Path, problem, "write it as /orders, which covers /orders and all below it")
			continue
		}
		if other, found := folded[fold(r.Path)]; found && other != r.Path {
			list.Add(at+".path", r.Path, fmt.Sprintf("differs from %q only in what some upstreams don't tell apart", other), "use one spelling: others are refused anyway")
		}
		folded[fold(r.Path)] = r.Path
		methods := r.Methods
		if methods == nil {
			methods = []string{""}
		}
		for _, method := range methods {
			here := place{r.Path, method, r.Exact}
			if other, twice := taken[here]; twice {
				list.Add(at+".path", r.Path, fmt.Sprintf("has the same path and method as rules[%d]", other), "merge the two, or give them different methods")
			}
			taken[here] = i
		}
	}
}

// rulePathProblem is about paths that no request could match, or not the way
// their writer thinks.
func rulePathProblem(path string) string {
	clean, err := cleanPath(path)
	switch {
	case path == "":
		return "is missing"
	case path == "/":
		return ""
	case err != nil || strings.ContainsRune(path, '%'):
		return "is not a plain path"
	case strings.ContainsAny(path, "*?:"):
		return "has a wildcard, which rules don't know"
	case clean != path:
		return "ends with a slash"
	}
	return ""
}

func (r Rule) check(list *config.Problems, at string, pools, clients []string, anyClient bool) {
	if r.Methods != nil && len(r.Methods) == 0 {
		list.Add(at+".methods", "", "is empty", "leave it out for all methods")
	}
	for i, m := range r.Methods {
		if m == "" || strings.ContainsFunc(m, func(c rune) bool { return (c < 'A' || c > 'Z') && c != '-' }) {
			list.Add(fmt.Sprintf("%s.methods[%d]", at, i), m, "is not a method", "write it as GET")
		}
	}
	for i, id := range r.Pools {
		if !slices.Contains(pools, id) {
			list.Add(fmt.Sprintf("%s.pools[%d]", at, i), id, "is not configured", "add it under pools, or correct it")
		}
	}
	for i, id := range r.Clients {
		if !anyClient && !slices.Contains(clients, id) {
			list.Add(fmt.Sprintf("%s.clients[%d]", at, i), id, "is not a client of a configured pool", "add it under pools, or correct it")
		}
	}
	for i, use := range r.TokenUse {
		if use != validator.AccessToken && use != validator.IDToken {
			list.Add(fmt.Sprintf("%s.token_use[%d]", at, i), string(use), "is unknown", "set access or id")
		}
	}
	if len(r.Scopes) > 0 && slices.Contains(r.TokenUse, validator.IDToken) {
		list.Add(at+".scopes", "", "is set, but token_use has id, and ID tokens carry no scope", "remove one of them")
	}
	if err := validator.CheckScopes(r.Scopes); err != nil {
		list.Add(at+".scopes", "", err.Error(), "correct it")
	}
	if slices.Contains(r.Groups, "") {
		list.Add(at+".groups", "", "has an empty element", "remove it")
	}
	var policy validator.StalePolicy
	if r.StalePolicy != "" && policy.UnmarshalText([]byte(r.StalePolicy)) != nil {
		list.Add(at+".stale_policy", r.StalePolicy, "is unknown", "set fail-closed, ask-cognito or fail-open")
	}
	if policy == validator.AskCognito && slices.Contains(r.TokenUse, validator.IDToken) {
		list.Add(at+".stale_policy", r.StalePolicy, "is set, but token_use has id, and Cognito answers about access tokens only", "remove one of them")
	}
	asks := len(r.Pools)+len(r.Clients)+len(r.TokenUse)+len(r.Scopes)+len(r.Groups) > 0 || r.StalePolicy != "" || r.ReportOnly
	if r.Anonymous && asks {
		list.Add(at+".anonymous", "", "is set beside what a token must be", "remove one of them: no token is looked at here")
	}
}
