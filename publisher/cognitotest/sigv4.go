package cognitotest

import "regexp"

// signaturePattern is an Authorization header of AWS Signature Version 4.
var signaturePattern = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=[^/\s]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}$`)

// signatureRegion returns the Region that a signature is for. The emulator
// knows no secret keys, so it checks the form and the scope, not the
// signature: a caller that forgot to sign or signs for another service is
// found out, a caller with the wrong key is not.
func signatureRegion(authorization string) (string, error) {
	if authorization == "" {
		return "", &Error{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	}
	m := signaturePattern.FindStringSubmatch(authorization)
	if m == nil {
		return "", &Error{Code: "IncompleteSignatureException", Message: "The Authorization header is not of AWS Signature Version 4"}
	}
	if m[2] != "cognito-idp" {
		return "", &Error{Code: "InvalidSignatureException", Message: "Credential should be scoped to correct service: 'cognito-idp'."}
	}
	return m[1], nil
}
