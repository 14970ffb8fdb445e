package validator

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Verified is a token that passed every check before the denylist. It never
// changes, and its methods hand out copies, so it may be shared.
type Verified struct {
	token      revocation.Token
	use        TokenUse
	scopes     []string
	claims     map[string]any
	pool       *pool
	notBefore  int64 // nbf, 0 if absent
	unenforced error
}

// Token returns what a denylist compares.
func (t *Verified) Token() revocation.Token {
	tok := t.token
	tok.Groups = slices.Clone(tok.Groups)
	return tok
}

// Use returns the token_use claim.
func (t *Verified) Use() TokenUse { return t.use }

// ExpiresAt returns exp: the token is refused at and after this time plus
// [Config.Skew] (RFC 7519, section 4.1.4).
func (t *Verified) ExpiresAt() time.Time { return time.Unix(t.token.ExpiresAt, 0) }

// Username returns username of an access token or cognito:username of an ID
// token. It is empty in the tokens of machines. It may be an e-mail address or
// a telephone number: keep it out of logs.
func (t *Verified) Username() string {
	name := "username"
	if t.use == IDToken {
		name = "cognito:username"
	}
	username, _ := t.claims[name].(string)
	return username
}

// Scopes returns the elements of the scope claim. ID tokens have none.
func (t *Verified) Scopes() []string { return slices.Clone(t.scopes) }

// HasScope reports whether scope is one of them.
func (t *Verified) HasScope(scope string) bool { return slices.Contains(t.scopes, scope) }

// RequireScopes returns a [*ScopeError] unless the token has all of the
// scopes, for a route that needs more than its pool's RequiredScopes.
func (t *Verified) RequireScopes(scopes ...string) error {
	for _, scope := range scopes {
		if !t.HasScope(scope) {
			return &ScopeError{Scopes: slices.Clone(scopes)}
		}
	}
	return nil
}

// Claim returns a claim by its name, and whether the token has it. Strings
// and booleans are themselves, numbers are json.Number, null is nil, lists are
// []any and objects map[string]any, which the caller may keep and change.
func (t *Verified) Claim(name string) (any, bool) {
	value, present := t.claims[name]
	return deepCopy(value), present
}

// Unenforced returns the verdict of the denylist that [Config.ReportOnly] kept
// from refusing this token in this call, and nil for any other token.
func (t *Verified) Unenforced() error { return t.unenforced }

func deepCopy(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i, elem := range value {
			list[i] = deepCopy(elem)
		}
		return list
	case map[string]any:
		object := maps.Clone(value)
		for name, member := range object {
			object[name] = deepCopy(member)
		}
		return object
	}
	return value
}

// scopesOf splits the scope claim (RFC 6749, section 3.3).
func scopesOf(claim string) []string {
	return slices.DeleteFunc(strings.Split(claim, " "), func(s string) bool { return s == "" })
}
