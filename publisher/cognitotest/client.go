package cognitotest

import (
	"crypto/subtle"
	"regexp"
	"slices"
	"time"
)

// ClientConfig configures an app client. The zero value is a public client
// with Cognito's defaults: access and ID tokens of one hour, refresh tokens
// of 30 days, token revocation on, no rotation.
type ClientConfig struct {
	// ID is the client id. Empty means 26 random lowercase alphanumerics.
	ID string
	// Name is shown by DescribeUserPoolClient. Empty means the id.
	Name string

	// Secret makes a confidential client with this secret (24 to 64 word
	// characters); GenerateSecret makes one with a random secret.
	Secret         string
	GenerateSecret bool

	// How long tokens are valid, in whole seconds. Zero means the default.
	// Unlike the API, which insists on 5 min to 24 h for access and ID tokens
	// and 1 h to 10 years for refresh tokens, any positive value is accepted.
	AccessValidity  time.Duration
	IDValidity      time.Duration
	RefreshValidity time.Duration

	// DisableTokenRevocation is EnableTokenRevocation=false: tokens carry
	// neither jti nor origin_jti, and RevokeToken is refused.
	DisableTokenRevocation bool

	// RotateRefreshTokens replaces the refresh token at each use;
	// RotationGrace (up to 60 s) is how long the old one still works.
	RotateRefreshTokens bool
	RotationGrace       time.Duration

	// HideMissingUsers is PreventUserExistenceErrors=ENABLED.
	HideMissingUsers bool

	// AuthFlows is ExplicitAuthFlows, such as "ALLOW_USER_PASSWORD_AUTH". Nil
	// means both password flows, and refresh unless tokens rotate.
	AuthFlows []string

	// OAuthFlows is AllowedOAuthFlows: "code" or "client_credentials". Nil
	// means "code" if there are CallbackURLs, else none.
	OAuthFlows []string
	// CallbackURLs and LogoutURLs are where /login and /logout may redirect
	// to. They are compared exactly.
	CallbackURLs []string
	LogoutURLs   []string
	// Scopes is AllowedOAuthScopes. Nil means "openid", "email", "profile"
	// with the code flow.
	Scopes []string
}

// Client names an app client of a pool.
type Client struct {
	ID     string
	Secret string // empty for a public client
}

// client is the emulator's record of an app client, guarded by Server.mu.
type client struct {
	pool     *Pool
	id       string
	secret   string
	settings clientSettings
	created  time.Time
	modified time.Time
}

var (
	clientIDPattern     = regexp.MustCompile(`^[\w+]{1,128}$`)
	clientSecretPattern = regexp.MustCompile(`^[\w+]{24,64}$`)
)

// CreateClient adds an app client.
func (p *Pool) CreateClient(config ClientConfig) (*Client, error) {
	p.srv.mu.Lock()
	defer p.srv.mu.Unlock()
	if config.ID == "" {
		config.ID = randomString(26, lowerAlphanumerics)
	}
	if config.Secret == "" && config.GenerateSecret {
		config.Secret = randomString(51, lowerAlphanumerics)
	}
	if config.Name == "" {
		config.Name = config.ID
	}
	c, err := p.addClient(config.ID, config.Secret, config.settings())
	if err != nil {
		return nil, err
	}
	return &Client{ID: c.id, Secret: c.secret}, nil
}

// addClient stores a client whose settings are complete. The caller holds
// mu.
func (p *Pool) addClient(id, secret string, settings clientSettings) (*client, error) {
	switch {
	case !clientIDPattern.MatchString(id):
		return nil, invalidParameter("cognitotest: client id %q is not 1 to 128 word characters", id)
	case secret != "" && !clientSecretPattern.MatchString(secret):
		return nil, invalidParameter("cognitotest: a client secret has 24 to 64 word characters")
	case p.srv.clients[id] != nil:
		return nil, invalidParameter("cognitotest: client %s exists", id)
	}
	if err := settings.check(secret != ""); err != nil {
		return nil, err
	}
	now := p.srv.Now()
	c := &client{pool: p, id: id, secret: secret, settings: settings, created: now, modified: now}
	p.srv.clients[id] = c
	return c, nil
}

// client looks an app client up in any pool. The caller holds mu.
func (s *Server) client(id string) (*client, error) {
	if c := s.clients[id]; c != nil {
		return c, nil
	}
	return nil, notFound("User pool client %s does not exist.", id)
}

// client looks an app client of the pool up. The caller holds mu.
func (p *Pool) client(id string) (*client, error) {
	c, err := p.srv.client(id)
	if err == nil && c.pool != p {
		return nil, notFound("User pool client %s does not exist.", id)
	}
	return c, err
}

// authenticates reports whether secret is the client's. A public client
// accepts only the empty one.
func (c *client) authenticates(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(secret), []byte(c.secret)) == 1
}

func (c *client) allowsFlow(flow string) bool {
	return slices.Contains(c.settings.ExplicitAuthFlows, flow)
}

func (c *client) allowsGrant(flow string) bool {
	return c.settings.AllowedOAuthFlowsUserPoolClient && slices.Contains(c.settings.AllowedOAuthFlows, flow)
}

// revocable reports whether RevokeToken works for the client.
func (c *client) revocable() bool { return *c.settings.EnableTokenRevocation }

// rotates reports whether the client's refresh tokens rotate.
func (c *client) rotates() bool {
	return c.settings.RefreshTokenRotation != nil && c.settings.RefreshTokenRotation.Feature == enabled
}

// numbersTokens reports whether the client's tokens carry jti and
// origin_jti: revocation and rotation each bring them (developer guide,
// "Refresh tokens").
func (c *client) numbersTokens() bool { return c.revocable() || c.rotates() }
