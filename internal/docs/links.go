package docs

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// testName is the name of a test, a fuzz target or a benchmark, maybe with a
// subtest.
var testName = regexp.MustCompile(`^((?:Test|Fuzz|Benchmark|Example)[A-Z_][A-Za-z0-9_]*)(/.*)?$`)

// Links finds links into the repository that lead nowhere: to no file, to no
// heading of a page, or, if the text of the link is the name of a test, to a
// file that does not have it.
func (r *Repo) Links() []Problem {
	var found []Problem
	for _, p := range r.Pages {
		for _, l := range p.links {
			if why := r.follow(p, l); why != "" {
				found = append(found, Problem{p.Path, l.line, fmt.Sprintf("the link [%s](%s): %s", l.text, l.target, why)})
			}
		}
	}
	return found
}

// follow returns why a link leads nowhere, or "".
func (r *Repo) follow(from *Page, l link) string {
	u, err := url.Parse(l.target)
	if err != nil {
		return err.Error()
	}
	if u.Scheme != "" {
		if u.Scheme != "https" && !strings.HasPrefix(l.target, "http://localhost") {
			return "use https"
		}
		return "" // what others publish is not ours to test
	}
	target := from.Path
	if u.Path != "" {
		target = path.Join(path.Dir(from.Path), u.Path)
	}
	name := filepath.Join(r.root, filepath.FromSlash(target))
	if _, err := os.Stat(name); err != nil || strings.HasPrefix(target, "..") {
		return "there is no such file"
	}
	if page := r.Page(target); page != nil && u.Fragment != "" && !page.ids[u.Fragment] {
		return "that page has no such heading"
	}
	if m := testName.FindStringSubmatch(l.text); m != nil && strings.HasSuffix(target, "_test.go") {
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), "func "+m[1]+"(") {
			return "that file has no such test"
		}
	}
	return ""
}
