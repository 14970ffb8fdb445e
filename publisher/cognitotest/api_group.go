package cognitotest

type groupInput struct {
	UserPoolId string `required:"true"`
	GroupName  string `required:"true"`
}

func createGroup(c *call, in groupInput) (any, error) {
	p, err := c.srv.pool(in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if p.groups[in.GroupName] {
		return nil, &Error{Code: "GroupExistsException", Message: "A group with the name already exists."}
	}
	p.groups[in.GroupName] = true
	now := epoch(c.srv.Now())
	return map[string]any{"Group": map[string]any{
		"GroupName": in.GroupName, "UserPoolId": p.id, "CreationDate": now, "LastModifiedDate": now,
	}}, nil
}

type membershipInput struct {
	userInput
	GroupName string `required:"true"`
}

// member looks up the user and the group that a call names.
func (c *call) member(in membershipInput) (*user, error) {
	u, err := c.user(in.userInput)
	if err == nil && !u.pool.groups[in.GroupName] {
		return nil, notFound("Group not found.")
	}
	return u, err
}

func adminAddUserToGroup(c *call, in membershipInput) (any, error) {
	u, err := c.member(in)
	if err != nil {
		return nil, err
	}
	u.groups[in.GroupName] = true
	return nil, nil
}

func adminRemoveUserFromGroup(c *call, in membershipInput) (any, error) {
	u, err := c.member(in)
	if err != nil {
		return nil, err
	}
	delete(u.groups, in.GroupName)
	return nil, nil
}
