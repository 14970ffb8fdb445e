package httpauth

import (
	"net/http"
	"strings"

	"github.com/seed-4e8dee1b/revoked/validator"
)

// bearer returns the bearer token of a request (RFC 6750, section 2.1), or the
// reason why there is none: [validator.ReasonNoCredentials] also if the header
// is for another scheme, [validator.ReasonInvalidRequest] if there are two, of
// which another hop might read the other one, and
// [validator.ReasonMalformed] if what follows the scheme is no b64token.
func bearer(header http.Header) (string, validator.Reason) {
	values := header.Values("Authorization")
	switch len(values) {
	case 0:
		return "", validator.ReasonNoCredentials
	case 1:
	default:
		return "", validator.ReasonInvalidRequest
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	// RFC 9110, section 11.1: the scheme is case-insensitive.
	if !strings.EqualFold(scheme, "Bearer") {
		return "", validator.ReasonNoCredentials
	}
	token = strings.TrimLeft(token, " ") // 1*SP
	if !b64token(token) {
		return "", validator.ReasonMalformed
	}
	return token, validator.ReasonOK
}

// b64token reports whether s is 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" /
// "+" / "/" ) *"=".
func b64token(s string) bool {
	s = strings.TrimRight(s, "=")
	for _, c := range []byte(s) {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && !strings.ContainsRune("-._~+/", rune(c)) {
			return false
		}
	}
	return s != ""
}
