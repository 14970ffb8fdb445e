package service

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
)

// Key is an API key of the admin listener, of which only a hash is known.
// "revokectl key new" makes one.
type Key struct {
	// ID names the key to operators, who see what was done with it: letters,
	// digits and the characters ._- of which it has 64 at most.
	ID     string  `yaml:"id"`
	Role   string  `yaml:"role"`   // viewer, operator or admin
	SHA256 KeyHash `yaml:"sha256"` // of the key, as revokectl key new prints it
}

// UnmarshalText reads the form that the environment has: id:role:sha256. What
// is missing there is found by [Config.Check].
func (k *Key) UnmarshalText(text []byte) error {
	id, rest, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
	role, hash, _ := strings.Cut(rest, ":")
	*k = Key{ID: id, Role: role, SHA256: KeyHash(hash)}
	return nil
}

// KeyHash is the SHA-256 of an API key in hexadecimal digits. It is not shown:
// whoever chose a key by hand could be found out by it.
type KeyHash string

// MarshalText is for encoders.
func (h KeyHash) MarshalText() ([]byte, error) { return []byte(Secret(h).String()), nil }

// String returns a mask, or "" if there is no hash.
func (h KeyHash) String() string { return Secret(h).String() }

// GoString is for %#v.
func (h KeyHash) GoString() string { return h.String() }

func (h KeyHash) bytes() (sum [sha256.Size]byte, ok bool) {
	text, err := hex.DecodeString(string(h))
	return sum, err == nil && copy(sum[:], text) == len(sum) && len(text) == len(sum)
}

// Grant lets in the members of a group of a user pool, who present their
// access tokens instead of an API key.
type Grant struct {
	Group string `yaml:"group"` // a group of the pool; required
	Role  string `yaml:"role"`  // that of its members: viewer, operator or admin
	// Clients are the app clients whose access tokens count: those of other apps
	// are in other hands. Required.
	Clients []string `yaml:"clients"`
}

// defaultKeyID names REVOKED_API_KEY among the keys.
const defaultKeyID = "default"

// keys returns what callers may present. The configuration has been checked.
func (c Config) keys() []api.Key {
	var keys []api.Key
	if c.APIKey != "" {
		keys = append(keys, api.Key{ID: defaultKeyID, Role: api.RoleAdmin, SHA256: sha256.Sum256([]byte(c.APIKey))})
	}
	for _, k := range c.APIKeys {
		role, _ := api.ParseRole(k.Role)
		sum, _ := k.SHA256.bytes()
		keys = append(keys, api.Key{ID: k.ID, Role: role, SHA256: sum})
	}
	return keys
}

func (c Config) grants() []api.Grant {
	var grants []api.Grant
	for _, p := range c.Pools {
		for _, g := range p.Callers {
			role, _ := api.ParseRole(g.Role)
			grants = append(grants, api.Grant{Pool: p.ID, Group: g.Group, Role: role, Clients: g.Clients})
		}
	}
	return grants
}

// minAPIKey is the least number of characters of an API key: even as random
// hexadecimal digits, 64 bits, which nobody can try over a network.
const minAPIKey = 16

// checkCallers finds out whether exactly those can call who are meant to.
func (c Config) checkCallers(list *config.Problems) {
	const key = "REVOKED_API_KEY"
	somebody := c.APIKey != "" || len(c.APIKeys) > 0 || len(c.grants()) > 0
	switch {
	case c.InsecureNoAuth && c.APIKey != "":
		list.Add(key, config.Mask, "is set beside --insecure-no-auth", "remove one of them")
	case c.InsecureNoAuth && somebody:
		list.Add("api_keys, pools[].callers", "", "are set beside --insecure-no-auth", "remove one of them")
	case c.InsecureNoAuth && !config.Loopback(c.AdminAddr):
		list.Add("admin_addr", c.AdminAddr, "is not a loopback address, and --insecure-no-auth is set",
			"set REVOKED_API_KEY instead, or 127.0.0.1")
	case c.InsecureNoAuth:
	case !somebody:
		list.Add(key, "", "is missing", "set it, or REVOKED_API_KEY_FILE, to a random text such as that of: openssl rand -hex 32; or list api_keys")
	case c.APIKey == "":
	case len(c.APIKey) < minAPIKey:
		list.Add(key, config.Mask, "is short enough to guess", fmt.Sprintf("use at least %d characters, such as those of: openssl rand -hex 32", minAPIKey))
	case strings.ContainsFunc(string(c.APIKey), notInKey):
		// RFC 6750, section 2.1: b64token.
		list.Add(key, config.Mask, "has a character that can't be sent in a header", "use letters, digits and -._~+/=")
	}
	if c.RateLimit < 0 || c.RateLimit > maxRateLimit {
		list.Add("rate_limit", fmt.Sprint(c.RateLimit), fmt.Sprintf("is not from 0 to %d", maxRateLimit), "leave it out for 50 requests a second")
	}
	c.checkKeys(list)
	for i, p := range c.Pools {
		for j, g := range p.Callers {
			g.check(list, fmt.Sprintf("pools[%d].callers[%d]", i, j))
		}
	}
}

// maxRateLimit is more than any service carries out.
const maxRateLimit = 1_000_000

func (c Config) checkKeys(list *config.Problems) {
	var ids []string
	var sums [][sha256.Size]byte
	if c.APIKey != "" {
		ids, sums = append(ids, defaultKeyID), append(sums, sha256.Sum256([]byte(c.APIKey)))
	}
	for i, k := range c.APIKeys {
		at := fmt.Sprintf("api_keys[%d]", i)
		switch {
		case k.ID == "" || len(k.ID) > 64 || strings.ContainsFunc(k.ID, notInSubject):
			list.Add(at+".id", k.ID, "is not a name", "use 1 to 64 letters, digits, '.', '_' and '-'")
		case slices.Contains(ids, k.ID):
			list.Add(at+".id", k.ID, "is there twice", "name each key differently; REVOKED_API_KEY is "+defaultKeyID)
		}
		checkRole(list, at, k.Role)
		sum, ok := k.SHA256.bytes()
		switch {
		case !ok || sum == sha256.Sum256(nil):
			list.Add(at+".sha256", "", "is not the SHA-256 of a key", "set the 64 hexadecimal digits that revokectl key new prints")
		case slices.Contains(sums, sum):
			list.Add(at+".sha256", "", "is there twice", "make a key of its own for each entry: revokectl key new")
		}
		ids, sums = append(ids, k.ID), append(sums, sum)
	}
}

func (g Grant) check(list *config.Problems, at string) {
	if g.Group == "" {
		list.Add(at+".group", "", "is missing", "set the name of a group of the pool")
	}
	checkRole(list, at, g.Role)
	if len(g.Clients) == 0 || slices.Contains(g.Clients, "") {
		list.Add(at+".clients", "", "is empty or has an empty element", "list the app clients whose access tokens count")
	}
}

func checkRole(list *config.Problems, at, role string) {
	if _, err := api.ParseRole(role); err != nil {
		list.Add(at+".role", role, "is not a role", "set viewer, operator or admin")
	}
}

func notInKey(c rune) bool {
	return notInSubject(c) && c != '~' && c != '+' && c != '/' && c != '='
}
