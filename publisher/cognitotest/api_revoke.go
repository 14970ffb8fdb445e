package cognitotest

import "regexp"

// tokenPattern is TokenModelType of the service model.
var tokenPattern = regexp.MustCompile(`^[A-Za-z0-9\-_=.]+$`)

type revokeTokenInput struct {
	Token        string `required:"true"`
	ClientId     string `required:"true"`
	ClientSecret string
}

func revokeToken(c *call, in revokeTokenInput) (any, error) {
	if !tokenPattern.MatchString(in.Token) {
		return nil, invalidParameter("1 validation error detected: Value at 'token' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9-_=.]+")
	}
	client := c.srv.clients[in.ClientId]
	if client == nil {
		// The API declares no ResourceNotFoundException for this call.
		return nil, errClientSecret
	}
	return nil, client.revoke(in.ClientSecret, in.Token)
}

type accessTokenInput struct {
	AccessToken string `required:"true"`
}

func globalSignOut(c *call, in accessTokenInput) (any, error) {
	u, err := c.srv.selfService(in.AccessToken)
	if err != nil {
		return nil, err
	}
	u.signOut()
	return nil, nil
}

type userInput struct {
	UserPoolId string `required:"true"`
	Username   string `required:"true"`
}

// user looks up the user that an Admin call names.
func (c *call) user(in userInput) (*user, error) {
	p, err := c.srv.pool(in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return p.user(in.Username)
}

// changingUser is an Admin call that changes one user and answers nothing.
func changingUser(change func(*user)) func(*call) (any, error) {
	return locked(func(c *call, in userInput) (any, error) {
		u, err := c.user(in)
		if err == nil {
			change(u)
		}
		return nil, err
	})
}
