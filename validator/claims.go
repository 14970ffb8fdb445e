package validator

import (
	"crypto/rsa"
	"encoding/json"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// authenticate verifies the signature with one of keys, and reads and checks
// the claims. Its outcome depends on the token, the keys and the configuration
// only: not on the time, and not on the denylist.
func (v *Validator) authenticate(p parts, keys []signer) (*Verified, error) {
	key := verifyingKey(p, keys)
	if key == nil {
		return nil, refuse(ReasonBadSignature, "")
	}
	claims, err := parseObject(p.payload)
	if err != nil {
		return nil, refuseFor(ReasonBadClaims, err)
	}
	owner, err := v.issuingPool(claims, key, keys)
	if err != nil {
		return nil, err
	}
	tok, err := v.readClaims(claims, owner)
	if err != nil {
		return nil, err
	}
	// A client of one app must not be served by another (RFC 8725, section
	// 3.9). Access tokens name it in client_id, ID tokens in aud.
	if tok.token.ClientID == "" || owner.clients != nil && !slices.Contains(owner.clients, tok.token.ClientID) {
		return nil, refuse(ReasonWrongClient, "")
	}
	return tok, nil
}

// verifyingKey returns the key that verifies the signature, nil if none does.
// There is more than one to try only if pools publish different keys under one
// kid, which Cognito's do not.
func verifyingKey(p parts, keys []signer) *rsa.PublicKey {
	for i, candidate := range keys {
		tried := slices.ContainsFunc(keys[:i], func(s signer) bool { return s.key.Equal(candidate.key) })
		if !tried && verifyRS256(p.signed, p.signature, candidate.key) {
			return candidate.key
		}
	}
	return nil
}

// issuingPool returns the pool that iss names. A pool vouches for its own
// tokens only: key must be one that this very pool publishes (RFC 8725,
// section 3.8).
func (v *Validator) issuingPool(claims map[string]any, key *rsa.PublicKey, keys []signer) (*pool, error) {
	iss, _ := claims["iss"].(string)
	id, err := revocation.PoolFromIssuer(iss, v.issuers...)
	if err != nil {
		return nil, refuse(ReasonWrongIssuer, "iss is not an issuer of a user pool")
	}
	for _, candidate := range keys {
		if candidate.pool.id == id && candidate.key.Equal(key) {
			return candidate.pool, nil
		}
	}
	return nil, refuse(ReasonWrongIssuer, "the key is not of the pool that iss names")
}

// readClaims reads the claims that a decision depends on. RFC 7519 leaves
// them optional; Cognito sends iss, sub, token_use, exp and iat in every token,
// and without exp a token would live for ever, without iat escape cutoffs.
func (v *Validator) readClaims(claims map[string]any, owner *pool) (*Verified, error) {
	use, ok := claims["token_use"].(string)
	if !ok {
		return nil, refuse(ReasonBadClaims, "token_use is missing or not a string")
	}
	if !slices.Contains(owner.uses, TokenUse(use)) {
		return nil, refuse(ReasonWrongUse, "")
	}
	tok, err := revocation.TokenFromClaims(claims, v.issuers...)
	if err != nil {
		return nil, refuseFor(ReasonBadClaims, err)
	}
	if tok.ExpiresAt == 0 || tok.IssuedAt == 0 {
		return nil, refuse(ReasonBadClaims, "exp or iat is missing")
	}
	verified := &Verified{token: tok, use: TokenUse(use), claims: claims, pool: owner}
	if verified.notBefore, ok = notBefore(claims); !ok {
		return nil, refuse(ReasonBadClaims, "nbf is not a whole number of seconds")
	}
	if scope, present := claims["scope"]; present {
		text, ok := scope.(string)
		if !ok {
			return nil, refuse(ReasonBadClaims, "scope is not a string")
		}
		verified.scopes = scopesOf(text)
	}
	return verified, nil
}

// notBefore returns nbf (RFC 7519, section 4.1.5), 0 if it is absent, which it
// is in Cognito's own tokens. The limit is that of package revocation for the
// other times: far beyond it, arithmetic on time.Time wraps around.
func notBefore(claims map[string]any) (int64, bool) {
	value, present := claims["nbf"]
	if !present {
		return 0, true
	}
	number, _ := value.(json.Number)
	sec, err := number.Int64()
	return sec, err == nil && sec >= 0 && sec < 1<<33
}

// checkTimes applies exp, nbf and iat (RFC 7519, sections 4.1.4 to 4.1.6) to
// one reading of the clock. RFC 7519 gives iat no such rule; a token from the
// future is a wrong clock or a forgery, and would pass any cutoff.
func (v *Validator) checkTimes(tok *Verified, now time.Time) error {
	expiry := time.Unix(tok.token.ExpiresAt, 0).Add(v.cfg.Skew)
	if !now.Before(expiry) && !v.cfg.InsecureIgnoreExpiry {
		return refuse(ReasonExpired, "")
	}
	latest := now.Add(v.cfg.Skew)
	if time.Unix(tok.notBefore, 0).After(latest) {
		return refuse(ReasonNotYetValid, "nbf is in the future")
	}
	if time.Unix(tok.token.IssuedAt, 0).After(latest) {
		return refuse(ReasonNotYetValid, "iat is in the future")
	}
	return nil
}

// checkScopes applies what the pool's configuration requires.
func (p *pool) checkScopes(tok *Verified) error {
	if err := tok.RequireScopes(p.scopes...); err != nil {
		return refuseFor(ReasonMissingScope, err)
	}
	allowed := func(group string) bool { return slices.Contains(p.groups, group) }
	if len(p.groups) > 0 && !slices.ContainsFunc(tok.token.Groups, allowed) {
		return refuseFor(ReasonMissingScope, &ScopeError{})
	}
	return nil
}
