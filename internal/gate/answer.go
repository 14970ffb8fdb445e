package gate

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// identityHeaders are set for the upstream, or removed: a client can't send
// them. Values that are no plain text are percent-encoded.
var identityHeaders = []string{
	"X-Auth-Subject", "X-Auth-Username", "X-Auth-Client", "X-Auth-Pool", "X-Auth-Session",
	"X-Auth-Scopes", "X-Auth-Groups", "X-Auth-Expires",
}

// identity returns a value for each of identityHeaders, "" for those that the
// token does not have; tok may be nil.
func identity(tok *validator.Verified) []string {
	if tok == nil {
		return make([]string, len(identityHeaders))
	}
	claims := tok.Token()
	groups := make([]string, len(claims.Groups))
	for i, g := range claims.Groups {
		groups[i] = headerText(g, ",")
	}
	return []string{
		headerText(claims.Subject, ""), headerText(tok.Username(), ""), headerText(claims.ClientID, ""),
		headerText(claims.Pool, ""), headerText(claims.OriginJTI, ""),
		headerText(strings.Join(tok.Scopes(), " "), ""), strings.Join(groups, ","),
		strconv.FormatInt(claims.ExpiresAt, 10),
	}
}

// headerText percent-encodes what could break out of a header or of a list
// separated by one of seps: controls, characters beyond ASCII, blanks at the
// ends, and the percent sign.
func headerText(s, seps string) string {
	plain := func(i int) bool {
		c := s[i]
		if c == ' ' {
			return i > 0 && i < len(s)-1
		}
		return c > ' ' && c <= '~' && c != '%' && strings.IndexByte(seps, c) < 0
	}
	var out strings.Builder
	for i := range len(s) {
		if plain(i) {
			out.WriteByte(s[i])
		} else {
			const hex = "0123456789ABCDEF"
			out.Write([]byte{'%', hex[s[i]>>4], hex[s[i]&15]})
		}
	}
	return out.String()
}

// refusal is the answer to a request that is not allowed.
func (v verdict) refusal(realm string) httpauth.Refusal {
	switch v.outcome {
	case outcomeNoRule, outcomeAmbiguous, outcomeUndescribed:
		body, _ := json.Marshal(problem{"about:blank", "Forbidden", http.StatusForbidden, "The request is not allowed here."})
		return httpauth.Refusal{Status: http.StatusForbidden, Body: append(body, '\n'), Header: http.Header{
			"Cache-Control": {"no-store"}, "Content-Type": {"application/problem+json"},
		}}
	}
	return httpauth.NewRefusal(v.reason, realm, v.scopes)
}

// problem is the body of an error (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}
