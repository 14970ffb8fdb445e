package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// maxReason bounds the reason, in bytes.
const maxReason = 512

// order is a checked request for a revocation. Either id or token is set, or
// neither for a whole pool.
type order struct {
	kind          revocation.Kind
	pool          string
	id            string
	token         string
	basis         revocation.Basis
	exceptSession string
	cutoff        int64 // Unix seconds; 0 if not given, as the two below
	expiresAt     int64
	keepUntil     int64
	skipCognito   bool
	wait          members.Want
	waitFor       time.Duration // how long the answer may wait for nodes
	reason        string
}

// readJSON returns the body of a request with a JSON document.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if mediaTypeOf(r) != "application/json" {
		return nil, &problem{
			Type: ProblemMediaType, Status: http.StatusUnsupportedMediaType,
			Detail: "The Content-Type is not one that this resource takes: application/json, or " + ndjson + " for batches of revocations.",
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		p := &problem{Type: ProblemTooLarge, Status: http.StatusRequestEntityTooLarge, Detail: "The body is larger than 64 KiB."}
		// What was read shows where it broke off.
		if _, broken := readMembers(bytes.ToValidUTF8(body, nil), allFields); broken != nil {
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
var orderFields = []string{
	"kind", "pool", "id", "token", "basis", "except_session", "cutoff", "expires_at", "keep_until", "cognito", "wait", "wait_timeout", "reason",
}

// allFields are those of every request with a JSON document.
var allFields = append(slices.Clone(orderFields), "claims")

// readMembers reads a JSON object with some of the fields. Members that are
// unknown or repeated are refused, as is anything after the object: a request
// that is not understood to the letter must not be carried out in part.
func readMembers(body []byte, fields []string) (map[string]json.RawMessage, *problem) {
	// encoding/json replaces what is not UTF-8, and ids are compared by bytes.
	if !utf8.Valid(body) {
		return nil, malformed("", "The body is not UTF-8.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, malformed("", "The body is not a JSON object.")
	}
	members := make(map[string]json.RawMessage, len(fields))
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, malformed("", "The body is not a JSON object.")
		}
		if !slices.Contains(fields, name) {
			return nil, malformed("", "The body has an unknown member. Members are "+strings.Join(fields, ", ")+".")
		}
		if _, twice := members[name]; twice {
			return nil, malformed(name, "The member is repeated.")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, malformed(name, "The member is not JSON.")
		}
		members[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, malformed("", "The body is not a JSON object.")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("", "There is something after the JSON object.")
	}
	return members, nil
}

// textOf returns a member that is a string.
func textOf(members map[string]json.RawMessage, name string) (string, *problem) {
	var value *string
	if err := json.Unmarshal(members[name], &value); err != nil || value == nil {
		return "", malformed(name, "The member is not a JSON string.")
	}
	return *value, nil
}

// readTexts reads a flat JSON object of strings.
func readTexts(body []byte, fields []string) (map[string]string, *problem) {
	members, broken := readMembers(body, fields)
	if broken != nil {
		return nil, broken
	}
	texts := make(map[string]string, len(members))
	for name := range members {
		if texts[name], broken = textOf(members, name); broken != nil {
			return nil, broken
		}
	}
	return texts, nil
}

// parseOrder reads and checks a request for a revocation.
func parseOrder(body []byte) (order, error) {
	texts, broken := readTexts(body, orderFields)
	if broken != nil {
		return order{}, broken
	}
	for _, name := range orderFields {
		value, given := texts[name]
		if !given {
			continue
		}
		if detail := wrongText(value); detail != "" {
			return order{}, unprocessable(ProblemInvalidField, name, detail)
		}
	}
	o := order{
		pool: texts["pool"], id: texts["id"], token: texts["token"],
		exceptSession: texts["except_session"], reason: texts["reason"],
	}
	var err error
	if o.kind, err = parseKind(texts["kind"]); err != nil {
		return order{}, err
	}
	if err := o.checkTarget(); err != nil {
		return order{}, err
	}
	if len(o.reason) > maxReason {
		return order{}, unprocessable(ProblemInvalidField, "reason", fmt.Sprintf("The reason is longer than %d bytes.", maxReason))
	}
	if o.basis, err = parseBasis(texts["basis"]); err != nil {
		return order{}, err
	}
	if err := o.parseTimes(texts); err != nil {
		return order{}, err
	}
	if text, given := texts["wait"]; given {
		if o.wait, err = parseWant(text); err != nil {
			return order{}, err
		}
		o.waitFor = defaultWait
	}
	if text, given := texts["wait_timeout"]; given {
		if o.waitFor, err = parseWaitFor(text, o.wait); err != nil {
			return order{}, err
		}
	}
	if mode, given := texts["cognito"]; given {
		if mode != "skip" {
			return order{}, unprocessable(ProblemInvalidField, "cognito", `The only value is "skip": the caller has told Cognito already.`)
		}
		o.skipCognito = true
	}
	return o, nil
}

// checkTarget checks what names the target.
func (o order) checkTarget() error {
	wrong := func(field, detail string) error { return unprocessable(ProblemInvalidField, field, detail) }
	switch {
	case o.kind == revocation.KindPool && o.id != "":
		return wrong("id", "A pool is named by pool, and takes no id.")
	case o.kind == revocation.KindPool && (o.pool == "") == (o.token == ""):
		// Never the only one that is configured: it must have been meant.
		return wrong("pool", "Name the pool by pool, or by a token of it.")
	case o.kind == revocation.KindPool:
	case o.id == "" && o.token == "":
		return wrong("id", "Either id or token is needed.")
	case o.id != "" && o.token != "":
		return wrong("id", "Give either id or token, not both.")
	case o.kind == revocation.KindGroup && o.token != "":
		return wrong("token", "A token may be of several groups: name the group by id.")
	}
	if o.exceptSession != "" && o.kind != revocation.KindUser {
		return wrong("except_session", "It goes with kind user only.")
	}
	for _, f := range []struct{ field, id string }{{"id", o.id}, {"except_session", o.exceptSession}} {
		switch {
		case len(f.id) > revocation.MaxIDLength:
			return wrong(f.field, fmt.Sprintf("It is longer than %d bytes.", revocation.MaxIDLength))
		case strings.HasPrefix(f.id, "eyJ") && strings.Count(f.id, ".") >= 2:
			// A target is shown to operators and published to nodes.
			return wrong(f.field, "It looks like a token: send it as token, or its claim.")
		}
	}
	return nil
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

func parseKind(name string) (revocation.Kind, error) {
	kind, err := revocation.ParseKind(name)
	if err != nil {
		return 0, unprocessable(ProblemUnknownKind, "kind", "The kind is one of "+kindNames()+".")
	}
	return kind, nil
}

func kindNames() string {
	var names []string
	for _, k := range revocation.Kinds() {
		names = append(names, k.String())
	}
	return strings.Join(names, ", ")
}

// parseBasis leaves to the publisher which kinds have a choice.
func parseBasis(name string) (revocation.Basis, error) {
	switch name {
	case "":
		return revocation.BasisNone, nil
	case revocation.BasisSession.String():
		return revocation.BasisSession, nil
	case revocation.BasisToken.String():
		return revocation.BasisToken, nil
	}
	return 0, unprocessable(ProblemInvalidField, "basis", "The basis is session or token.")
}

// parseTimes reads the three times. An end is rounded up to whole seconds, so
// that nothing ends too early. A cutoff is cut: iat counts whole seconds, so a
// token of the second of the cutoff is refused whichever fraction is given.
func (o *order) parseTimes(members map[string]string) error {
	switch {
	case members["expires_at"] == "":
	case o.kind != revocation.KindToken:
		return unprocessable(ProblemInvalidField, "expires_at", "It goes with kind token only. An end of your own is keep_until.")
	case o.token != "":
		return unprocessable(ProblemInvalidField, "expires_at", "The token says itself when it expires.")
	}
	for _, f := range []struct {
		field string
		up    int64 // what a fraction adds
		to    *int64
	}{{"cutoff", 0, &o.cutoff}, {"expires_at", 1, &o.expiresAt}, {"keep_until", 1, &o.keepUntil}} {
		text, given := members[f.field]
		if !given {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return unprocessable(ProblemInvalidField, f.field, "It is not a time such as 2030-01-02T15:04:05Z.")
		}
		*f.to = t.Unix()
		if t.Nanosecond() > 0 {
			*f.to += f.up
		}
		if *f.to <= 0 { // 0 would mean "not given"
			return unprocessable(ProblemInvalidField, f.field, "It is before 1970.")
		}
	}
	return nil
}
