package service

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"go.yaml.in/yaml/v3"

	"github.com/seed-4e8dee1b/revoked/internal/config"
)

// Config of the revoke service. [Default] has usable values for all that is
// optional; [Load] reads a file and the environment over it. Secrets are
// refused in the file: they come from the environment, or files of their own.
type Config struct {
	// PublicAddr is where apps call POST /oauth2/revoke. Port 0 chooses a free
	// one, here and below.
	PublicAddr string `yaml:"public_addr" env:"REVOKED_PUBLIC_ADDR"`
	// AdminAddr is where operators and services call /v1.
	AdminAddr string `yaml:"admin_addr" env:"REVOKED_ADMIN_ADDR"`
	// MetricsAddr is where /livez, /readyz and /metrics are served.
	MetricsAddr string `yaml:"metrics_addr" env:"REVOKED_METRICS_ADDR"`
	// DebugAddr is where the process's profiles are served, below /debug/pprof/.
	// Empty means nowhere. It must be a loopback address, unless
	// InsecureDebugAddr.
	DebugAddr string `yaml:"debug_addr" env:"REVOKED_DEBUG_ADDR"`
	// InsecureDebugAddr lets DebugAddr be one that other machines can reach.
	// Whoever gets there sees what the process does, and can slow it down.
	InsecureDebugAddr bool `yaml:"insecure_debug_addr" env:"REVOKED_INSECURE_DEBUG_ADDR"`

	// APIKey is a key of the admin listener with the role admin, of 16
	// characters or more, such as those of: openssl rand -hex 32. This,
	// APIKeys or the callers of a pool are required; without all of them
	// --insecure-no-auth, on loopback only.
	APIKey Secret `yaml:"api_key" env:"REVOKED_API_KEY"`
	// APIKeyFile is the path of a file with that key.
	APIKeyFile string `yaml:"api_key_file" env:"REVOKED_API_KEY_FILE"`
	// APIKeys are further keys, each with a role. In the variable each is
	// id:role:sha256, separated by commas.
	APIKeys []Key `yaml:"api_keys" env:"REVOKED_API_KEYS"`
	// RateLimit is how many requests a second each caller of the admin listener
	// may send in the long run, and twice as many at once. Zero means 50. Too
	// low holds up scripts; high values let one caller take all that the service
	// can do.
	RateLimit float64 `yaml:"rate_limit" env:"REVOKED_RATE_LIMIT"`
	// InsecureNoAuth serves the admin API without a key. Only on a loopback
	// address, and only by flag.
	InsecureNoAuth bool `yaml:"-"`

	// SealKeys are one or more keys of 64 hexadecimal digits (openssl rand -hex
	// 32), separated by commas or white space, the same for all replicas.
	// Required. The first seals the refresh tokens that are stored in NATS until
	// Cognito is told; all open, so that a key is replaced by adding the new one
	// behind, putting it first, and removing the old one when no task is pending.
	SealKeys Secret `yaml:"seal_keys" env:"REVOKED_SEAL_KEYS"`
	// SealKeysFile is the path of a file with these keys.
	SealKeysFile string `yaml:"seal_keys_file" env:"REVOKED_SEAL_KEYS_FILE"`
	// InsecureEphemeralSealKey makes up a key that ends with the process: a
	// session that Cognito was not told of before a restart then stands until
	// its refresh token has expired. Only by flag.
	InsecureEphemeralSealKey bool `yaml:"-"`

	// CORSOrigins are the origins whose scripts may call /oauth2/revoke.
	CORSOrigins []string `yaml:"cors_origins" env:"REVOKED_CORS_ORIGINS"`
	// CognitoWait is how long the answer of /oauth2/revoke waits for Cognito.
	// Zero answers at once; long waits hold the app's sign-out while Cognito
	// is slow.
	CognitoWait time.Duration `yaml:"cognito_wait" env:"REVOKED_COGNITO_WAIT"`
	// LearnRate is how many refreshes a second may be spent on learning the
	// session of a refresh token. Zero means 6: 5 % of Cognito's default quota
	// for sign-ins. Higher values can starve real sign-ins when somebody presents
	// garbage.
	LearnRate float64 `yaml:"learn_rate" env:"REVOKED_LEARN_RATE"`
	// LearnSession is on or off: off refuses refresh tokens that come without
	// the access token of their session, with 400.
	LearnSession string `yaml:"learn_session" env:"REVOKED_LEARN_SESSION"`
	// TrustedProxies are networks such as 10.0.0.0/8 whose X-Forwarded-For is
	// believed. Of LearnRate an app client has two thirds at most, and an
	// address a quarter (an IPv6 network of 64 bits counts as one): behind a
	// proxy that is not listed, all callers are one address.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" env:"REVOKED_TRUSTED_PROXIES"`

	// UserUpdateRate is how many calls a second Cognito gets of the quota
	// category of that name (signing out users), for each AWS account and Region
	// and from this replica: several share the quota. Zero means 10; Cognito's
	// quota is 25, not adjustable.
	UserUpdateRate float64 `yaml:"user_update_rate" env:"REVOKED_USER_UPDATE_RATE"`
	// UserTokenRate is the same for revoking refresh tokens. Zero means 60;
	// Cognito's quota is 120.
	UserTokenRate float64 `yaml:"user_token_rate" env:"REVOKED_USER_TOKEN_RATE"`
	// UserListRate is the same for finding users by their sub. Zero means 10;
	// Cognito's quota is 30, not adjustable.
	UserListRate float64 `yaml:"user_list_rate" env:"REVOKED_USER_LIST_RATE"`
	// UserReadRate is the same for reading users. Zero means 30; Cognito's quota
	// is 120.
	UserReadRate float64 `yaml:"user_read_rate" env:"REVOKED_USER_READ_RATE"`

	// Expect is how many nodes each service has at least, by the name under
	// which they report; in the variable such as orders=40,payments=7. With fewer
	// no receipt is ever met: the guard against nodes that nobody has heard of.
	Expect map[string]int `yaml:"expect" env:"REVOKED_EXPECT" envKeyValSeparator:"="`
	// AuditAge is how long the audit is kept, as revoked provision sets it up;
	// zero means a year.
	AuditAge time.Duration `yaml:"audit_age" env:"REVOKED_AUDIT_AGE"`

	// Probe says how often, if at all, a canary is revoked to see how soon the
	// nodes enforce it.
	Probe Probe `yaml:"probe"`

	// ShutdownDelay is the time between /readyz turning off and the listeners
	// closing, for load balancers that look only now and then. Zero closes at
	// once, and requests that are still sent here are refused.
	ShutdownDelay time.Duration `yaml:"shutdown_delay" env:"REVOKED_SHUTDOWN_DELAY"`

	// Prefix is that of all NATS subjects and streams; nodes need the same.
	Prefix string `yaml:"prefix" env:"REVOKED_PREFIX"`
	// LocalFile keeps the live acts on disk, for a replica that starts after
	// the store of NATS was restored or made anew: it publishes them again.
	// Each replica needs its own. Empty means none: then that works only while
	// a replica runs.
	LocalFile string `yaml:"local_file" env:"REVOKED_LOCAL_FILE"`
	// ServiceID names this replica; empty means the host name.
	ServiceID string `yaml:"service_id" env:"REVOKED_SERVICE_ID"`

	LogLevel  string `yaml:"log_level" env:"REVOKED_LOG_LEVEL"`   // debug, info, warn or error
	LogFormat string `yaml:"log_format" env:"REVOKED_LOG_FORMAT"` // json or console

	// NATS is how to connect. The variables are those of the nats command.
	NATS NATS `yaml:"nats"`
	// Pools are the user pools whose tokens are revoked. At least one is required.
	Pools []Pool `yaml:"pools"`

	// Logger is used by [Start]. LogLevel and LogFormat are for whoever makes
	// it; the zero value discards.
	Logger zerolog.Logger `yaml:"-"`
	// Tracer begins the spans of requests and of what follows from them; nil for
	// none. See package otlp.
	Tracer trace.TracerProvider `yaml:"-"`
	// Version is shown in metrics and logs.
	Version string `yaml:"-"`
}

// NATS says how to connect.
type NATS = config.NATS

// Probe is about the prober; see package prober.
type Probe struct {
	// Interval is the time from one canary to the next, 1s to 1h; the flag
	// --probe alone means 1m. Zero means that there are none. Each replica that
	// probes appends one act for each.
	Interval time.Duration `yaml:"interval" env:"REVOKED_PROBE_INTERVAL"`
	// Timeout is how long nodes have to prove that they enforce it; less than
	// Interval. Zero means half of Interval, 30 s at most.
	Timeout time.Duration `yaml:"timeout" env:"REVOKED_PROBE_TIMEOUT"`
}

// Pool is one user pool.
type Pool struct {
	// ID is that of the user pool, such as eu-west-1_AbC123. Required.
	ID string `yaml:"id"`
	// Region is the one to call; empty means that in the id.
	Region string `yaml:"region"`
	// RoleARN is a role to assume for calls about the pool, such as one of the
	// account that the pool is in; empty means the service's own credentials.
	RoleARN string `yaml:"role_arn"`
	// ExternalID is what the role's trust policy asks for, if anything.
	ExternalID string `yaml:"external_id"`
	// UserInfoURL is the userInfo endpoint of the pool's domain. It settles
	// whether tokens of managed login are revoked.
	UserInfoURL string `yaml:"userinfo_url"`
	// Endpoint is for emulators: where Cognito's API is. Calls to one with
	// http:// are signed with a placeholder instead of AWS credentials.
	Endpoint string   `yaml:"endpoint"`
	JWKSURL  string   `yaml:"jwks_url"` // for emulators: where the pool's keys are
	Issuers  []string `yaml:"issuers"`  // for emulators: further values of iss that are the pool's
	// InsecureHTTP allows http:// for these on other addresses than loopback.
	InsecureHTTP bool `yaml:"insecure_http"`
	// Clients are the app clients of the pool. Required. One that is missing can't
	// use /oauth2/revoke, and its token validities are not known.
	Clients []Client `yaml:"clients"`
	// Callers are the groups whose members may call the admin API.
	Callers []Grant `yaml:"callers"`
}

// Client is one app client.
type Client struct {
	ID         string `yaml:"id"`          // the app client id; required
	Secret     Secret `yaml:"secret"`      // comes from SecretFile
	SecretFile string `yaml:"secret_file"` // path of a file with the client's secret, if it has one
	// AccessValidity is how long access tokens are valid, as configured at
	// Cognito, the longest within the last day. Zero means unknown: revocations
	// then live as long as Cognito could need, 24 hours. Too low lets revoked
	// tokens in again.
	AccessValidity  time.Duration `yaml:"access_validity"`
	IDValidity      time.Duration `yaml:"id_validity"`      // the same for ID tokens
	RefreshValidity time.Duration `yaml:"refresh_validity"` // the same for refresh tokens; unknown counts as 30 days
}

// The values of Config.LearnSession.
const (
	learnOn  = "on"
	learnOff = "off"
)

// Default returns the configuration before file and environment.
func Default() Config {
	return Config{
		PublicAddr:  "127.0.0.1:8080",
		AdminAddr:   "127.0.0.1:8081",
		MetricsAddr: "127.0.0.1:9090",
		CognitoWait: 2 * time.Second,

		LearnSession: learnOn,

		Prefix:    "revoked",
		LogLevel:  "info",
		LogFormat: "json",
	}
}

// YAML returns the configuration as a file would have it, but with secrets
// masked.
func (c Config) YAML() ([]byte, error) {
	c.NATS.URL = config.MaskURLs(c.NATS.URL)
	return yaml.Marshal(c)
}

// Log says what is logged, and how.
func (c Config) Log() config.Log { return config.Log{Level: c.LogLevel, Format: c.LogFormat} }

// Secret is a string that is never shown.
type Secret string

// String returns a mask, or "" if there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return config.Mask
}

// GoString is for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalYAML refuses: configuration files are shown, copied and committed.
func (s *Secret) UnmarshalYAML(n *yaml.Node) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s", n.Line, config.SecretInFile)}}
}
