package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// maxReason bounds the reason, in bytes.
const maxReason = 512

// order is a checked request for a revocation. Either id or token is set.
type order struct {
	kind        revocation.Kind
	pool        string
	id          string
	token       string
	expiresAt   int64 // Unix seconds; 0 if not given
	skipCognito bool
	reason      string
}

// readJSON returns the body of a request with a JSON document.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, &problem{
			Type: ProblemMediaType, Status: http.StatusUnsupportedMediaType, Detail: "The Content-Type is not application/json.",
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		p := &problem{Type: ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Detail: "The body is larger than 64 KiB."}
		// What was read shows where it broke off.
		if _, broken := readMembers(bytes.ToValidUTF8(body, nil)); broken != nil {
			p.Field = broken.Field
		}
		return nil, p
	}
	if err != nil {
		return nil, malformed("", "The body could not be read.")
	}
	return body, nil
}

// orderFields are the members of a request.
var orderFields = []string{"kind", "pool", "id", "token", "expires_at", "cognito", "reason"}

// readMembers reads a flat JSON object of strings. Members that are unknown,
// repeated or empty are refused, as is anything after the object: a request
// that is not understood to the letter must not be carried out in part.
func readMembers(body []byte) (map[string]string, *problem) {
	// encoding/json replaces what is not UTF-8, and ids are compared by bytes.
	if !utf8.Valid(body) {
		return nil, malformed("", "The body is not UTF-8.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, malformed("", "The body is not a JSON object.")
	}
	members := make(map[string]string, len(orderFields))
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, malformed("", "The body is not a JSON object.")
		}
		if !slices.Contains(orderFields, name) {
			return nil, malformed("", "The body has an unknown member. Members are "+strings.Join(orderFields, ", ")+".")
		}
		if _, twice := members[name]; twice {
			return nil, malformed(name, "The member is repeated.")
		}
		var value *string
		if err := dec.Decode(&value); err != nil || value == nil {
			return nil, malformed(name, "The member is not a JSON string.")
		}
		members[name] = *value
	}
	if _, err := dec.Token(); err != nil {
		return nil, malformed("", "The body is not a JSON object.")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("", "There is something after the JSON object.")
	}
	return members, nil
}

// parseOrder reads and checks a request for a revocation.
func parseOrder(body []byte) (order, error) {
	members, broken := readMembers(body)
	if broken != nil {
		return order{}, broken
	}
	for _, name := range orderFields {
		value, given := members[name]
		if !given {
			continue
		}
		if detail := wrongText(value); detail != "" {
			return order{}, unprocessable(ProblemInvalidField, name, detail)
		}
	}
	o := order{pool: members["pool"], id: members["id"], token: members["token"], reason: members["reason"]}
	var err error
	if o.kind, err = parseKind(members["kind"]); err != nil {
		return order{}, err
	}
	switch {
	case o.id == "" && o.token == "":
		return order{}, unprocessable(ProblemInvalidField, "id", "Either id or token is needed.")
	case o.id != "" && o.token != "":
		return order{}, unprocessable(ProblemInvalidField, "id", "Give either id or token, not both.")
	case len(o.id) > revocation.MaxIDLength:
		return order{}, unprocessable(ProblemInvalidField, "id", fmt.Sprintf("The id is longer than %d bytes.", revocation.MaxIDLength))
	case strings.HasPrefix(o.id, "eyJ") && strings.Count(o.id, ".") >= 2:
		// A target is shown to operators and published to nodes.
		return order{}, unprocessable(ProblemInvalidField, "id", "The id looks like a token: send it as token.")
	case len(o.reason) > maxReason:
		return order{}, unprocessable(ProblemInvalidField, "reason", fmt.Sprintf("The reason is longer than %d bytes.", maxReason))
	}
	if text, given := members["expires_at"]; given {
		if o.expiresAt, err = parseExpiry(text, o); err != nil {
			return order{}, err
		}
	}
	if mode, given := members["cognito"]; given {
		if mode != "skip" {
			return order{}, unprocessable(ProblemInvalidField, "cognito", `The only value is "skip": the caller has told Cognito already.`)
		}
		o.skipCognito = true
	}
	return o, nil
}

// wrongText says what is wrong with any text of a request; "" if nothing.
func wrongText(s string) string {
	switch {
	case s == "":
		return "The field is empty: leave it out."
	case strings.TrimSpace(s) != s:
		return "The field begins or ends with white space."
	case strings.ContainsFunc(s, unicode.IsControl):
		return "The field has a control character."
	case strings.ContainsRune(s, utf8.RuneError):
		return "The field has a character that is not Unicode." // such as half of a surrogate pair
	}
	return ""
}

// kinds that may be asked for by this API.
var orderKinds = []revocation.Kind{revocation.KindToken, revocation.KindSession, revocation.KindUser}

func parseKind(name string) (revocation.Kind, error) {
	kind, err := revocation.ParseKind(name)
	if err != nil || !slices.Contains(orderKinds, kind) {
		return 0, unprocessable(ProblemUnknownKind, "kind", "The kind is one of token, session, user.")
	}
	return kind, nil
}

// parseExpiry rounds up to whole seconds, so that nothing expires too early.
func parseExpiry(text string, o order) (int64, error) {
	switch {
	case o.kind != revocation.KindToken:
		return 0, unprocessable(ProblemInvalidField, "expires_at", "It goes with kind token only.")
	case o.token != "":
		return 0, unprocessable(ProblemInvalidField, "expires_at", "The token says itself when it expires.")
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, unprocessable(ProblemInvalidField, "expires_at", "It is not a time such as 2030-01-02T15:04:05Z.")
	}
	seconds := t.Unix()
	if t.Nanosecond() > 0 {
		seconds++
	}
	if seconds <= 0 { // 0 would mean "not given"
		return 0, unprocessable(ProblemInvalidField, "expires_at", "It has passed.")
	}
	return seconds, nil
}
