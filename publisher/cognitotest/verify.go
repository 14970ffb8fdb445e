package cognitotest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// Check says what Cognito itself thinks of an access token at this moment,
// as GetUser would: nil, or the [*Error] with which it refuses.
func (s *Server) Check(accessToken string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.bearer(accessToken)
	return err
}

// bearer is the holder of an access token that has been accepted.
type bearer struct {
	user   *user
	scopes []string
}

// accessClaims are the claims on which a call decides.
type accessClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	TokenUse  string `json:"token_use"`
	Scope     string `json:"scope"`
	OriginJTI string `json:"origin_jti"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
}

// bearer verifies an access token and asks whether it is revoked. The
// caller holds mu.
func (s *Server) bearer(raw string) (*bearer, error) {
	claims, p := s.verify(raw)
	if p == nil || claims.TokenUse != useAccess {
		return nil, errAccessInvalid
	}
	if s.Now().Unix() >= claims.ExpiresAt {
		return nil, errAccessExpired
	}
	u := p.subjects[claims.Subject]
	if u == nil {
		return nil, errUserNotFound
	}
	sess := p.sessions[claims.OriginJTI]
	if sess != nil && sess.revoked || !u.signedOut.IsZero() && claims.IssuedAt <= u.signedOut.Unix() {
		return nil, errAccessRevoked
	}
	return &bearer{user: u, scopes: strings.Fields(claims.Scope)}, nil
}

// selfService verifies an access token for a call by which users manage
// themselves.
func (s *Server) selfService(raw string) (*user, error) {
	b, err := s.bearer(raw)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(b.scopes, scopeSelfService) {
		return nil, errAccessScope
	}
	return b.user, nil
}

// verify returns the claims of a token and the pool that signed it, or no
// pool if none did. It does not look at the time. The caller holds mu.
func (s *Server) verify(raw string) (accessClaims, *Pool) {
	var header struct{ Alg, Kid string }
	var claims accessClaims
	signed, signature, ok := cutLast(raw, ".")
	head, payload, two := strings.Cut(signed, ".")
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if !ok || !two || err != nil || !decodePart(head, &header) || !decodePart(payload, &claims) || header.Alg != "RS256" {
		return accessClaims{}, nil
	}
	digest := sha256.Sum256([]byte(signed))
	for _, p := range s.pools {
		if p.issuer != claims.Issuer {
			continue
		}
		for _, k := range p.published() {
			if k.kid == header.Kid && rsa.VerifyPKCS1v15(&k.key.PublicKey, crypto.SHA256, digest[:], sig) == nil {
				return claims, p
			}
		}
	}
	return accessClaims{}, nil
}

func decodePart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
