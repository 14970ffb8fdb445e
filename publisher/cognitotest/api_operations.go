package cognitotest

// operations are the calls that the emulator knows.
var operations = map[string]operation{
	"InitiateAuth":              {UserAuthentication, public, decoding(initiateAuth)},
	"AdminInitiateAuth":         {UserAuthentication, signed, decoding(adminInitiateAuth)},
	"GetTokensFromRefreshToken": {UserAuthentication, public, decoding(getTokensFromRefreshToken)},

	"RevokeToken":            {UserToken, public, locked(revokeToken)},
	"GlobalSignOut":          {UserUpdate, public, locked(globalSignOut)},
	"AdminUserGlobalSignOut": {UserUpdate, signed, changingUser((*user).signOut)},
	"AdminDisableUser":       {UserUpdate, signed, changingUser((*user).disable)},
	"AdminEnableUser":        {UserUpdate, signed, changingUser((*user).enable)},
	"AdminDeleteUser":        {UserUpdate, signed, changingUser((*user).delete)},

	"GetUser":              {UserRead, public, locked(getUser)},
	"AdminGetUser":         {UserRead, signed, locked(adminGetUser)},
	"ListUsers":            {UserList, signed, locked(listUsers)},
	"AdminCreateUser":      {UserCreation, signed, locked(adminCreateUser)},
	"AdminSetUserPassword": {UserAccountRecovery, signed, locked(adminSetUserPassword)},

	"CreateGroup":              {UserPoolResourceWrite, signed, locked(createGroup)},
	"AdminAddUserToGroup":      {UserUpdate, signed, locked(adminAddUserToGroup)},
	"AdminRemoveUserFromGroup": {UserUpdate, signed, locked(adminRemoveUserFromGroup)},

	"CreateUserPool":         {UserPoolUpdate, signed, decoding(createUserPool)},
	"DescribeUserPool":       {UserPoolRead, signed, locked(describeUserPool)},
	"CreateUserPoolClient":   {UserPoolClientUpdate, signed, locked(createUserPoolClient)},
	"DescribeUserPoolClient": {UserPoolClientRead, signed, locked(describeUserPoolClient)},
	"UpdateUserPoolClient":   {UserPoolClientUpdate, signed, locked(updateUserPoolClient)},
}
