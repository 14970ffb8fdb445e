package validator

import "strings"

// ParseBearer returns the bearer token of a request (RFC 6750, section 2.1)
// given the values of its Authorization headers, or the reason why there is
// none: [ReasonNoCredentials] also if the header is for another scheme,
// [ReasonInvalidRequest] if there are two, of which another hop might read the
// other one, and [ReasonMalformed] if what follows the scheme is no b64token.
func ParseBearer(authorization []string) (string, Reason) {
	switch len(authorization) {
	case 0:
		return "", ReasonNoCredentials
	case 1:
	default:
		return "", ReasonInvalidRequest
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	// RFC 9110, section 11.1: the scheme is case-insensitive.
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ReasonNoCredentials
	}
	token = strings.TrimLeft(token, " ") // 1*SP
	if !b64token(token) {
		return "", ReasonMalformed
	}
	return token, ReasonOK
}

// b64token reports whether s is 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" /
// "+" / "/" ) *"=". It reads each token on each request, so it has one load
// and no branch for a byte.
func b64token(s string) bool {
	s = strings.TrimRight(s, "=")
	other := byte(0)
	for i := range len(s) {
		other |= notB64token[s[i]]
	}
	return s != "" && other == 0
}

// notB64token has a 1 for each byte that no b64token has before its padding.
var notB64token = func() (t [256]byte) {
	for c := range t {
		t[c] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		t[c] = 0
	}
	return t
}()
