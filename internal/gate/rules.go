package gate

import (
	"errors"
	"slices"
	"strings"

	"github.com/seed-4e8dee1b/revoked/validator"
)

var errNoRule = errors.New("no rule for this request")

// requirement is what a token must be for a request, on top of being valid.
type requirement struct {
	pools, clients []string // nil: all that are configured
	uses           []validator.TokenUse
	scopes, groups []string
}

// check returns [validator.ReasonOK], or the reason to refuse tok.
func (q requirement) check(tok *validator.Verified) validator.Reason {
	claims := tok.Token()
	switch {
	case q.pools != nil && !slices.Contains(q.pools, claims.Pool):
		return validator.ReasonWrongIssuer
	case !slices.Contains(q.uses, tok.Use()):
		return validator.ReasonWrongUse
	case q.clients != nil && !slices.Contains(q.clients, claims.ClientID):
		return validator.ReasonWrongClient
	case tok.RequireScopes(q.scopes...) != nil:
		return validator.ReasonMissingScope
	}
	inGroup := func(group string) bool { return slices.Contains(q.groups, group) }
	if len(q.groups) > 0 && !slices.ContainsFunc(claims.Groups, inGroup) {
		return validator.ReasonMissingScope
	}
	return validator.ReasonOK
}

// rule is a checked [Rule].
type rule struct {
	requirement
	path       string
	methods    []string // nil: all that no other rule of the path has
	anonymous  bool
	stale      validator.StalePolicy
	reportOnly bool
}

// rules are found by path. The longest path decides, so the order of the
// configuration means nothing; no shorter path is asked if none of the rules
// of the longest takes the method.
type rules struct {
	exact, prefix map[string][]*rule // by path, "" for the root
	folded        map[string]string  // by path in lower case: a path that has rules
}

func newRules(configured []Rule) *rules {
	rs := &rules{
		exact: make(map[string][]*rule), prefix: make(map[string][]*rule), folded: make(map[string]string),
	}
	for _, c := range configured {
		r := &rule{
			requirement: c.requirement(),
			path:        c.Path, methods: c.Methods, anonymous: c.Anonymous,
			stale: c.stale(), reportOnly: c.ReportOnly,
		}
		path := strings.TrimSuffix(c.Path, "/")
		if c.Exact {
			rs.exact[path] = append(rs.exact[path], r)
		} else {
			rs.prefix[path] = append(rs.prefix[path], r)
		}
		rs.folded[strings.ToLower(path)] = path
	}
	return rs
}

// find returns the rule for a request. The error is errAmbiguous or errNoRule.
func (rs *rules) find(method, target string) (*rule, error) {
	if method == "" || method != strings.ToUpper(method) {
		return nil, errAmbiguous
	}
	path, err := cleanPath(target)
	if err != nil {
		return nil, err
	}
	list, at := rs.longest(path)
	// An upstream that does not tell cases apart would serve /ADMIN as
	// /admin.
	if rs.longestFolded(strings.ToLower(path)) != at {
		return nil, errAmbiguous
	}
	for _, r := range list {
		if slices.Contains(r.methods, method) {
			return r, nil
		}
	}
	for _, r := range list {
		if r.methods == nil {
			return r, nil
		}
	}
	return nil, errNoRule
}

// longest returns the rules of the longest configured path that is path or
// contains it, and that path; "none" is not one.
func (rs *rules) longest(path string) (list []*rule, at string) {
	if list, found := rs.exact[path]; found {
		return list, path
	}
	for at = path; ; at = at[:strings.LastIndexByte(at, '/')] {
		if list, found := rs.prefix[at]; found {
			return list, at
		}
		if at == "" {
			return nil, "none"
		}
	}
}

// longestFolded is the path that longest would return if cases were not told
// apart. path is in lower case.
func (rs *rules) longestFolded(path string) string {
	whole := true
	for at := path; ; at = at[:strings.LastIndexByte(at, '/')] {
		if configured, found := rs.folded[at]; found && (whole || rs.prefix[configured] != nil) {
			return configured
		}
		if at == "" {
			return "none"
		}
		whole = false
	}
}
