package httpauth

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/seed-4e8dee1b/revoked/validator"
)

// retryAfter is in seconds: longer than one tick of the stream, by which a
// denylist that was cut off for a moment knows that it is current again.
const retryAfter = "5"

// problem is the body of every refusal (RFC 9457). Its type is about:blank:
// the status says it all, and the challenge has the rest.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// answer is how a reason is told to a client.
type answer struct {
	status int
	error  string // RFC 6750, section 3.1; empty: none
	detail string
}

// answerTo maps the verdict to the transport, for every reason at once.
func answerTo(reason validator.Reason) answer {
	switch reason {
	case validator.ReasonNoCredentials:
		// RFC 6750, section 3.1: no error information for a request without
		// any authentication.
		return answer{http.StatusUnauthorized, "", "The request needs a bearer token."}
	case validator.ReasonInvalidRequest:
		return answer{http.StatusBadRequest, "invalid_request", "The request has more than one Authorization header."}
	case validator.ReasonMissingScope:
		return answer{http.StatusForbidden, "insufficient_scope", "The access token does not allow this request."}
	case validator.ReasonStale, validator.ReasonNoKeys, validator.ReasonOther:
		return answer{http.StatusServiceUnavailable, "", "The access token cannot be checked at the moment."}
	}
	return answer{http.StatusUnauthorized, "invalid_token", "The access token is invalid, expired or revoked."}
}

// Refusal is the answer to a request that is not served, for transports that
// only carry HTTP, as proxies' authorization requests do.
type Refusal struct {
	Status int
	Header http.Header
	Body   []byte
}

// NewRefusal returns the answer to a reason; [validator.ReasonOK] has none.
// realm must be fit for a quoted string, and scopes, which the request needs,
// for [validator.CheckScopes].
func NewRefusal(reason validator.Reason, realm string, scopes []string) Refusal {
	ans := answerTo(reason)
	header := make(http.Header)
	if ans.status == http.StatusServiceUnavailable {
		header.Set("Retry-After", retryAfter)
	} else {
		header.Set("WWW-Authenticate", challenge(ans, realm, scopes))
	}
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/problem+json")
	// A struct of strings and a number can be marshaled.
	body, _ := json.Marshal(problem{"about:blank", http.StatusText(ans.status), ans.status, ans.detail})
	return Refusal{ans.status, header, append(body, '\n')}
}

// Write writes the answer.
func (r Refusal) Write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.Header)
	w.WriteHeader(r.Status)
	// The client is gone if this fails, and the verdict is counted.
	_, _ = w.Write(r.Body)
}

// challenge returns the WWW-Authenticate header (RFC 6750, section 3). All of
// its values come from the configuration, which was checked.
func challenge(ans answer, realm string, scopes []string) string {
	text := fmt.Sprintf(`Bearer realm="%s"`, realm)
	if ans.error != "" {
		text += fmt.Sprintf(`, error="%s", error_description="%s"`, ans.error, ans.detail)
	}
	if len(scopes) > 0 {
		text += fmt.Sprintf(`, scope="%s"`, strings.Join(scopes, " "))
	}
	return text
}
