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
	label      string   // in metrics
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
	folded        map[string]string  // by folded path: a path that has rules
	// longestLen is the length of the longest of these paths, so that a long path
	// of many segments is not looked up segment by segment.
	longestLen int
}

func newRules(configured []Rule) *rules {
	rs := &rules{
		exact: make(map[string][]*rule), prefix: make(map[string][]*rule), folded: make(map[string]string),
	}
	for i, c := range configured {
		r := &rule{
			requirement: c.requirement(),
			path:        c.Path, label: c.label(i), methods: c.Methods, anonymous: c.Anonymous,
			stale: c.stale(), reportOnly: c.ReportOnly,
		}
		path := strings.TrimSuffix(c.Path, "/")
		if c.Exact {
			rs.exact[path] = append(rs.exact[path], r)
		} else {
			rs.prefix[path] = append(rs.prefix[path], r)
		}
		folded := fold(path)
		rs.folded[folded] = path
		rs.longestLen = max(rs.longestLen, len(path), len(folded))
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
	if rs.readsOtherwise(path, at) {
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
	for at = rs.within(path); ; at = parent(at) {
		if list, found := rs.prefix[at]; found {
			return list, at
		}
		if at == "" {
			return nil, "none"
		}
	}
}

// readsOtherwise reports whether an upstream that is less particular than the
// gate would take path for one with other rules than those of at: /ADMIN,
// /admin. and /admin%20 for /admin, or /admin.json for the same in another
// format. A path that has rules under this very name is meant.
func (rs *rules) readsOtherwise(path, at string) bool {
	plain := fold(path)
	if rs.longestFolded(plain) != at {
		return true
	}
	if path == at {
		return false
	}
	name := strings.LastIndexByte(plain, '/') + 1
	for _, dot := range []int{strings.IndexByte(plain[name:], '.'), strings.LastIndexByte(plain[name:], '.')} {
		if dot > 0 && rs.longestFolded(strings.TrimRight(plain[:name+dot], " ")) != at {
			return true
		}
	}
	return false
}

// longestFolded is the path that longest would return for a folded path, if
// paths were not told apart that fold into the same.
func (rs *rules) longestFolded(path string) string {
	whole := len(path) <= rs.longestLen
	for at := rs.within(path); ; at = parent(at) {
		if configured, found := rs.folded[at]; found && (whole || rs.prefix[configured] != nil) {
			return configured
		}
		if at == "" {
			return "none"
		}
		whole = false
	}
}

// within returns path, or the longest path that contains it and may have rules.
func (rs *rules) within(path string) string {
	if len(path) <= rs.longestLen {
		return path
	}
	return path[:max(0, strings.LastIndexByte(path[:rs.longestLen+1], '/'))]
}

func parent(path string) string { return path[:strings.LastIndexByte(path, '/')] }

// fold makes paths equal that some upstreams take for the same: what differs in
// case only (ToUpper comes first for letters such as U+017F, whose upper case
// is S), and what differs in dots and blanks at the end of a segment, which
// Windows removes.
func fold(path string) string {
	path = strings.ToLower(strings.ToUpper(path))
	if !strings.ContainsAny(path, ". ") {
		return path
	}
	var out strings.Builder
	for segment := range strings.SplitSeq(path, "/") {
		if segment = strings.TrimRight(segment, ". "); segment != "" {
			out.WriteByte('/')
			out.WriteString(segment)
		}
	}
	return out.String()
}
