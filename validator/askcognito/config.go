package askcognito

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

const (
	defaultRate    = 1
	defaultTimeout = 2 * time.Second
	// maxCache bounds for how long a session that Cognito has just revoked
	// may go on being served from an answer.
	maxCache = 10 * time.Second
)

// Config is what [New] needs. Pools is required.
type Config struct {
	// Pools are the user pools that may be asked. Tokens of others are refused
	// as stale.
	Pools []Pool
	// Rate is how many calls a second this node may make; zero means 1. A
	// fleet of a hundred nodes at 1 can use up most of Cognito's default quota
	// of 120 a second for the whole account; lower refuses more users while
	// the denylist is stale.
	Rate float64
	// Timeout bounds one call, and so what a request waits; zero means 2 s.
	Timeout time.Duration
	// CacheFor is how long an answer counts, from when it was asked for; zero
	// means 10 s, which is also the most. Longer serves revoked sessions for
	// as long; shorter spends more of the budget on the same tokens.
	CacheFor time.Duration
	// Transport carries the calls; nil means [http.DefaultTransport]. Redirects
	// are not followed, whatever it is.
	Transport http.RoundTripper
	// Logger gets one line per change of the breaker, never a token. The zero
	// value discards.
	Logger zerolog.Logger
}

// Pool says where to ask about the tokens of one user pool.
type Pool struct {
	// ID is the user pool id, as in "eu-west-1_AbC123". Required.
	ID string
	// UserInfoURL is the userInfo endpoint of the pool's domain, as in
	// "https://auth.example.com/oauth2/userInfo". Empty means that tokens with
	// the scope openid alone can't be asked about.
	UserInfoURL string
	// Endpoint is where GetUser is called. Empty means
	// "https://cognito-idp.<region>.amazonaws.com/".
	Endpoint string
	// InsecureHTTP allows http:// on other addresses than loopback: whoever
	// can read the network then reads tokens.
	InsecureHTTP bool
}

// check returns cfg with its defaults filled in, or an error that names the
// field and the remedy.
func (cfg Config) check() (Config, error) {
	if cfg.Rate == 0 {
		cfg.Rate = defaultRate
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.CacheFor == 0 {
		cfg.CacheFor = maxCache
	}
	switch {
	case len(cfg.Pools) == 0:
		return Config{}, errors.New("askcognito: Config.Pools is empty: name at least one user pool")
	case cfg.Rate < 0:
		return Config{}, fmt.Errorf("askcognito: Config.Rate is %v: use 0 for %v call a second", cfg.Rate, defaultRate)
	case cfg.Timeout < 0:
		return Config{}, fmt.Errorf("askcognito: Config.Timeout is %v: use 0 for %v", cfg.Timeout, defaultTimeout)
	case cfg.CacheFor < 0 || cfg.CacheFor > maxCache:
		return Config{}, fmt.Errorf("askcognito: Config.CacheFor is %v: it must be from 0 to %v, for which a revoked session may go on", cfg.CacheFor, maxCache)
	}
	seen := make(map[string]bool)
	pools := make([]Pool, len(cfg.Pools))
	for i, p := range cfg.Pools {
		if seen[p.ID] {
			return Config{}, fmt.Errorf("askcognito: Config.Pools[%d]: ID %q is configured twice: merge the two", i, p.ID)
		}
		seen[p.ID] = true
		var err error
		if pools[i], err = p.check(); err != nil {
			return Config{}, fmt.Errorf("askcognito: Config.Pools[%d]: %w", i, err)
		}
	}
	cfg.Pools = pools
	return cfg, nil
}

func (p Pool) check() (Pool, error) {
	if p.ID == "" {
		return Pool{}, errors.New("ID is empty: set the user pool id")
	}
	if p.Endpoint == "" {
		region := p.ID[:max(0, strings.LastIndexByte(p.ID, '_'))]
		if region == "" {
			return Pool{}, fmt.Errorf("ID %q is not of the form region_id: correct it, or set Endpoint for an emulator", p.ID)
		}
		host := "cognito-idp." + region + ".amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			host += ".cn"
		}
		p.Endpoint = "https://" + host + "/"
	}
	if err := p.checkURL("Endpoint", p.Endpoint); err != nil {
		return Pool{}, err
	}
	if p.UserInfoURL == "" {
		return p, nil
	}
	return p, p.checkURL("UserInfoURL", p.UserInfoURL)
}

// checkURL refuses an address to which a token must not be sent.
func (p Pool) checkURL(field, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s is not an https URL: correct it", field)
	case u.User != nil:
		return fmt.Errorf("%s carries credentials: remove them", field)
	case u.Scheme == "http" && !p.InsecureHTTP && !loopback(u.Hostname()):
		return fmt.Errorf("%s %q is not https: use https, or set InsecureHTTP to show tokens to the network", field, raw)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
