package api

import (
	"fmt"
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

// orderFields are the members of a request.
var orderFields = []string{
	"kind", "pool", "id", "token", "basis", "except_session", "cutoff", "expires_at", "keep_until", "cognito", "wait", "wait_timeout", "reason",
}

// allFields are those of every request with a JSON document.
var allFields = append(slices.Clone(orderFields), "claims")

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
