package reference

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// Settings is what a configuration page is made from.
type Settings struct {
	Title, Intro string
	// Defaults is a configuration before file and environment.
	Defaults any
	// Flags are those of the command that takes it. One named like a key, with
	// dashes, sets it.
	Flags *pflag.FlagSet
	// More ends the page.
	More string
}

// Configuration is the page of a configuration: every key with its type,
// default, variable and flag. What it means is the comment of its field.
//
// The test fails for a field without a comment of its own.
func Configuration(t *testing.T, s Settings) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(generated + "# " + s.Title + "\n\n" + strings.TrimSpace(s.Intro) + "\n\n")
	p := page{t: t, sources: sources{t: t, root: root(t)}, flags: s.Flags, out: &b}
	p.group("", reflect.ValueOf(s.Defaults))
	for len(p.later) > 0 {
		next := p.later[0]
		p.later = p.later[1:]
		b.WriteString("## " + next.key + "\n\n")
		b.WriteString(strings.ToUpper(next.about[:1]) + next.about[1:] + "\n\n")
		p.group(next.key, next.defaults)
	}
	b.WriteString(strings.TrimSpace(s.More))
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// page is one that is being written.
type page struct {
	t       *testing.T
	sources sources
	flags   *pflag.FlagSet
	out     *strings.Builder
	later   []group // below, in their order
}

// group is a struct within the configuration.
type group struct {
	key, about string
	defaults   reflect.Value
}

func (p *page) group(prefix string, v reflect.Value) {
	p.t.Helper()
	comments := p.sources.comments(v.Type())
	var rows [][]string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || name == "" {
			continue
		}
		key := name
		if prefix != "" {
			key = prefix + "." + name
		}
		about := comments.of(f.Name)
		if about == "" {
			p.t.Errorf("the field %s of %v has no comment of its own, which its configuration page is made from", f.Name, v.Type())
		}
		elem, isList := f.Type, ""
		if f.Type.Kind() == reflect.Slice {
			elem, isList = f.Type.Elem(), "[]"
		}
		if elem.Kind() == reflect.Struct && elem.PkgPath() != "" && strings.HasPrefix(elem.PkgPath(), module) {
			below := v.Field(i)
			if isList != "" {
				below = reflect.Zero(elem)
			}
			p.later = append(p.later, group{key + isList, about, below})
			if isList == "" {
				continue
			}
			about = "see [below](#" + strings.NewReplacer("[]", "", ".", "").Replace(key) + ")"
		}
		secret := strings.HasSuffix(f.Type.String(), ".Secret")
		if secret && f.Tag.Get("env") == "" {
			continue // only its file can be named
		}
		shown := code(key)
		if secret {
			shown = "not in the file"
		}
		rows = append(rows, []string{shown, p.also(f, key), kind(f.Type), defaultValue(v.Field(i)), about})
	}
	table(p.out, []string{"key", "also by", "type", "default", ""}, rows)
}

// also names the variable and the flag that set a key.
func (p *page) also(f reflect.StructField, key string) string {
	var by []string
	if env := f.Tag.Get("env"); env != "" {
		by = append(by, code(env))
	}
	if flag := strings.ReplaceAll(key, "_", "-"); p.flags != nil && p.flags.Lookup(flag) != nil {
		by = append(by, code("--"+flag))
	}
	return strings.Join(by, ", ")
}

// kind names a type for people who write YAML.
func kind(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case strings.HasSuffix(t.String(), ".Secret"):
		return "**secret**"
	case t.String() == "netip.Prefix":
		return "network"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list of " + strings.TrimSuffix(kind(t.Elem()), "s") + "s"
	case reflect.Map:
		return "map of " + kind(t.Elem()) + "s"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number"
	case reflect.Struct:
		return "group"
	}
	return "text"
}

func defaultValue(v reflect.Value) string {
	if v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 || strings.HasSuffix(v.Type().String(), ".Secret") {
		return ""
	}
	return code(fmt.Sprint(v.Interface()))
}

const module = "github.com/seed-4e8dee1b/revoked"

// sources reads comments of the module's packages.
type sources struct {
	t    *testing.T
	root string
}

// comments are those of a struct's fields.
type comments struct {
	text map[string]string // by field
	keys map[string]string // by field, as it is called in YAML
}

// comments reads the source of a type.
func (s sources) comments(of reflect.Type) comments {
	s.t.Helper()
	dir := filepath.Join(s.root, filepath.FromSlash(strings.TrimPrefix(of.PkgPath(), module)))
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				if typ, ok := spec.(*ast.TypeSpec); ok && typ.Name.Name == of.Name() {
					if body, ok := typ.Type.(*ast.StructType); ok {
						return fieldComments(body)
					}
				}
			}
		}
	}
	s.t.Fatalf("no struct %v in %s", of, dir)
	return comments{}
}

func fieldComments(body *ast.StructType) comments {
	c := comments{text: map[string]string{}, keys: map[string]string{}}
	for _, f := range body.Fields.List {
		about := f.Doc.Text()
		if about == "" {
			about = f.Comment.Text()
		}
		for _, name := range f.Names {
			c.text[name.Name] = about
			if f.Tag != nil {
				tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
				if key := tag.Get("yaml"); key != "" && key != "-" {
					c.keys[name.Name] = key
				}
			}
		}
	}
	return c
}

// goName matches what may be the name of a field.
var goName = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]+\b`)

// of is the comment of a field as a cell of a table: names of fields are
// replaced by those of keys, and the field's own in front is left out.
func (c comments) of(field string) string {
	text := strings.TrimSpace(c.text[field])
	for _, verb := range []string{"is", "are"} {
		text = strings.TrimPrefix(text, field+" "+verb+" ")
	}
	if rest, ok := strings.CutPrefix(text, field+" "); ok {
		text = "`" + c.keys[field] + "` " + rest
	}
	text = goName.ReplaceAllStringFunc(text, func(name string) string {
		if key := c.keys[name]; key != "" && name != "ID" && name != "NATS" { // which are words, too
			return "`" + key + "`"
		}
		return name
	})
	return cell(text)
}
