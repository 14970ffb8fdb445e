package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
)

// oauthError is an error response of RFC 6749, section 5.2, which RFC 7009,
// section 2.2.1 takes over. Description never repeats what was sent.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`

	status     int
	challenge  bool
	retryAfter time.Duration
}

// Error makes it an error, so that the steps of a request can return it.
func (e *oauthError) Error() string { return e.Code + ": " + e.Description }

func invalidRequest(description string) *oauthError {
	return &oauthError{Code: "invalid_request", Description: description, status: http.StatusBadRequest}
}

// invalidClient is 401 with a challenge (RFC 6749, section 5.2).
func invalidClient(description string) *oauthError {
	return &oauthError{Code: "invalid_client", Description: description, status: http.StatusUnauthorized, challenge: true}
}

func unsupportedTokenType(description string) *oauthError {
	return &oauthError{Code: "unsupported_token_type", Description: description, status: http.StatusBadRequest}
}

// oauthErrorOf translates an error of [Revoker] and [Tokens], in one place.
// Whatever went wrong on our side is 503: the token then still counts as
// valid, and the client may try again (RFC 7009, section 2.2.1).
func oauthErrorOf(err error) *oauthError {
	if e, ok := errors.AsType[*oauthError](err); ok {
		return e
	}
	e := &oauthError{
		Code: "temporarily_unavailable", status: http.StatusServiceUnavailable, retryAfter: retryLater,
		Description: "the token was not revoked; repeat the request",
	}
	if errors.Is(err, publisher.ErrNoLearning) {
		return invalidRequest("access_token of the same session is needed beside a refresh token")
	}
	undone, notDurable := errors.AsType[*publisher.NotDurableError](err)
	switch {
	case notDurable && undone.FastOnly:
		e.Description = "the token is denied for up to two minutes, but the revocation is not stored yet; repeat the request"
		e.retryAfter = retrySoon
	case notDurable, errors.Is(err, publisher.ErrBusy):
		e.retryAfter = retrySoon
	}
	return e
}

func (e *oauthError) write(w http.ResponseWriter) {
	if e.challenge {
		w.Header().Set("WWW-Authenticate", `Basic realm="revoked", charset="UTF-8"`)
	}
	setRetryAfter(w, e.retryAfter)
	writeJSON(w, "application/json", e.status, e)
}

// formFields are the parameters of the endpoint. Others are ignored (RFC 6749,
// section 3.1), but no parameter may be there twice.
var formFields = []string{"token", "client_id", "token_type_hint", "access_token", "client_secret"}

// readForm reads the parameters from the body, and from nowhere else: what is
// in a URL ends up in logs.
func readForm(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("parameters belong into the body")
	}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("Content-Type is not application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		e := invalidRequest("the body is larger than 64 KiB")
		e.status = http.StatusRequestEntityTooLarge
		return nil, e
	}
	if err != nil {
		return nil, invalidRequest("the body could not be read")
	}
	return parseForm(string(body))
}

// parseForm returns the parameters that the endpoint knows. Parameters without
// a value count as omitted (RFC 6749, section 3.1).
func parseForm(body string) (map[string]string, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, invalidRequest("the body is not form-urlencoded")
	}
	for _, v := range values {
		if len(v) > 1 {
			return nil, invalidRequest("a parameter is repeated")
		}
	}
	form := make(map[string]string, len(formFields))
	for _, name := range formFields {
		form[name] = values.Get(name)
	}
	if form["client_secret"] != "" {
		return nil, invalidRequest("client_secret belongs into the Authorization header")
	}
	return form, nil
}

// shape is what a token looks like, before anything of it is trusted.
type shape int

const (
	shapeOther   shape = iota
	shapeJWT           // three parts: an access or ID token
	shapeRefresh       // five parts: Cognito's refresh tokens are encrypted (JWE compact serialization, RFC 7516, section 3.1)
)

// shapeOf looks at the number of parts. The characters are those of
// TokenModelType in Cognito's API.
func shapeOf(token string) shape {
	for _, c := range []byte(token) {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && c != '-' && c != '_' && c != '=' && c != '.' {
			return shapeOther
		}
	}
	switch strings.Count(token, ".") {
	case 2:
		return shapeJWT
	case 4:
		return shapeRefresh
	}
	return shapeOther
}
