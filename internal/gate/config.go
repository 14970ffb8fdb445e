package gate

import (
	"os"
	"time"

	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v3"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
)

// Config of the gate. [Default] has usable values for all that is optional;
// [Load] reads a file and the environment over it. There are no secrets in it,
// only paths of files that have some.
type Config struct {
	// ForwardAuth is where proxies ask that have auth_request, forward_auth or
	// the like. At least one of the three interfaces must be served.
	ForwardAuth Listener `yaml:"forward_auth"`
	// ExtAuthz is where Envoy asks, by gRPC.
	ExtAuthz Listener `yaml:"ext_authz"`
	// Check is where services ask: POST /v1/check.
	Check Listener `yaml:"check"`
	// MetricsAddr is for /livez, /readyz and /metrics. Port 0 chooses a free one.
	MetricsAddr string `yaml:"metrics_addr" env:"REVOKED_GATE_METRICS_ADDR"`
	// DebugAddr is where the process's profiles are served, below /debug/pprof/.
	// Empty means nowhere. It must be a loopback address, unless
	// InsecureDebugAddr.
	DebugAddr string `yaml:"debug_addr" env:"REVOKED_GATE_DEBUG_ADDR"`
	// InsecureDebugAddr lets DebugAddr be one that other machines can reach.
	// Whoever gets there sees what the process does, and can slow it down.
	InsecureDebugAddr bool `yaml:"insecure_debug_addr" env:"REVOKED_GATE_INSECURE_DEBUG_ADDR"`

	// SocketMode is the mode of unix sockets, in octal: who may connect there.
	SocketMode string `yaml:"socket_mode"`
	// TrustedProxies are the networks, such as 10.0.0.0/8, from which the three
	// interfaces are used, beside this machine. Whoever may connect can name
	// any path and any claims; every other connection is closed at once.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// MaxConnections bounds each listener. Further ones wait. Zero means 1024.
	MaxConnections int `yaml:"max_connections"`

	// Realm is shown to clients that lack credentials.
	Realm string `yaml:"realm"`
	// Pools are the user pools whose tokens are accepted.
	Pools []Pool `yaml:"pools"`
	// Rules say what each path needs. A request without a rule is refused.
	Rules []Rule `yaml:"rules"`

	// Service is what this gate stands for among the nodes of the fleet; its
	// NATS credential may be for that name only.
	Service string `yaml:"service" env:"REVOKED_SERVICE"`
	// Node is its name within the service; empty means the host name.
	Node string `yaml:"node" env:"REVOKED_NODE"`
	// MaxStaleness is how old the denylist may be before the stale policies
	// apply, 3s at least. Zero means one minute: longer than an election of NATS.
	MaxStaleness time.Duration `yaml:"max_staleness" env:"REVOKED_MAX_STALENESS"`
	// LocalFile is the path of a file that keeps what is revoked, one for each
	// gate. Empty means none.
	LocalFile string `yaml:"local_file" env:"REVOKED_LOCAL_FILE"`
	// AllowStaleStart lets a gate that starts while NATS is down work from
	// LocalFile, by the stale policies of its rules.
	AllowStaleStart bool `yaml:"allow_stale_start" env:"REVOKED_ALLOW_STALE_START"`
	// BreakGlassFile is the path of a file: as long as it holds the word
	// fail-open, every rule serves while the denylist is stale, and even before
	// the first complete view. The variable REVOKED_STALE_POLICY=fail-open does
	// the same until the next restart.
	BreakGlassFile string `yaml:"break_glass_file" env:"REVOKED_BREAK_GLASS_FILE"`
	// Prefix is that of all NATS subjects and streams, as the service has it.
	Prefix string `yaml:"prefix" env:"REVOKED_PREFIX"`
	// NATS is how to connect. The variables are those of the nats command.
	NATS config.NATS `yaml:"nats"`

	// ShutdownDelay is the time between /readyz turning off and the listeners
	// closing.
	ShutdownDelay time.Duration `yaml:"shutdown_delay" env:"REVOKED_SHUTDOWN_DELAY"`

	LogLevel  string `yaml:"log_level" env:"REVOKED_LOG_LEVEL"`   // debug, info, warn or error
	LogFormat string `yaml:"log_format" env:"REVOKED_LOG_FORMAT"` // json or console

	// Logger is used by [Start]; the zero value discards.
	Logger zerolog.Logger `yaml:"-"`
	// Applied is that of subscriber.Config; nil for none.
	Applied func(subscriber.Applied) `yaml:"-"`
	// Version is shown in metrics and logs.
	Version string `yaml:"-"`
}

// Listener is where an interface is served.
type Listener struct {
	Listen []string `yaml:"listen"` // addresses: host:port or unix:/path
}

// Pool is one user pool.
type Pool struct {
	ID string `yaml:"id"` // of the user pool, such as eu-west-1_AbC123; required
	// Clients are the app clients whose tokens are accepted. Required, unless
	// AnyClient is set.
	Clients   []string `yaml:"clients"`
	AnyClient bool     `yaml:"any_client"` // accept tokens of all app clients of the pool
	JWKSURL   string   `yaml:"jwks_url"`   // for emulators: where the pool's keys are
	Issuers   []string `yaml:"issuers"`    // for emulators: further values of iss that are the pool's
	// InsecureHTTP allows http:// in these URLs on other addresses than loopback.
	InsecureHTTP bool `yaml:"insecure_http"`
	// UserInfoURL is the userInfo endpoint of the pool's domain, which rules with
	// ask-cognito ask about tokens with the scope openid.
	UserInfoURL string `yaml:"userinfo_url"`
	// Endpoint is where they ask about the others (GetUser); empty means Cognito's
	// of the pool's Region.
	Endpoint string `yaml:"endpoint"`
}

// Rule says what a request needs.
type Rule struct {
	// Path covers itself and everything below it, on whole segments. The rule
	// with the longest path decides.
	Path  string `yaml:"path"`
	Exact bool   `yaml:"exact"` // Path covers itself only
	// Methods limits the rule to some methods. Rules of one path share the
	// methods out; what none of them takes is refused.
	Methods []string `yaml:"methods"`

	// Anonymous lets requests through unseen: no token is looked at, and the
	// upstream gets no identity.
	Anonymous bool     `yaml:"anonymous"`
	Pools     []string `yaml:"pools"`   // narrows down the configured ones; empty means all
	Clients   []string `yaml:"clients"` // the same
	// TokenUse is access, id or both; empty means access only.
	TokenUse []validator.TokenUse `yaml:"token_use"`
	Scopes   []string             `yaml:"scopes"` // the token must have all of them
	Groups   []string             `yaml:"groups"` // the user must be in at least one of them
	// StalePolicy is fail-closed (also if empty), ask-cognito or fail-open.
	StalePolicy string `yaml:"stale_policy"`
	// ReportOnly decides, counts and logs, and lets every request through.
	ReportOnly bool `yaml:"report_only"`
}

func (r Rule) requirement() requirement {
	return requirement{
		pools: r.Pools, clients: r.Clients, uses: usesOrAccess(r.TokenUse), scopes: r.Scopes, groups: r.Groups,
	}
}

func usesOrAccess(uses []validator.TokenUse) []validator.TokenUse {
	if len(uses) == 0 {
		return []validator.TokenUse{validator.AccessToken}
	}
	return uses
}

// stale returns the policy of a checked rule.
func (r Rule) stale() validator.StalePolicy {
	policy := validator.FailClosed
	if r.StalePolicy != "" && policy.UnmarshalText([]byte(r.StalePolicy)) != nil {
		return validator.FailClosed
	}
	return policy
}

// Default returns the configuration before file and environment.
func Default() Config {
	return Config{
		MetricsAddr:    "127.0.0.1:9091",
		SocketMode:     "0660",
		MaxConnections: 1024,
		Realm:          "api",
		Service:        "gate",
		Prefix:         "revoked",
		LogLevel:       "info",
		LogFormat:      "json",
	}
}

// Load returns the defaults, with the file at path over them and the
// environment over that. The error is a [*config.Error] that lists everything
// that is wrong, with the line where there is one.
func Load(path string, environ map[string]string) (Config, error) {
	cfg := Default()
	if path == "" {
		return Config{}, config.Wrong([]config.Problem{{Key: "--config", Reason: "is missing", Fix: "name the YAML file with pools and rules"}})
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, config.Wrong([]config.Problem{{Key: "--config", Value: path, Reason: config.Cause(err), Fix: "name a YAML file that can be read"}})
	}
	if err := config.Wrong(config.Decode(path, text, &cfg)); err != nil {
		return Config{}, err
	}
	problems := config.ReadEnv(environ, &cfg)
	if word := environ["REVOKED_STALE_POLICY"]; word != "" && word != validator.FailOpen.String() {
		problems = append(problems, config.Problem{
			Key: "REVOKED_STALE_POLICY", Value: word, Reason: "is not the break-glass",
			Fix: "set fail-open, or unset it and set stale_policy at the rules",
		})
	}
	problems = append(problems, config.NewLines(path, text).Locate(cfg.problems())...)
	if err := config.Wrong(problems); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// YAML returns the configuration as a file would have it.
func (c Config) YAML() ([]byte, error) {
	c.NATS.URL = config.MaskURLs(c.NATS.URL)
	return yaml.Marshal(c)
}

// Log says what is logged, and how.
func (c Config) Log() config.Log { return config.Log{Level: c.LogLevel, Format: c.LogFormat} }
