package service

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// Problem is one thing that is wrong with a configuration.
type Problem = config.Problem

// ConfigError lists all that is wrong with a configuration.
type ConfigError = config.Error

// Check returns a [*ConfigError] that lists every value with which the service
// would not start or would not do what it should.
func (c Config) Check() error {
	return config.Wrong(c.problems())
}

func (c Config) problems() []Problem {
	var list config.Problems
	for _, l := range []struct{ key, addr string }{
		{"public_addr", c.PublicAddr}, {"admin_addr", c.AdminAddr}, {"metrics_addr", c.MetricsAddr},
	} {
		if _, port, err := net.SplitHostPort(l.addr); err != nil || port == "" {
			list.Add(l.key, l.addr, "is not host:port", "set an address such as 127.0.0.1:8080")
		}
	}
	list.AddDebugAddr(c.DebugAddr, c.InsecureDebugAddr)
	c.checkCallers(&list)
	c.checkSeal(&list)
	for _, r := range []struct {
		key         string
		value, most float64
	}{
		{"user_update_rate", c.UserUpdateRate, 25}, // Cognito's quota, which is not adjustable
		{"user_token_rate", c.UserTokenRate, 10_000},
		{"user_list_rate", c.UserListRate, 30}, // likewise
		{"user_read_rate", c.UserReadRate, 10_000},
	} {
		if !(r.value >= 0 && r.value <= r.most) {
			list.Add(r.key, fmt.Sprint(r.value), fmt.Sprintf("is not from 0 to %v", r.most), "leave it out for the default")
		}
	}
	for i, origin := range c.CORSOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			list.Add(fmt.Sprintf("cors_origins[%d]", i), origin, "is not an origin", "set scheme://host[:port], as browsers send it")
		}
	}
	if c.CognitoWait < 0 || c.CognitoWait > 10*time.Second {
		list.Add("cognito_wait", c.CognitoWait.String(), "is not from 0s to 10s", "set a duration such as 2s")
	}
	if c.ShutdownDelay < 0 || c.ShutdownDelay > time.Minute {
		list.Add("shutdown_delay", c.ShutdownDelay.String(), "is not from 0s to 1m", "set a duration such as 5s")
	}
	if c.LearnSession != learnOn && c.LearnSession != learnOff {
		list.Add("learn_session", c.LearnSession, "is unknown", "set on or off")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Expect)) {
		if n := c.Expect[name]; n < 1 || name == "" || stream.Token(name) != name {
			list.Add("expect", fmt.Sprintf("%s=%d", name, n), "is not the name of a service and a number from 1 on", "set it as nodes report it, such as orders=3")
		}
	}
	if c.LearnRate < 0 || c.LearnRate > 120 {
		list.Add("learn_rate", fmt.Sprint(c.LearnRate), "is not from 0 to 120", "leave it out for 6 refreshes a second")
	}
	if strings.ContainsFunc(c.ServiceID, notInSubject) && c.ServiceID != "" {
		list.Add("service_id", c.ServiceID, "has a character that is not allowed", "use letters, digits, '.', '_' and '-'")
	}
	list = append(list, c.Log().Problems()...)
	list = append(list, c.natsProblems()...)
	c.checkProbe(&list)
	c.checkPools(&list)
	return list
}

// natsProblems is about what every command needs.
func (c Config) natsProblems() []Problem {
	var list config.Problems
	if c.AuditAge != 0 && (c.AuditAge < time.Hour || c.AuditAge > maxAuditAge) {
		list.Add("audit_age", c.AuditAge.String(), "is not from 1h to ten years", "set a duration such as 8760h, or leave it out for a year")
	}
	return append(list, c.NATS.Problems(c.Prefix)...)
}

const maxAuditAge = 10 * 365 * 24 * time.Hour

func notInSubject(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
}

const (
	maxTokenValidity   = 24 * time.Hour
	maxRefreshValidity = 10 * 365 * 24 * time.Hour
)

func (c Config) checkPools(list *config.Problems) {
	if len(c.Pools) == 0 {
		list.Add("pools", "", "is empty", "list at least one user pool with its id and clients")
	}
	var ids, clients []string
	for i, p := range c.Pools {
		at := fmt.Sprintf("pools[%d]", i)
		region, name, _ := strings.Cut(p.ID, "_")
		switch {
		case region == "" || name == "" || strings.ContainsFunc(strings.Replace(p.ID, "_", "", 1), func(r rune) bool { return notInSubject(r) || r == '.' || r == '_' }):
			list.Add(at+".id", p.ID, "is not the id of a user pool", "set an id such as eu-west-1_AbC123")
		case slices.Contains(ids, p.ID):
			list.Add(at+".id", p.ID, "is there twice", "merge the two")
		}
		ids = append(ids, p.ID)
		for _, u := range []struct{ key, value string }{
			{".endpoint", p.Endpoint}, {".jwks_url", p.JWKSURL}, {".userinfo_url", p.UserInfoURL},
		} {
			p.checkURL(list, at+u.key, u.value)
		}
		p.checkRole(list, at)
		if slices.Contains(p.Issuers, "") {
			list.Add(at+".issuers", "", "has an empty element", "remove it")
		}
		if len(p.Clients) == 0 {
			list.Add(at+".clients", "", "is empty", "list the app clients of the pool")
		}
		for j, cl := range p.Clients {
			at := fmt.Sprintf("%s.clients[%d]", at, j)
			switch {
			case cl.ID == "":
				list.Add(at+".id", "", "is missing", "set the app client id")
			case slices.Contains(clients, cl.ID):
				list.Add(at+".id", cl.ID, "is there twice", "remove one of them")
			}
			clients = append(clients, cl.ID)
			cl.checkValidities(list, at)
		}
	}
}

var (
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}$`)
	externalID = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

// checkRole checks what AWS STS would refuse only when the first user is to be
// signed out (API Reference, AssumeRole).
func (p Pool) checkRole(list *config.Problems, at string) {
	switch {
	case p.RoleARN != "" && !roleARN.MatchString(p.RoleARN):
		list.Add(at+".role_arn", p.RoleARN, "is not the ARN of a role", "set one such as arn:aws:iam::123456789012:role/revoked")
	case p.RoleARN != "" && p.emulated():
		list.Add(at+".role_arn", p.RoleARN, "is of no use with an emulator", "remove it, or the endpoint")
	}
	switch {
	case p.ExternalID != "" && p.RoleARN == "":
		list.Add(at+".external_id", p.ExternalID, "goes with a role only", "set role_arn, or remove it")
	case p.ExternalID != "" && (!externalID.MatchString(p.ExternalID) || len(p.ExternalID) > 1224):
		list.Add(at+".external_id", p.ExternalID, "is not an external id", "use 2 to 1224 letters, digits and +=,.@:/-_")
	}
}

func (p Pool) checkURL(list *config.Problems, key, raw string) {
	if raw == "" {
		return
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil:
		list.Add(key, "", "is not an https URL without credentials", "correct it") // the value may have a password
	case u.Scheme == "http" && !p.InsecureHTTP && !config.Loopback(net.JoinHostPort(u.Hostname(), "0")):
		list.Add(key, raw, "is not https", "use https, or set insecure_http for an emulator in a network that you trust")
	}
}

func (c Client) checkValidities(list *config.Problems, at string) {
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
			list.Add(at+v.key, v.value.String(), "is not from 0s to "+v.text, "set what the app client has, or leave it out if unknown")
		}
	}
}
