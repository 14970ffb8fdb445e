package cognitotest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// ExplicitAuthFlows values.
const (
	flowPassword      = "ALLOW_USER_PASSWORD_AUTH"
	flowAdminPassword = "ALLOW_ADMIN_USER_PASSWORD_AUTH"
	flowRefresh       = "ALLOW_REFRESH_TOKEN_AUTH"
)

type initiateAuthInput struct {
	ClientId       string `required:"true"`
	AuthFlow       string `required:"true"`
	AuthParameters map[string]string
}

type adminInitiateAuthInput struct {
	UserPoolId string `required:"true"`
	initiateAuthInput
}

// authOutput is either a result or a challenge.
type authOutput struct {
	AuthenticationResult *authenticationResult `json:",omitempty"`
	ChallengeName        string                `json:",omitempty"`
	Session              string                `json:",omitempty"`
	ChallengeParameters  map[string]string
}

type authenticationResult struct {
	AccessToken  string
	ExpiresIn    int
	IdToken      string `json:",omitempty"`
	RefreshToken string `json:",omitempty"`
	TokenType    string
}

func newAuthOutput(t Tokens) *authOutput {
	return &authOutput{
		ChallengeParameters: map[string]string{},
		AuthenticationResult: &authenticationResult{
			AccessToken:  t.AccessToken,
			ExpiresIn:    t.ExpiresIn,
			IdToken:      t.IDToken,
			RefreshToken: t.RefreshToken,
			TokenType:    "Bearer",
		},
	}
}

func initiateAuth(c *call, in initiateAuthInput) (any, error) {
	return c.authenticate(in, flowPassword, func() (*client, error) { return c.srv.client(in.ClientId) })
}

func adminInitiateAuth(c *call, in adminInitiateAuthInput) (any, error) {
	return c.authenticate(in.initiateAuthInput, flowAdminPassword, func() (*client, error) {
		p, err := c.srv.pool(in.UserPoolId)
		if err != nil {
			return nil, err
		}
		return p.client(in.ClientId)
	})
}

// authenticate signs in by password or refresh token. passwordFlow is the
// password flow that this call offers, find looks the client up.
func (c *call) authenticate(in initiateAuthInput, passwordFlow string, find func() (*client, error)) (any, error) {
	var challenge *authOutput
	tokens, err := c.srv.issue(func() (*issuance, error) {
		client, err := find()
		if err != nil {
			return nil, err
		}
		switch in.AuthFlow {
		case "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN":
			return client.refreshFlow(in.AuthParameters)
		case passwordFlow[len("ALLOW_"):]:
			grant, err := client.passwordFlow(passwordFlow, in.AuthParameters)
			if err == nil && grant == nil {
				challenge = newPasswordChallenge()
			}
			return grant, err
		}
		return nil, invalidParameter("Initiate Auth method not supported: %s", in.AuthFlow)
	})
	if err != nil {
		return nil, err
	}
	if challenge != nil {
		return challenge, nil
	}
	return newAuthOutput(tokens), nil
}

func newPasswordChallenge() *authOutput {
	return &authOutput{
		ChallengeName:       "NEW_PASSWORD_REQUIRED",
		Session:             base64.RawURLEncoding.EncodeToString(randomBytes(96)),
		ChallengeParameters: map[string]string{"requiredAttributes": "[]"},
	}
}

// passwordFlow signs in by user name and password. It returns nothing if the
// user has to choose a new password first. The caller holds mu.
func (c *client) passwordFlow(flow string, parameters map[string]string) (*issuance, error) {
	name := parameters["USERNAME"]
	if !c.allowsFlow(flow) {
		return nil, invalidParameter("%s flow not enabled for this client", flow[len("ALLOW_"):])
	}
	if name == "" || parameters["PASSWORD"] == "" {
		return nil, invalidParameter("Missing required parameter USERNAME or PASSWORD")
	}
	if err := c.checkSecretHash(parameters["SECRET_HASH"], name); err != nil {
		return nil, err
	}
	u, err := c.checkPassword(name, parameters["PASSWORD"])
	if err != nil {
		return nil, err
	}
	if u.status == statusForceChange {
		return nil, nil
	}
	return c.signIn(u, SignInOptions{DeviceKey: parameters["DEVICE_KEY"]})
}

// checkPassword returns the local user of that name and password. The
// caller holds mu.
func (c *client) checkPassword(name, password string) (*user, error) {
	u, err := c.pool.user(name)
	if err != nil && c.settings.PreventUserExistenceErrors == enabled {
		return nil, errBadCredentials
	}
	switch {
	case err != nil:
		return nil, err
	case u.password == "" || subtle.ConstantTimeCompare([]byte(u.password), []byte(password)) == 0:
		return nil, errBadCredentials
	case u.disabled:
		return nil, errUserDisabled
	}
	return u, nil
}

// refreshFlow is REFRESH_TOKEN_AUTH. The caller holds mu.
func (c *client) refreshFlow(parameters map[string]string) (*issuance, error) {
	if c.rotates() {
		return nil, errRotationNeedsCall
	}
	if !c.allowsFlow(flowRefresh) {
		return nil, invalidParameter("REFRESH_TOKEN_AUTH flow not enabled for this client")
	}
	token := parameters["REFRESH_TOKEN"]
	if token == "" {
		return nil, invalidParameter("Missing required parameter REFRESH_TOKEN")
	}
	var names []string
	if held := c.pool.srv.refreshTokens[sha256.Sum256([]byte(token))]; held != nil {
		names = []string{held.session.user.username, held.session.user.sub}
	}
	if err := c.checkSecretHash(parameters["SECRET_HASH"], names...); err != nil {
		return nil, err
	}
	return c.refresh(token)
}

// checkSecretHash checks SECRET_HASH against any of the names that the user
// goes by: Base64(HMAC-SHA256(secret, name + client id)) (developer guide,
// "Computing secret hash values").
func (c *client) checkSecretHash(hash string, names ...string) error {
	if c.secret == "" && hash == "" {
		return nil
	}
	if hash == "" {
		return notAuthorized("Client %s is configured with secret but SECRET_HASH was not received", c.id)
	}
	for _, name := range names {
		mac := hmac.New(sha256.New, []byte(c.secret))
		mac.Write([]byte(name + c.id))
		want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if c.secret != "" && hmac.Equal([]byte(hash), []byte(want)) {
			return nil
		}
	}
	return notAuthorized("Unable to verify secret hash for client %s", c.id)
}

type getTokensInput struct {
	RefreshToken string `required:"true"`
	ClientId     string `required:"true"`
	ClientSecret string
}

func getTokensFromRefreshToken(c *call, in getTokensInput) (any, error) {
	tokens, err := c.srv.issue(func() (*issuance, error) {
		client, err := c.srv.client(in.ClientId)
		if err != nil {
			return nil, err
		}
		if !client.authenticates(in.ClientSecret) {
			return nil, notAuthorized("Unable to verify the secret of client %s", in.ClientId)
		}
		return client.refresh(in.RefreshToken)
	})
	if err != nil {
		return nil, err
	}
	out := newAuthOutput(tokens)
	return map[string]any{"AuthenticationResult": out.AuthenticationResult}, nil
}
