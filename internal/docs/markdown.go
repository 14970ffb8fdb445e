package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Repo is a checkout with the Markdown files in it.
type Repo struct {
	root  string
	Pages []*Page
}

// Page is one Markdown file.
type Page struct {
	Path   string // from the root, with slashes
	Blocks []Block
	Spans  []Span // code in backticks, outside blocks
	links  []link
	ids    map[string]bool
	titles []string
}

// Block is one fenced block of code.
type Block struct {
	Line int // of its first line of text
	Info string
	Text string // without the indentation of the fence
}

// Span is code within a line.
type Span struct {
	Line int
	Text string
}

type link struct {
	line         int
	text, target string
}

// Problem is something that a page says and that is not so.
type Problem struct {
	Page string
	Line int
	What string
}

// String has the place first, as compilers do.
func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.Page, p.Line, p.What) }

// Open reads all Markdown files below root that do not lie in hidden folders.
func Open(root string) (*Repo, error) {
	r := &Repo{root: root}
	err := r.walk(func(path string) error {
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err == nil {
			r.Pages = append(r.Pages, Parse(path, string(text)))
		}
		return err
	})
	return r, err
}

// walk calls visit for each file that belongs to the repository.
func (r *Repo) walk(visit func(path string) error) error {
	return filepath.WalkDir(r.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if skipped := slices.Contains([]string{"bin", "dist"}, rel) || d.Name() == "node_modules" || rel != "." && strings.HasPrefix(d.Name(), "."); skipped {
				return filepath.SkipDir
			}
			return nil
		}
		return visit(rel)
	})
}

// Page returns the page at path, or nil.
func (r *Repo) Page(path string) *Page {
	for _, p := range r.Pages {
		if p.Path == path {
			return p
		}
	}
	return nil
}

var (
	fence    = regexp.MustCompile("^( *)(```+)(.*)$")
	heading  = regexp.MustCompile(`^#{1,6} +(.*?) *#*$`)
	anchor   = regexp.MustCompile(`<a (?:name|id)="([^"]+)">`)
	inline   = regexp.MustCompile("``([^`].*?)``|`([^`]+)`")
	linked   = regexp.MustCompile(`\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+(?:\([^()\s]*\))?)\)`)
	refDef   = regexp.MustCompile(`^\[([^\]]+)\]: +(\S+)`)
	emphasis = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)|[*` + "`" + `]`)
)

// Parse takes a page apart, as GitHub shows it.
func Parse(path, text string) *Page {
	p := &Page{Path: path, ids: make(map[string]bool)}
	var open string // the fence of the block we are in
	var indent int
	for i, line := range strings.Split(text, "\n") {
		n := i + 1
		if m := fence.FindStringSubmatch(line); m != nil && (open == "" || m[2] == open && strings.TrimSpace(m[3]) == "") {
			if open != "" {
				open = ""
				continue
			}
			open, indent = m[2], len(m[1])
			p.Blocks = append(p.Blocks, Block{Line: n + 1, Info: strings.TrimSpace(m[3])})
			continue
		}
		if open != "" {
			b := &p.Blocks[len(p.Blocks)-1]
			b.Text += line[min(indent, len(line)-len(strings.TrimLeft(line, " "))):] + "\n"
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			p.title(m[1])
		}
		for _, m := range anchor.FindAllStringSubmatch(line, -1) {
			p.ids[m[1]] = true
		}
		p.read(n, line)
	}
	return p
}

// title takes down a heading and the id that GitHub gives it.
func (p *Page) title(text string) {
	p.titles = append(p.titles, strings.Trim(text, "`"))
	id := slug(emphasis.ReplaceAllString(text, "$1"))
	for base, n := id, 1; p.ids[id]; n++ {
		id = fmt.Sprint(base, "-", n)
	}
	p.ids[id] = true
}

func slug(title string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c > 0x7f:
			return c
		}
		return -1
	}, strings.ToLower(title))
}

// read takes the code and the links from a line of text.
func (p *Page) read(n int, line string) {
	for _, m := range inline.FindAllStringSubmatch(line, -1) {
		p.Spans = append(p.Spans, Span{n, strings.TrimSpace(m[1] + m[2])})
	}
	// A link within code is none, but code within a link's text is its text.
	shown := inline.ReplaceAllStringFunc(line, func(code string) string {
		return strings.Map(func(c rune) rune {
			if strings.ContainsRune("[]()", c) {
				return ' '
			}
			return c
		}, code)
	})
	for _, m := range linked.FindAllStringSubmatch(shown, -1) {
		p.links = append(p.links, link{n, strings.Trim(m[1], "`"), m[2]})
	}
	if m := refDef.FindStringSubmatch(line); m != nil {
		p.links = append(p.links, link{n, m[1], m[2]})
	}
}
