package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// GoBlocks finds blocks of Go that are not, line by line, in a Go file of the
// repository, and so may not compile. Indentation does not count.
func (r *Repo) GoBlocks() ([]Problem, error) {
	var files []string
	err := r.walk(func(path string) error {
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(r.root, path))
		files = append(files, trimmed(string(text)))
		return err
	})
	if err != nil {
		return nil, err
	}
	var found []Problem
	for _, p := range r.Pages {
		for _, b := range p.Blocks {
			if b.Info != "go" {
				continue
			}
			want := trimmed(b.Text)
			if !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(f, want) }) {
				found = append(found, Problem{p.Path, b.Line, "this Go code is in no file that compiles: put it into internal/readme"})
			}
		}
	}
	return found, nil
}

// trimmed returns the lines of text without white space around them.
func trimmed(text string) string {
	var out strings.Builder
	out.WriteByte('\n')
	for line := range strings.Lines(text) {
		out.WriteString(strings.TrimSpace(line))
		out.WriteByte('\n')
	}
	return out.String()
}

// Source is what Go files and other files of the repository name.
type Source struct {
	tests  map[string]bool
	words  map[string]bool // in literals and tags of Go files that are no tests
	other  string          // text of scripts, recipes and configurations
	Alerts []string        // of the rules, in their order
}

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// Source reads the repository.
func (r *Repo) Source() (*Source, error) {
	s := &Source{tests: make(map[string]bool), words: make(map[string]bool)}
	var other strings.Builder
	err := r.walk(func(path string) error {
		name := filepath.Join(r.root, path)
		switch {
		case strings.HasSuffix(path, "_test.go"), filepath.Ext(path) == ".go":
			return s.parse(name, strings.HasSuffix(path, "_test.go"))
		case filepath.Base(path) == "Makefile", filepath.Ext(path) == ".sh",
			strings.HasPrefix(path, "deploy/") && filepath.Ext(path) != ".md":
			text, err := os.ReadFile(name)
			other.Write(text)
			other.WriteByte('\n')
			if strings.HasPrefix(path, "deploy/prometheus/") && !strings.Contains(path, "test") {
				for _, m := range regexp.MustCompile(`(?m)^\s*-? *alert: *"?([A-Za-z0-9_]+)`).FindAllSubmatch(text, -1) {
					s.Alerts = append(s.Alerts, string(m[1]))
				}
			}
			return err
		}
		return nil
	})
	s.other = other.String()
	return s, err
}

func (s *Source) parse(name string, isTest bool) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if isTest && n.Recv == nil {
				s.tests[n.Name.Name] = true
			}
		case *ast.Field:
			if n.Tag != nil && !isTest {
				tag, _ := strconv.Unquote(n.Tag.Value)
				s.words[reflect.StructTag(tag).Get("env")] = true
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING && !isTest {
				text, _ := strconv.Unquote(n.Value)
				for _, w := range word.FindAllString(text, -1) {
					s.words[w] = true
				}
			}
		}
		return true
	})
	return nil
}
