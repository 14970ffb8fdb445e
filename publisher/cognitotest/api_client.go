package cognitotest

type clientInput struct {
	UserPoolId string `required:"true"`
	ClientId   string `required:"true"`
}

// client looks up the client that a call names.
func (c *call) client(in clientInput) (*client, error) {
	p, err := c.srv.pool(in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return p.client(in.ClientId)
}

// userPoolClient is a client as Describe shows it.
type userPoolClient struct {
	UserPoolId       string
	ClientId         string
	ClientSecret     string `json:",omitempty"`
	CreationDate     float64
	LastModifiedDate float64
	clientSettings
}

func (c *client) describe() any {
	return struct{ UserPoolClient userPoolClient }{userPoolClient{
		UserPoolId:       c.pool.id,
		ClientId:         c.id,
		ClientSecret:     c.secret,
		CreationDate:     epoch(c.created),
		LastModifiedDate: epoch(c.modified),
		clientSettings:   c.settings,
	}}
}

type createUserPoolClientInput struct {
	UserPoolId     string `required:"true"`
	GenerateSecret bool
	ClientSecret   string
	clientSettings
}

func createUserPoolClient(c *call, in createUserPoolClientInput) (any, error) {
	p, err := c.srv.pool(in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if in.ClientName == "" {
		return nil, missingParameter("clientName")
	}
	settings := in.withAPIDefaults()
	if err := settings.checkRanges(); err != nil {
		return nil, err
	}
	if in.GenerateSecret && in.ClientSecret == "" {
		in.ClientSecret = randomString(51, lowerAlphanumerics)
	}
	client, err := p.addClient(randomString(26, lowerAlphanumerics), in.ClientSecret, settings)
	if err != nil {
		return nil, err
	}
	return client.describe(), nil
}

func describeUserPoolClient(c *call, in clientInput) (any, error) {
	client, err := c.client(in)
	if err != nil {
		return nil, err
	}
	return client.describe(), nil
}

type updateUserPoolClientInput struct {
	clientInput
	clientSettings
}

// updateUserPoolClient replaces all settings: what the request leaves out
// falls back to its default (API Reference, UpdateUserPoolClient). Only the
// name, which is no setting, is kept.
func updateUserPoolClient(c *call, in updateUserPoolClientInput) (any, error) {
	client, err := c.client(in.clientInput)
	if err != nil {
		return nil, err
	}
	settings := in.withAPIDefaults()
	if settings.ClientName == "" {
		settings.ClientName = client.settings.ClientName
	}
	if err := settings.checkRanges(); err != nil {
		return nil, err
	}
	if err := settings.check(client.secret != ""); err != nil {
		return nil, err
	}
	client.settings, client.modified = settings, c.srv.Now()
	return client.describe(), nil
}
