package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

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
