package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Key is an API key, of which only a hash is known.
type Key struct {
	// ID names the key, as operator of what is done with it.
	ID   string
	Role Role
	// SHA256 of the key. A fast hash is enough because keys are random and
	// long: nobody can try 128 bits.
	SHA256 [sha256.Size]byte
}

// Grant gives a role to the members of a group of a user pool: they present
// their access tokens instead of a key.
type Grant struct {
	Pool  string
	Group string
	Role  Role
	// Clients are the app clients whose tokens count. Required: the tokens
	// that members have for other apps are in the hands of those apps (RFC
	// 8725, section 3.9).
	Clients []string
}

// caller is who sends a request to the admin API.
type caller struct {
	// operator is the id of the key, or the sub of the token. It is kept with
	// what the caller does.
	operator string
	role     Role
	// bucket names the caller among the rate limits: a sub is no key's id.
	bucket string
}

// callerKey is the context key of the caller of a request.
type callerKey struct{}

// callerOf returns who has been let in.
func callerOf(r *http.Request) caller {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

// permits returns nil if the caller has the role, else the answer.
func (c caller) permits(least Role, what string) error {
	if c.role >= least {
		return nil
	}
	return &problem{
		Type: ProblemForbidden, Status: http.StatusForbidden,
		Detail: fmt.Sprintf("The role %s may not %s: it takes the role %s.", c.role, what, least),
	}
}

// callers knows who may call.
type callers struct {
	keys   []Key
	grants []Grant
	tokens Tokens
}

func newCallers(cfg AdminConfig) (*callers, error) {
	c := &callers{keys: slices.Clone(cfg.Keys), grants: slices.Clone(cfg.Grants), tokens: cfg.Tokens}
	for i, k := range c.keys {
		twice := slices.ContainsFunc(c.keys[:i], func(other Key) bool { return other.ID == k.ID || other.SHA256 == k.SHA256 })
		if k.ID == "" || !k.Role.valid() || twice || k.SHA256 == [sha256.Size]byte{} {
			return nil, fmt.Errorf("api: AdminConfig.Keys[%d]: %q is empty, without role or hash, or there twice", i, k.ID)
		}
	}
	for i, g := range c.grants {
		if g.Pool == "" || g.Group == "" || !g.Role.valid() || len(g.Clients) == 0 || slices.Contains(g.Clients, "") {
			return nil, fmt.Errorf("api: AdminConfig.Grants[%d]: the pool, group, role or clients are missing", i)
		}
	}
	return c, nil
}

func (r Role) valid() bool { return r >= RoleViewer && r <= RoleAdmin }

// identify finds out who sends a request, or returns the answer.
func (c *callers) identify(r *http.Request) (caller, error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return caller{}, unauthorized("Send Authorization: Bearer and an API key or an access token.", false)
	}
	scheme, credential, _ := strings.Cut(header[0], " ")
	credential = strings.TrimLeft(credential, " ")
	if len(header) > 1 || !strings.EqualFold(scheme, "Bearer") || credential == "" {
		return caller{}, unauthorized("Send one Authorization header with Bearer and an API key or an access token.", true)
	}
	if k, known := c.key(credential); known {
		return caller{operator: k.ID, role: k.Role, bucket: "key " + k.ID}, nil
	}
	if len(c.grants) > 0 && shapeOf(credential) == shapeJWT {
		return c.bearer(r.Context(), credential)
	}
	return caller{}, unauthorized("The API key is not one of those that are configured.", true)
}

// key finds a key. It takes as long for each of them, and for none.
func (c *callers) key(credential string) (Key, bool) {
	given := sha256.Sum256([]byte(credential))
	found := -1
	for i := range c.keys {
		equal := subtle.ConstantTimeCompare(given[:], c.keys[i].SHA256[:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	if found < 0 {
		return Key{}, false
	}
	return c.keys[found], true
}

// bearer verifies an access token and finds the highest role of its groups.
func (c *callers) bearer(ctx context.Context, token string) (caller, error) {
	tok, err := c.tokens.Authority(ctx, token)
	switch {
	case errors.Is(err, ErrInvalidToken):
		return caller{}, unauthorized("The access token is not valid.", true)
	case err != nil:
		return caller{}, err
	case tok.Claims.Subject == "":
		return caller{}, unauthorized("The access token is nobody's.", true)
	}
	role := Role(0)
	for _, g := range c.grants {
		if g.Pool == tok.Claims.Pool && slices.Contains(g.Clients, tok.Claims.ClientID) && slices.Contains(tok.Claims.Groups, g.Group) {
			role = max(role, g.Role)
		}
	}
	if role == 0 {
		return caller{}, &problem{
			Type: ProblemForbidden, Status: http.StatusForbidden,
			Detail: "The access token is valid, but no group of it, with its app client, has a role here.",
		}
	}
	return caller{operator: tok.Claims.Subject, role: role, bucket: "sub " + tok.Claims.Pool + " " + tok.Claims.Subject}, nil
}

// unauthorized is 401. A request with credentials is told that these are wrong
// (RFC 6750, section 3.1).
func unauthorized(detail string, presented bool) *problem {
	p := &problem{
		Type: ProblemUnauthorized, Status: http.StatusUnauthorized, Detail: detail,
		challenge: `Bearer realm="revoked"`,
	}
	if presented {
		p.challenge += `, error="invalid_token"`
	}
	return p
}
