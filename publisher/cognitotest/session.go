package cognitotest

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// Tokens is the result of a sign-in or a refresh.
type Tokens struct {
	AccessToken  string
	IDToken      string // empty if the scopes lack "openid"
	RefreshToken string // empty if a refresh gave no new one
	ExpiresIn    int    // validity of the access token in seconds
}

// SignInOptions says how a user signs in. ClientID and Username are
// required.
type SignInOptions struct {
	ClientID string
	Username string

	// Scopes makes tokens as the token endpoint gives them after managed
	// login. Nil means as the API gives them, with the single scope
	// "aws.cognito.signin.user.admin"; for a federated user, who can't sign
	// in by the API, the client's scopes.
	Scopes []string
	// Nonce is copied to the ID token.
	Nonce string
	// DeviceKey is copied to the access token.
	DeviceKey string
}

// scopeSelfService is what GetUser and GlobalSignOut ask of an access token
// (developer guide, "Understanding the access token").
const scopeSelfService = "aws.cognito.signin.user.admin"

// session is one sign-in: a refresh token or a rotating chain of them, and
// every access and ID token that came from it. Guarded by Server.mu.
type session struct {
	originJTI    string
	client       *client
	user         *user
	authTime     time.Time
	refreshUntil time.Time // a rotated token inherits what remains
	scopes       []string
	oauth        bool // tokens of the token endpoint rather than the API
	nonce        string
	deviceKey    string
	revoked      bool
}

// refreshToken is one opaque token, kept under its hash.
type refreshToken struct {
	session *session
	rotated time.Time // when it was exchanged for the next one; zero before
}

type tokenHash [sha256.Size]byte

// SignIn signs a user in without a password and without HTTP.
func (p *Pool) SignIn(clientID, username string) (Tokens, error) {
	return p.SignInWith(SignInOptions{ClientID: clientID, Username: username})
}

// SignInWith is [Pool.SignIn] with all choices.
func (p *Pool) SignInWith(options SignInOptions) (Tokens, error) {
	return p.srv.issue(func() (*issuance, error) {
		c, err := p.client(options.ClientID)
		if err != nil {
			return nil, err
		}
		u, err := p.user(options.Username)
		if err != nil {
			return nil, err
		}
		return c.signIn(u, options)
	})
}

// Refresh exchanges a refresh token without HTTP: GetTokensFromRefreshToken
// without the client's secret.
func (p *Pool) Refresh(clientID, token string) (Tokens, error) {
	return p.srv.issue(func() (*issuance, error) {
		c, err := p.client(clientID)
		if err != nil {
			return nil, err
		}
		return c.refresh(token)
	})
}

// issue decides under the lock what to mint and signs without it, because
// signing takes a millisecond. A decision for nothing gives no tokens.
func (s *Server) issue(decide func() (*issuance, error)) (Tokens, error) {
	s.mu.Lock()
	grant, err := decide()
	s.mu.Unlock()
	if err != nil || grant == nil {
		return Tokens{}, err
	}
	return grant.sign()
}

// signIn starts a session. The caller holds mu.
func (c *client) signIn(u *user, options SignInOptions) (*issuance, error) {
	if u.disabled {
		return nil, errUserDisabled
	}
	s := &session{
		originJTI: newUUID(),
		client:    c,
		user:      u,
		authTime:  c.pool.srv.Now(),
		scopes:    slices.Clone(options.Scopes),
		oauth:     options.Scopes != nil,
		nonce:     options.Nonce,
		deviceKey: options.DeviceKey,
	}
	switch {
	case s.oauth:
	case u.provider != "":
		s.scopes, s.oauth = slices.Clone(c.settings.AllowedOAuthScopes), true
		if len(s.scopes) == 0 {
			s.scopes = []string{"openid"}
		}
	default:
		s.scopes = []string{scopeSelfService}
	}
	s.refreshUntil = s.authTime.Add(c.settings.refreshValidity())
	c.pool.sessions[s.originJTI] = s
	u.sessions = append(u.sessions, s)
	return &issuance{
		access:  s.token(useAccess, s.authTime),
		id:      s.token(useID, s.authTime),
		refresh: c.pool.srv.newRefreshToken(s),
	}, nil
}

// refresh mints from a refresh token, and rotates it if the client says so.
// The caller holds mu.
func (c *client) refresh(token string) (*issuance, error) {
	s := c.pool.srv
	now := s.Now()
	held := s.refreshTokens[sha256.Sum256([]byte(token))]
	switch {
	case held == nil || held.session.client != c:
		return nil, errRefreshInvalid
	case held.session.revoked:
		return nil, errRefreshRevoked
	case held.session.user.deleted:
		return nil, errUserNotFound
	case !now.Before(held.session.refreshUntil):
		return nil, errRefreshExpired
	case !held.rotated.IsZero() && !now.Before(held.rotated.Add(c.rotationGrace())):
		return nil, errRefreshReused
	}
	grant := &issuance{
		access: held.session.token(useAccess, now),
		id:     held.session.token(useID, now),
	}
	if c.rotates() {
		if held.rotated.IsZero() {
			held.rotated = now
		}
		grant.refresh = s.newRefreshToken(held.session)
	}
	return grant, nil
}

func (c *client) rotationGrace() time.Duration {
	if !c.rotates() {
		return 0
	}
	return time.Duration(c.settings.RefreshTokenRotation.RetryGracePeriodSeconds) * time.Second
}

// refreshTokenHeader is the JWE header that Cognito's refresh tokens show
// to those who can't decrypt them.
const refreshTokenHeader = `{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`

// newRefreshToken returns a token with the look of a compact JWE (RFC 7516,
// section 7.1): five parts, of which all but the header are random here and
// so cannot be forged. The caller holds mu.
func (s *Server) newRefreshToken(sess *session) string {
	parts := []string{base64.RawURLEncoding.EncodeToString([]byte(refreshTokenHeader))}
	for _, size := range []int{256, 12, 768, 16} { // encrypted key, IV, ciphertext, tag
		parts = append(parts, base64.RawURLEncoding.EncodeToString(randomBytes(size)))
	}
	token := strings.Join(parts, ".")
	s.refreshTokens[sha256.Sum256([]byte(token))] = &refreshToken{session: sess}
	return token
}
