package cognitotest

import (
	"time"
)

// MintOptions describes a token for [Pool.Mint]. The zero value of a field
// means what its comment says; Extra has the last word on every claim.
type MintOptions struct {
	// ClientID becomes client_id of an access token, aud of an ID token. It
	// need not exist.
	ClientID string
	// Username becomes username or cognito:username. If the pool has the
	// user, sub, groups and profile come from it. Empty makes a token of the
	// client itself, as the client_credentials grant does: sub is the client
	// id, and there is no origin_jti.
	Username string
	// Subject becomes sub. Empty means that of the user, else a random UUID.
	Subject string

	// TokenUse is "access" (also if empty) or "id".
	TokenUse string

	// IssuedAt: zero means now, by the emulator's clock.
	IssuedAt time.Time
	// ExpiresAt: zero means IssuedAt plus the client's validity, or an hour.
	ExpiresAt time.Time
	// AuthTime: zero means IssuedAt; for a token of a client, no claim.
	AuthTime time.Time

	// OriginJTI and JTI: empty means random. Use Extra to leave them out.
	OriginJTI string
	JTI       string

	// Scope of an access token, separated by spaces. Empty means
	// "aws.cognito.signin.user.admin" for a user, none for a client.
	Scope string
	// Groups: nil means those of the user.
	Groups []string
	// DeviceKey of an access token.
	DeviceKey string

	// Extra adds or replaces claims; a nil value removes one. It is not
	// modified.
	Extra map[string]any
}

// Mint returns a token signed with the pool's current key for its use,
// whatever its content: already expired, from the future, or of a user that
// does not exist. It belongs to no session, so that Cognito's own calls know
// it as revoked only if OriginJTI names a revoked session or the user was
// signed out after IssuedAt. Mint panics if Extra can't be encoded as JSON.
func (p *Pool) Mint(options MintOptions) string {
	p.srv.mu.Lock()
	minted := p.mint(options)
	p.srv.mu.Unlock()
	for name, value := range options.Extra {
		if value == nil {
			delete(minted.claims, name)
		} else {
			minted.claims[name] = value
		}
	}
	signed, err := minted.key.sign(minted.claims)
	if err != nil {
		panic(err)
	}
	return signed
}

// mint describes the token without Extra. The caller holds mu.
func (p *Pool) mint(o MintOptions) token {
	shape := claimSet{
		use:       o.TokenUse,
		clientID:  o.ClientID,
		subject:   o.Subject,
		username:  o.Username,
		groups:    o.Groups,
		issuedAt:  o.IssuedAt,
		expiresAt: o.ExpiresAt,
		authTime:  o.AuthTime,
		jti:       o.JTI,
		originJTI: o.OriginJTI,
		deviceKey: o.DeviceKey,
		scope:     o.Scope,
	}
	if shape.use == "" {
		shape.use = useAccess
	}
	if shape.issuedAt.IsZero() {
		shape.issuedAt = p.srv.Now()
	}
	if shape.expiresAt.IsZero() {
		shape.expiresAt = shape.issuedAt.Add(p.mintValidity(o.ClientID, shape.use))
	}
	if shape.jti == "" {
		shape.jti = newUUID()
	}
	if o.Username == "" {
		p.fillMachine(&shape)
	} else {
		p.fillUser(&shape)
	}
	return token{claims: shape.claims(p.issuer), key: p.signer(shape.use)}
}

func (p *Pool) mintValidity(clientID, use string) time.Duration {
	c, err := p.client(clientID)
	switch {
	case err != nil:
		return time.Hour
	case use == useID:
		return c.settings.idValidity()
	}
	return c.settings.accessValidity()
}

// fillMachine gives the claims the shape of the client_credentials grant.
func (p *Pool) fillMachine(shape *claimSet) {
	shape.oauth = true
	if shape.subject == "" {
		shape.subject = shape.clientID
	}
}

// fillUser completes the claims from the user's record and the defaults of
// a sign-in by the API.
func (p *Pool) fillUser(shape *claimSet) {
	if u, err := p.user(shape.username); err == nil {
		shape.user, shape.username = u, u.username
		if shape.subject == "" {
			shape.subject = u.sub
		}
		if shape.groups == nil {
			shape.groups = u.groupNames()
		}
	}
	if shape.subject == "" {
		shape.subject = newUUID()
	}
	if shape.authTime.IsZero() {
		shape.authTime = shape.issuedAt
	}
	if shape.originJTI == "" {
		shape.originJTI = newUUID()
	}
	if shape.scope == "" {
		shape.scope = scopeSelfService
	}
	shape.eventID = newUUID()
}
