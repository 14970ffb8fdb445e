package validator

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// defaultSkew covers clocks that NTP keeps to a second or so, and a VM
	// that was paused for a moment. Without any skew a token that Cognito
	// minted a second ago is refused by a node whose clock is two behind.
	defaultSkew = 30 * time.Second
	// defaultMaxTokenBytes is the longest header line that nginx accepts by
	// default. A Cognito token has 1 to 2 KB, with many groups 4.
	defaultMaxTokenBytes = 8 << 10
)

// Denylist reports whether a token has been revoked. Check is called on every
// request: it must not block on I/O and must be safe for concurrent use.
type Denylist interface {
	// Check returns nil if tok is not revoked, an error wrapping
	// [revocation.ErrRevoked] if it is, and one wrapping
	// [revocation.ErrStale] if the answer is too old to trust. Any other
	// error counts as stale. The caller owns tok and its Groups: Check
	// neither changes nor keeps them.
	Check(tok revocation.Token) error
}

// HashedDenylist is a [Denylist] that can do part of a check once per token
// instead of on every request. A *subscriber.Subscriber is one. What is true of
// Check is true of CheckHashed: the hashes save time and decide nothing.
type HashedDenylist interface {
	Denylist
	// Prehash returns hashes of tok's claims for CheckHashed.
	Prehash(tok *revocation.Token) revocation.Hashes
	// CheckHashed is Check of *tok with what Prehash returned for it. It
	// neither changes nor keeps what the arguments point to.
	CheckHashed(tok *revocation.Token, h *revocation.Hashes) error
	// Itself returns the receiver. A type that embeds another one and has a
	// Check of its own has these methods too, of the other one, which would
	// pass its Check by: it is told by the answer, and gets Check.
	Itself() any
}

// TokenUse is the token_use claim: which of Cognito's two JWTs a token is.
type TokenUse string

// The uses. An API accepts access tokens; an ID token is for the app that
// signed the user in, and carries no scopes.
const (
	AccessToken TokenUse = "access"
	IDToken     TokenUse = "id"
)

// Config is what [New] needs. Pools, and Denylist or InsecureSkipDenylist, are
// required; the zero value of every other field is the safe choice.
type Config struct {
	// Pools are the user pools whose tokens are accepted.
	Pools []Pool
	// Denylist is asked about every token that passed all other checks.
	Denylist Denylist
	// InsecureSkipDenylist allows Denylist to be nil: revoked tokens are then
	// accepted until they expire.
	InsecureSkipDenylist bool
	// ReportOnly makes Validate return a token that the denylist refuses, or
	// cannot vouch for, with a nil error; the verdict is counted, logged at
	// debug level and kept in [Verified.Unenforced]. It is meant for the
	// first week, while another verifier in front of this one still decides.
	// It never turns a token that failed a check before the denylist into a
	// verified one: Validate returns the error, and the transports let the
	// request pass without a token in its context.
	ReportOnly bool
	// Skew is how far the clock of this node and that of Cognito may differ:
	// a token is accepted until exp + Skew, and from iat - Skew and
	// nbf - Skew on. Zero means 30 s. Too low refuses fresh tokens on a node
	// with a slow clock; higher lengthens the life of every token. At most
	// [revocation.MaxLeeway], for which the denylist remembers an act after
	// its last token has expired.
	Skew time.Duration
	// MaxTokenBytes bounds the length of a token in bytes. Zero means 8 KiB.
	// Too low refuses users with many groups; too high lets anyone make the
	// node decode that much per request.
	MaxTokenBytes int
	// CacheBytes bounds the memory, in bytes and as an estimate, of tokens that
	// were verified and are kept so that the next request with the same token
	// costs no signature: its times and the denylist are checked every time.
	// Zero means 64 MiB, which is some ten thousand tokens; -1 keeps none. Too
	// low verifies the signatures of active users again and again.
	CacheBytes int
	// InsecureIgnoreExpiry accepts expired tokens, for a service in which an
	// expired token may name what to revoke but opens nothing. The denylist
	// forgets acts once their tokens have expired, so a nil error does not
	// mean here that the token was never revoked.
	InsecureIgnoreExpiry bool
	// Transport carries the key requests; nil means [http.DefaultTransport].
	// Redirects are not followed, whatever it is.
	Transport http.RoundTripper
	// Logger gets one line per change of a pool's keys, and one per refusal
	// at debug level, from several goroutines. The zero value discards.
	Logger zerolog.Logger
}

// Pool is one user pool and what its tokens must be.
type Pool struct {
	// ID is the user pool id, as in "eu-west-1_AbC123". Required.
	ID string
	// ClientIDs are the app clients whose tokens are accepted. Required,
	// unless AnyClient is set.
	ClientIDs []string
	// AnyClient accepts the tokens of every app client of the pool.
	AnyClient bool
	// TokenUses are the uses that are accepted. Empty means access tokens
	// only.
	TokenUses []TokenUse
	// Issuers are further values of iss, compared byte for byte, for
	// emulators and proxies. The two issuer hosts of the pool,
	// cognito-idp.<region> and issuer-cognito-idp.<region>, are accepted
	// without it.
	Issuers []string
	// JWKSURL is where the pool's keys are. Empty means the address at
	// cognito-idp.<region>. It must be https, except on a loopback address or
	// with InsecureHTTP.
	JWKSURL string
	// InsecureHTTP allows a JWKSURL with http:// anywhere: whoever can change
	// the answer on its way can sign tokens.
	InsecureHTTP bool
	// RequiredScopes must all be in the scope claim.
	RequiredScopes []string
	// AllowedGroups must have at least one element in common with
	// cognito:groups. Empty means that no group is needed.
	AllowedGroups []string
}

// pool is a checked Pool.
type pool struct {
	id      string
	clients []string // nil: any
	uses    []TokenUse
	scopes  []string
	groups  []string
	jwksURL string
}

// check returns cfg with its defaults filled in, the pools and their further
// issuers, or an error that names the field, its value and the remedy.
func (cfg Config) check() (Config, []*pool, []revocation.Issuer, error) {
	fail := func(format string, args ...any) (Config, []*pool, []revocation.Issuer, error) {
		return Config{}, nil, nil, fmt.Errorf("validator: "+format, args...)
	}
	if cfg.Skew == 0 {
		cfg.Skew = defaultSkew
	}
	if cfg.MaxTokenBytes == 0 {
		cfg.MaxTokenBytes = defaultMaxTokenBytes
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = defaultCacheBytes
	}
	switch {
	case len(cfg.Pools) == 0:
		return fail("Config.Pools is empty: name at least one user pool")
	case cfg.Denylist == nil && !cfg.InsecureSkipDenylist:
		return fail("Config.Denylist is nil: pass a subscriber, or set InsecureSkipDenylist to accept revoked tokens")
	case cfg.Denylist != nil && cfg.InsecureSkipDenylist:
		return fail("Config.InsecureSkipDenylist is set beside a Denylist: remove one of them")
	case cfg.Skew < 0 || cfg.Skew > revocation.MaxLeeway:
		return fail("Config.Skew is %v: it must be from 0 to %v, for which the denylist keeps an act after its last token expired", cfg.Skew, revocation.MaxLeeway)
	case cfg.MaxTokenBytes < 0:
		return fail("Config.MaxTokenBytes is %d: use 0 for the default of %d", cfg.MaxTokenBytes, defaultMaxTokenBytes)
	}
	if cfg.CacheBytes < -1 {
		return fail("Config.CacheBytes is %d: use 0 for the default of %d, or -1 for no cache", cfg.CacheBytes, defaultCacheBytes)
	}
	var pools []*pool
	var issuers []revocation.Issuer
	for i, p := range cfg.Pools {
		checked, err := p.check()
		if err != nil {
			return fail("Config.Pools[%d]: %w", i, err)
		}
		for _, other := range pools {
			if other.id == p.ID {
				return fail("Config.Pools[%d]: ID %q is configured twice: merge the two", i, p.ID)
			}
		}
		for _, iss := range p.Issuers {
			if owner, err := revocation.PoolFromIssuer(iss, issuers...); err == nil && owner != p.ID {
				return fail("Config.Pools[%d]: Issuers has %q, which is an issuer of pool %q: remove it", i, iss, owner)
			}
			issuers = append(issuers, revocation.Issuer{URL: iss, Pool: p.ID})
		}
		pools = append(pools, checked)
	}
	return cfg, pools, issuers, nil
}

// Check returns the error that [New] would return because of p alone.
func (p Pool) Check() error {
	_, err := p.check()
	return err
}

func (p Pool) check() (*pool, error) {
	checked := &pool{
		id:      p.ID,
		clients: slices.Clone(p.ClientIDs),
		uses:    slices.Clone(p.TokenUses),
		scopes:  slices.Clone(p.RequiredScopes),
		groups:  slices.Clone(p.AllowedGroups),
		jwksURL: p.JWKSURL,
	}
	if len(checked.uses) == 0 {
		checked.uses = []TokenUse{AccessToken}
	}
	issuer, real := realIssuer(p.ID)
	switch {
	case p.ID == "":
		return nil, errors.New("ID is empty: set the user pool id")
	case len(p.ID) > revocation.MaxIDLength:
		return nil, fmt.Errorf("ID has %d bytes: at most %d", len(p.ID), revocation.MaxIDLength)
	case !real && (p.JWKSURL == "" || len(p.Issuers) == 0):
		return nil, fmt.Errorf("ID %q is not of the form region_id: correct it, or set JWKSURL and Issuers for an emulator", p.ID)
	case len(p.ClientIDs) == 0 && !p.AnyClient:
		return nil, errors.New("ClientIDs is empty: name the app clients, or set AnyClient to accept all of the pool")
	case len(p.ClientIDs) > 0 && p.AnyClient:
		return nil, errors.New("AnyClient is set beside ClientIDs: remove one of them")
	case slices.Contains(p.ClientIDs, ""):
		return nil, errors.New("ClientIDs has an empty element: remove it")
	case slices.Contains(p.Issuers, ""):
		return nil, errors.New("an element of Issuers is empty: remove it")
	case slices.Contains(p.AllowedGroups, ""):
		return nil, errors.New("AllowedGroups has an empty element: remove it")
	case len(p.RequiredScopes) > 0 && slices.Contains(checked.uses, IDToken):
		return nil, errors.New("RequiredScopes is set, but TokenUses has \"id\", and ID tokens carry no scope: remove one of them")
	}
	for _, use := range checked.uses {
		if use != AccessToken && use != IDToken {
			return nil, fmt.Errorf("TokenUses has %q: use %q or %q", use, AccessToken, IDToken)
		}
	}
	if bad := CheckScopes(p.RequiredScopes); bad != nil {
		return nil, fmt.Errorf("RequiredScopes: %w", bad)
	}
	if checked.jwksURL == "" {
		checked.jwksURL = issuer + "/.well-known/jwks.json"
	}
	return checked, checkJWKSURL(checked.jwksURL, p.InsecureHTTP)
}

// realIssuer returns the original issuer of a pool id in the form that AWS
// gives out, under which its keys are (Cognito Developer Guide, "Verifying
// JSON web tokens"), and whether the id has that form.
func realIssuer(id string) (string, bool) {
	region := id[:max(0, strings.LastIndexByte(id, '_'))]
	host := "cognito-idp." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	issuer := "https://" + host + "/" + id
	_, err := revocation.PoolFromIssuer(issuer)
	return issuer, err == nil
}

func checkJWKSURL(raw string, insecureHTTP bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("JWKSURL is not a URL: correct it")
	case u.User != nil:
		return errors.New("JWKSURL carries credentials: remove them, keys are public")
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("JWKSURL %q is not an https URL: correct it", raw)
	case u.Scheme == "http" && !insecureHTTP && !loopback(u.Hostname()):
		return fmt.Errorf("JWKSURL %q is not https: use https, or set InsecureHTTP to trust the network", raw)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckScopes returns an error that names the first element of scopes that is not
// a scope-token (RFC 6749, section 3.3), nil if all are. A quote or a line
// break in one would break out of the WWW-Authenticate header.
func CheckScopes(scopes []string) error {
	for _, scope := range scopes {
		for _, c := range []byte(scope) {
			if c <= ' ' || c == '"' || c == '\\' || c > '~' {
				return fmt.Errorf("scope %q has a character that RFC 6749 does not allow: correct it", scope)
			}
		}
		if scope == "" {
			return errors.New("a scope is empty: remove it")
		}
	}
	return nil
}
