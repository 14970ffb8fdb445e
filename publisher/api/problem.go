package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// The types of problem documents (RFC 9457, section 3.1.1), as relative
// references. Clients may branch on them; they never change.
const (
	ProblemMalformed     = "/problems/malformed_request"  // 400: not the JSON that is expected
	ProblemUnauthorized  = "/problems/unauthorized"       // 401: no API key or access token, or a wrong one
	ProblemForbidden     = "/problems/forbidden"          // 403: the caller's role may not do this
	ProblemForbiddenHost = "/problems/forbidden_host"     // 403: without API keys only loopback names are served
	ProblemNotFound      = "/problems/not_found"          // 404
	ProblemMethod        = "/problems/method_not_allowed" // 405
	ProblemTooLarge      = "/problems/too_large"          // 413: a body over 64 KiB
	ProblemMediaType     = "/problems/unsupported_media_type"
	ProblemRateLimited   = "/problems/rate_limited"         // 429: more requests than a caller may send
	ProblemUnknownKind   = "/problems/unknown_kind"         // 422: kind is not one that can be asked for
	ProblemUnknownPool   = "/problems/unknown_pool"         // 422: pool is not configured, or must be named
	ProblemInvalidField  = "/problems/invalid_field"        // 422: field says which
	ProblemInvalidToken  = "/problems/invalid_token"        // 422: token is not one of the configured pools
	ProblemNoTokenID     = "/problems/no_token_id"          // 422: the token has no jti
	ProblemNoSessionID   = "/problems/no_session_id"        // 422: the token has no origin_jti; choices says what may be asked for
	ProblemNoDeviceKey   = "/problems/no_device_key"        // 422: the token has no device_key
	ProblemConflict      = "/problems/idempotency_conflict" // 409: the Idempotency-Key was used for another request
	ProblemNotSilent     = "/problems/not_silent"           // 409: a node that reports can't be removed
	ProblemNotDurable    = "/problems/not_durable"          // 503: denied says how far it came
	ProblemUnavailable   = "/problems/unavailable"          // 503: nothing has happened
	ProblemInternal      = "/problems/internal"             // 500
)

// problem is a problem document. Detail never repeats what was sent.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Field names the member of the request, or the query parameter, that is
	// wrong.
	Field string `json:"field,omitempty"`
	// Choices are the kinds that the same token could be revoked by.
	Choices []string `json:"choices,omitempty"`
	// Denied is "fast_only" or "no" for a revocation, "yes" for a lift, and Act
	// the act that was begun.
	Denied string `json:"denied,omitempty"`
	Act    string `json:"act,omitempty"`

	retryAfter time.Duration // 0: not worth repeating
	challenge  string        // of WWW-Authenticate
}

var titles = map[string]string{
	ProblemMalformed:     "The request is malformed",
	ProblemUnauthorized:  "An API key or access token is needed",
	ProblemForbidden:     "The role does not permit this",
	ProblemForbiddenHost: "The host name is not served",
	ProblemRateLimited:   "Too many requests",
	ProblemNotFound:      "Not found",
	ProblemMethod:        "The method is not allowed",
	ProblemTooLarge:      "The request is too large",
	ProblemMediaType:     "The media type is not supported",
	ProblemUnknownKind:   "The kind is unknown",
	ProblemUnknownPool:   "The user pool is unknown",
	ProblemInvalidField:  "A field is invalid",
	ProblemInvalidToken:  "The token is invalid",
	ProblemNoTokenID:     "The token has no id",
	ProblemNoSessionID:   "The token names no session",
	ProblemNoDeviceKey:   "The token names no device",
	ProblemConflict:      "The Idempotency-Key was used for another request",
	ProblemNotSilent:     "The node is not silent",
	ProblemNotDurable:    "The revocation is not durable yet",
	ProblemUnavailable:   "Temporarily unavailable",
	ProblemInternal:      "Internal error",
}

// Error makes a problem an error, so that the steps of a request can return it.
func (p *problem) Error() string { return p.Type + ": " + p.Detail }

func malformed(field, detail string) *problem {
	return &problem{Type: ProblemMalformed, Status: http.StatusBadRequest, Field: field, Detail: detail}
}

func unprocessable(kind, field, detail string) *problem {
	return &problem{Type: kind, Status: http.StatusUnprocessableEntity, Field: field, Detail: detail}
}

// retrySoon is for what a moment mends: an election in NATS takes 4 to 9 s, and
// the request has waited for it already. retryLater is for what takes longer.
const (
	retrySoon  = 2 * time.Second
	retryLater = 5 * time.Second
)

// problemOf translates an error of [Revoker] and [Tokens], in one place.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if wrong, ok := errors.AsType[*publisher.RequestError](err); ok {
		kind, field := ProblemInvalidField, wrong.Field
		switch field {
		case "pool":
			kind = ProblemUnknownPool
		case "target":
			field = "id"
		}
		return unprocessable(kind, field, "The "+field+" "+wrong.Problem+".")
	}
	if crowded, ok := errors.AsType[*publisher.CrowdedError](err); ok {
		return &problem{
			Type: ProblemRateLimited, Status: http.StatusTooManyRequests, retryAfter: crowded.RetryAfter,
			Detail: "The target has a thousand revocations: beyond them one a minute is accepted. What was issued before the newest of them is refused unless they are lifted.",
		}
	}
	if p := problemOfFleet(err); p != nil {
		return p
	}
	if undone, ok := errors.AsType[*publisher.NotDurableError](err); ok {
		p := &problem{
			Type: ProblemNotDurable, Status: http.StatusServiceUnavailable, retryAfter: retrySoon,
			Denied: "no", Act: undone.Act.String(),
			Detail: "The revocation could not be stored in time. Repeat the request.",
		}
		if undone.FastOnly {
			p.Denied = "fast_only"
			p.Detail = "Nodes deny the target for up to two minutes, but it could not be stored in time. Repeat the request."
		}
		return p
	}
	if left, ok := errors.AsType[*publisher.LiftError](err); ok {
		return &problem{
			Type: ProblemNotDurable, Status: http.StatusServiceUnavailable, retryAfter: retrySoon,
			Denied: "yes", Act: left.Left[0].String(),
			Detail: "The lift could not be stored in time: the revocation stands, until the request is repeated with success.",
		}
	}
	switch {
	case errors.Is(err, publisher.ErrOnceConflict):
		return &problem{
			Type: ProblemConflict, Status: http.StatusConflict, Field: "Idempotency-Key",
			Detail: "Within the last 24 hours the caller sent another request with this key. Use a fresh key for each request.",
		}
	case errors.Is(err, publisher.ErrNotFound):
		return &problem{Type: ProblemNotFound, Status: http.StatusNotFound, Detail: "There is no such revocation."}
	case errors.Is(err, ErrInvalidToken):
		return unprocessable(ProblemInvalidToken, "token", "The token is not a properly signed access or ID token of a configured user pool.")
	case errors.Is(err, ErrUnavailable), errors.Is(err, publisher.ErrNotDurable):
		return &problem{
			Type: ProblemUnavailable, Status: http.StatusServiceUnavailable, retryAfter: retryLater,
			Detail: "Nothing has been revoked. Repeat the request.",
		}
	}
	return &problem{Type: ProblemInternal, Status: http.StatusInternalServerError, Detail: "The log of the service has the cause."}
}

// document is the problem as it is sent.
func (p *problem) document() problem {
	doc := *p
	doc.Title = titles[p.Type]
	return doc
}

// write sends the problem.
func (p *problem) write(w http.ResponseWriter) {
	if rec, ok := w.(*recorder); ok {
		rec.problem = p.Type
	}
	doc := p.document()
	setRetryAfter(w, p.retryAfter)
	if p.challenge != "" {
		w.Header().Set("WWW-Authenticate", p.challenge)
	}
	writeJSON(w, "application/problem+json", p.Status, doc)
}

func setRetryAfter(w http.ResponseWriter, after time.Duration) {
	if after > 0 {
		// Whole seconds, and never none.
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(body) //nolint:errcheck // the client may be gone
}
