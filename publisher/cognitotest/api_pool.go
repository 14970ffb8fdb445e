package cognitotest

type createUserPoolInput struct {
	PoolName string `required:"true"`
}

// createUserPool makes a pool in the Region that the request is signed for.
// Of the settings it honors the name alone.
func createUserPool(c *call, in createUserPoolInput) (any, error) {
	p, err := c.srv.CreatePool(PoolConfig{Name: in.PoolName, Region: c.region})
	if err != nil {
		return nil, err
	}
	return p.describe(), nil
}

type poolInput struct {
	UserPoolId string `required:"true"`
}

func describeUserPool(c *call, in poolInput) (any, error) {
	p, err := c.srv.pool(in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return p.describe(), nil
}

func (p *Pool) describe() any {
	type userPool struct {
		Id               string
		Name             string
		Arn              string
		CreationDate     float64
		LastModifiedDate float64
		MfaConfiguration string
	}
	return struct{ UserPool userPool }{userPool{
		Id:               p.id,
		Name:             p.name,
		Arn:              "arn:aws:cognito-idp:" + p.region + ":123456789012:userpool/" + p.id,
		CreationDate:     epoch(p.created),
		LastModifiedDate: epoch(p.created),
		MfaConfiguration: "OFF",
	}}
}
