package service

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Key    string // in the file, or the variable
	Value  string // masked if it is a secret
	Reason string
	Fix    string
}

// ConfigError lists all that is wrong with a configuration.
type ConfigError struct{ Problems []Problem }

// Error has a line for each problem.
func (e *ConfigError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d problem", len(e.Problems))
	if len(e.Problems) != 1 {
		b.WriteString("s")
	}
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.Key)
		if p.Value != "" {
			fmt.Fprintf(&b, " %q", p.Value)
		}
		b.WriteString(" " + p.Reason + ": " + p.Fix)
	}
	return b.String()
}

// Check returns a [*ConfigError] that lists every value with which the service
// would not start or would not do what it should.
func (c Config) Check() error {
	if problems := c.problems(); len(problems) > 0 {
		return &ConfigError{Problems: problems}
	}
	return nil
}

// minAPIKey is the least number of characters of an API key: even as random
// hexadecimal digits, 64 bits, which nobody can try over a network.
const minAPIKey = 16

func (c Config) problems() []Problem {
	var list problemList
	for _, l := range []struct{ key, addr string }{
		{"public_addr", c.PublicAddr}, {"admin_addr", c.AdminAddr}, {"metrics_addr", c.MetricsAddr},
	} {
		if _, port, err := net.SplitHostPort(l.addr); err != nil || port == "" {
			list.add(l.key, l.addr, "is not host:port", "set an address such as 127.0.0.1:8080")
		}
	}
	c.checkKey(&list)
	for i, origin := range c.CORSOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			list.add(fmt.Sprintf("cors_origins[%d]", i), origin, "is not an origin", "set scheme://host[:port], as browsers send it")
		}
	}
	if c.CognitoWait < 0 || c.CognitoWait > 10*time.Second {
		list.add("cognito_wait", c.CognitoWait.String(), "is not from 0s to 10s", "set a duration such as 2s")
	}
	if c.ShutdownDelay < 0 || c.ShutdownDelay > time.Minute {
		list.add("shutdown_delay", c.ShutdownDelay.String(), "is not from 0s to 1m", "set a duration such as 5s")
	}
	if c.LearnRate < 0 || c.LearnRate > 120 {
		list.add("learn_rate", fmt.Sprint(c.LearnRate), "is not from 0 to 120", "leave it out for 6 refreshes a second")
	}
	if strings.ContainsFunc(c.ServiceID, notInSubject) && c.ServiceID != "" {
		list.add("service_id", c.ServiceID, "has a character that is not allowed", "use letters, digits, '.', '_' and '-'")
	}
	if _, err := zerolog.ParseLevel(c.LogLevel); err != nil {
		list.add("log_level", c.LogLevel, "is unknown", "set debug, info, warn or error")
	}
	if c.LogFormat != "json" && c.LogFormat != "console" {
		list.add("log_format", c.LogFormat, "is unknown", "set json or console")
	}
	list = append(list, c.natsProblems()...)
	c.checkPools(&list)
	return list
}

// natsProblems is about what every command needs.
func (c Config) natsProblems() []Problem {
	var list problemList
	if _, err := stream.NewNames(c.Prefix); err != nil {
		list.add("prefix", c.Prefix, "is not a prefix", "use a-z, 0-9, '_' and '-', at most 64 of them")
	}
	c.NATS.check(&list)
	return list
}

type problemList []Problem

func (l *problemList) add(key, value, reason, fix string) {
	*l = append(*l, Problem{Key: key, Value: value, Reason: reason, Fix: fix})
}

func notInSubject(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
}

func (c Config) checkKey(list *problemList) {
	const key = "REVOKED_API_KEY"
	switch {
	case c.InsecureNoAuth && c.APIKey != "":
		list.add(key, mask, "is set beside --insecure-no-auth", "remove one of them")
	case c.InsecureNoAuth && !loopback(c.AdminAddr):
		list.add("admin_addr", c.AdminAddr, "is not a loopback address, and --insecure-no-auth is set",
			"set REVOKED_API_KEY instead, or 127.0.0.1")
	case c.InsecureNoAuth:
	case c.APIKey == "":
		list.add(key, "", "is missing", "set it, or REVOKED_API_KEY_FILE, to a random text such as that of: openssl rand -hex 32")
	case len(c.APIKey) < minAPIKey:
		list.add(key, mask, "is short enough to guess", fmt.Sprintf("use at least %d characters, such as those of: openssl rand -hex 32", minAPIKey))
	case strings.ContainsFunc(string(c.APIKey), notInKey):
		// RFC 6750, section 2.1: b64token.
		list.add(key, mask, "has a character that can't be sent in a header", "use letters, digits and -._~+/=")
	}
}

func notInKey(c rune) bool {
	return notInSubject(c) && c != '~' && c != '+' && c != '/' && c != '='
}

// loopback reports whether only this machine can reach the address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (n NATS) check(list *problemList) {
	if n.URL == "" {
		list.add("nats.url (NATS_URL)", "", "is missing", "set one or more URLs, such as nats://localhost:4222")
	}
	for u := range strings.SplitSeq(n.URL, ",") {
		if parsed, err := url.Parse(strings.TrimSpace(u)); n.URL != "" && (err != nil || strings.TrimSpace(u) == "" || parsed.Scheme != "" && parsed.Host == "") {
			list.add("nats.url (NATS_URL)", maskURLs(n.URL), "has an element that is not a URL", "set URLs such as nats://localhost:4222")
			break
		}
	}
	for _, f := range []struct{ key, path string }{
		{"nats.creds (NATS_CREDS)", n.Creds}, {"nats.nkey (NATS_NKEY)", n.NKey}, {"nats.ca (NATS_CA)", n.CA},
		{"nats.cert (NATS_CERT)", n.Cert}, {"nats.key (NATS_KEY)", n.Key},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			list.add(f.key, f.path, cause(err), "name a file that can be read")
		}
	}
	if (n.Cert == "") != (n.Key == "") {
		list.add("nats.cert, nats.key", "", "go together", "set both or none")
	}
}

// maskURLs hides the passwords in a list of URLs.
func maskURLs(list string) string {
	urls := strings.Split(list, ",")
	for i, raw := range urls {
		if strings.Contains(raw, "@") {
			u, err := url.Parse(strings.TrimSpace(raw))
			switch {
			case err != nil:
				urls[i] = mask
			case u.User != nil:
				// A name alone is a token.
				u.User = url.User("xxxxx")
				urls[i] = u.String()
			}
		}
	}
	return strings.Join(urls, ",")
}

const (
	maxTokenValidity   = 24 * time.Hour
	maxRefreshValidity = 10 * 365 * 24 * time.Hour
)

func (c Config) checkPools(list *problemList) {
	if len(c.Pools) == 0 {
		list.add("pools", "", "is empty", "list at least one user pool with its id and clients")
	}
	var ids, clients []string
	for i, p := range c.Pools {
		at := fmt.Sprintf("pools[%d]", i)
		region, name, _ := strings.Cut(p.ID, "_")
		switch {
		case region == "" || name == "" || strings.ContainsFunc(strings.Replace(p.ID, "_", "", 1), func(r rune) bool { return notInSubject(r) || r == '.' || r == '_' }):
			list.add(at+".id", p.ID, "is not the id of a user pool", "set an id such as eu-west-1_AbC123")
		case slices.Contains(ids, p.ID):
			list.add(at+".id", p.ID, "is there twice", "merge the two")
		}
		ids = append(ids, p.ID)
		for _, u := range []struct{ key, value string }{
			{".endpoint", p.Endpoint}, {".jwks_url", p.JWKSURL}, {".userinfo_url", p.UserInfoURL},
		} {
			p.checkURL(list, at+u.key, u.value)
		}
		if slices.Contains(p.Issuers, "") {
			list.add(at+".issuers", "", "has an empty element", "remove it")
		}
		if len(p.Clients) == 0 {
			list.add(at+".clients", "", "is empty", "list the app clients of the pool")
		}
		for j, cl := range p.Clients {
			at := fmt.Sprintf("%s.clients[%d]", at, j)
			switch {
			case cl.ID == "":
				list.add(at+".id", "", "is missing", "set the app client id")
			case slices.Contains(clients, cl.ID):
				list.add(at+".id", cl.ID, "is there twice", "remove one of them")
			}
			clients = append(clients, cl.ID)
			cl.checkValidities(list, at)
		}
	}
}

func (p Pool) checkURL(list *problemList, key, raw string) {
	if raw == "" {
		return
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil:
		list.add(key, "", "is not an https URL without credentials", "correct it") // the value may have a password
	case u.Scheme == "http" && !p.InsecureHTTP && !loopback(net.JoinHostPort(u.Hostname(), "0")):
		list.add(key, raw, "is not https", "use https, or set insecure_http for an emulator in a network that you trust")
	}
}

func (c Client) checkValidities(list *problemList, at string) {
	for _, v := range []struct {
		key   string
		value time.Duration
		most  time.Duration
		text  string
	}{
		{".access_validity", c.AccessValidity, maxTokenValidity, "24h"},
		{".id_validity", c.IDValidity, maxTokenValidity, "24h"},
		{".refresh_validity", c.RefreshValidity, maxRefreshValidity, "87600h"},
	} {
		if v.value < 0 || v.value > v.most {
			list.add(at+v.key, v.value.String(), "is not from 0s to "+v.text, "set what the app client has, or leave it out if unknown")
		}
	}
}
