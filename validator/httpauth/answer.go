package httpauth

import (
	"encoding/json"
	"fmt"
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

// refuse writes the answer to a reason.
func (a *Auth) refuse(w http.ResponseWriter, reason validator.Reason, scopes []string) {
	ans := answerTo(reason)
	header := w.Header()
	if ans.status == http.StatusServiceUnavailable {
		header.Set("Retry-After", retryAfter)
	} else {
		header.Set("WWW-Authenticate", a.challenge(ans, scopes))
	}
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/problem+json")
	w.WriteHeader(ans.status)
	// The client is gone if this fails, and the verdict is counted.
	_ = json.NewEncoder(w).Encode(problem{"about:blank", http.StatusText(ans.status), ans.status, ans.detail})
}

// challenge returns the WWW-Authenticate header (RFC 6750, section 3). All of
// its values come from the configuration, which [New] has checked.
func (a *Auth) challenge(ans answer, scopes []string) string {
	text := fmt.Sprintf(`Bearer realm="%s"`, a.cfg.Realm)
	if ans.error != "" {
		text += fmt.Sprintf(`, error="%s", error_description="%s"`, ans.error, ans.detail)
	}
	if len(scopes) > 0 {
		text += fmt.Sprintf(`, scope="%s"`, strings.Join(scopes, " "))
	}
	return text
}
