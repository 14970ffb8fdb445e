package cognitotest

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The token_use claim.
const (
	useAccess = "access"
	useID     = "id"
)

// token is what is to be signed, with the key to sign it with.
type token struct {
	claims map[string]any
	key    signingKey
	bound  bool // an ID token with the at_hash of its access token
}

// issuance is the outcome of a sign-in or refresh before signing.
type issuance struct {
	access, id token // id.claims is nil if there is to be no ID token
	refresh    string
}

func (i *issuance) sign() (Tokens, error) {
	access, err := i.access.key.sign(i.access.claims)
	if err != nil {
		return Tokens{}, err
	}
	tokens := Tokens{
		AccessToken:  access,
		RefreshToken: i.refresh,
		ExpiresIn:    int(i.access.claims["exp"].(int64) - i.access.claims["iat"].(int64)),
	}
	if i.id.claims == nil {
		return tokens, nil
	}
	if i.id.bound {
		// OpenID Connect Core 1.0, section 3.1.3.6: the left half of the hash.
		sum := sha256.Sum256([]byte(access))
		i.id.claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	tokens.IDToken, err = i.id.key.sign(i.id.claims)
	return tokens, err
}

// token describes an access or ID token of the session as of now. The
// caller holds mu.
func (s *session) token(use string, now time.Time) token {
	if use == useID && s.oauth && !slices.Contains(s.scopes, "openid") {
		return token{}
	}
	shape := claimSet{
		use:      use,
		clientID: s.client.id,
		subject:  s.user.sub,
		username: s.user.username,
		groups:   s.user.groupNames(),
		issuedAt: now,
		authTime: s.authTime,
		eventID:  newUUID(),
		oauth:    s.oauth,
	}
	if s.client.numbersTokens() {
		shape.jti, shape.originJTI = newUUID(), s.originJTI
	}
	if use == useAccess {
		shape.expiresAt = now.Add(s.client.settings.accessValidity())
		shape.scope = strings.Join(s.scopes, " ")
		shape.deviceKey = s.deviceKey
	} else {
		shape.expiresAt = now.Add(s.client.settings.idValidity())
		shape.nonce = s.nonce
		shape.user = s.user
	}
	pool := s.client.pool
	return token{claims: shape.claims(pool.issuer), key: pool.signer(use), bound: s.oauth}
}

// claimSet is a token in Go terms. Empty fields give no claim.
type claimSet struct {
	use                           string
	clientID, subject, username   string
	groups                        []string
	issuedAt, expiresAt, authTime time.Time
	jti, originJTI, eventID       string
	scope, deviceKey, nonce       string
	oauth                         bool  // from the token endpoint
	user                          *user // whose attributes an ID token carries; may be nil
}

// claims spells the set out as Cognito does (developer guide,
// "Understanding the access token" and "Understanding the ID token").
func (t claimSet) claims(issuer string) map[string]any {
	m := map[string]any{
		"iss":       issuer,
		"sub":       t.subject,
		"token_use": t.use,
		"iat":       t.issuedAt.Unix(),
		"exp":       t.expiresAt.Unix(),
	}
	if !t.authTime.IsZero() {
		m["auth_time"] = t.authTime.Unix()
	}
	if len(t.groups) > 0 {
		m["cognito:groups"] = t.groups
	}
	optional := map[string]string{"jti": t.jti, "origin_jti": t.originJTI, "event_id": t.eventID}
	if t.use == useID {
		m["aud"] = t.clientID
		optional["cognito:username"] = t.username
		optional["nonce"] = t.nonce
		t.user.addTo(m)
	} else {
		m["client_id"] = t.clientID
		optional["username"] = t.username
		optional["scope"] = t.scope
		optional["device_key"] = t.deviceKey
		if t.oauth {
			m["version"] = 2 // absent after a sign-in by the API
		}
	}
	for name, value := range optional {
		if value != "" {
			m[name] = value
		}
	}
	return m
}

// addTo adds the claims that an ID token takes from the user's profile.
func (u *user) addTo(claims map[string]any) {
	if u == nil {
		return
	}
	for name, value := range u.attributes {
		claims[name] = value
	}
	for _, name := range []string{"email_verified", "phone_number_verified"} {
		if value, present := u.attributes[name]; present {
			claims[name] = value == "true"
		}
	}
	if u.provider != "" {
		claims["identities"] = []map[string]any{{
			"userId":       strings.TrimPrefix(u.username, u.provider+"_"),
			"providerName": u.provider,
			"providerType": u.provider,
			"issuer":       nil,
			"primary":      "true",
			"dateCreated":  strconv.FormatInt(u.created.UnixMilli(), 10),
		}}
	}
}
