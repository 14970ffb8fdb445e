package cognitotest

type authCode struct{}
type browserSession struct{}
