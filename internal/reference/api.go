package reference

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// RoleExtension is the member of an operation that names the role that it takes
// at least.
const RoleExtension = "x-least-role"

// API is the page of an OpenAPI description: every operation with its role,
// parameters, bodies and outcomes, and every schema.
func API(t *testing.T, description []byte, intro string) string {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(generated + "# HTTP API\n\n" + strings.TrimSpace(intro) + "\n\n")
	var rows [][]string
	paths := slices.Sorted(maps.Keys(doc.Paths.Map()))
	for _, path := range paths {
		item := doc.Paths.Value(path)
		for _, method := range methods(item) {
			op := item.Operations()[method]
			rows = append(rows, []string{
				fmt.Sprintf("[%s](#%s)", code(method+" "+path), anchor(method+" "+path)), role(op), cell(op.Summary),
			})
		}
	}
	table(&b, []string{"operation", "role", ""}, rows)
	for _, path := range paths {
		item := doc.Paths.Value(path)
		for _, method := range methods(item) {
			operation(&b, item, method, path)
		}
	}
	b.WriteString("## Schemas\n\nMembers in bold are always there.\n\n")
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		schema := doc.Components.Schemas[name].Value
		b.WriteString("### " + name + "\n\n")
		if schema.Description != "" {
			b.WriteString(sentence(cell(schema.Description)) + "\n\n")
		}
		if len(schema.Properties) == 0 {
			b.WriteString("A " + typeOf(&openapi3.SchemaRef{Value: schema}) + ".\n\n")
			continue
		}
		members(&b, schema, "member")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// methods are those of a path in the order in which people think of them.
func methods(item *openapi3.PathItem) []string {
	order := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
	return slices.DeleteFunc(order, func(m string) bool { return item.Operations()[m] == nil })
}

// anchor is how hosts of Markdown name a heading.
func anchor(heading string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(heading) {
		switch {
		case c == ' ':
			b.WriteRune('-')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteRune(c)
		}
	}
	return b.String()
}

func role(op *openapi3.Operation) string {
	if name, ok := op.Extensions[RoleExtension].(string); ok {
		return name
	}
	return ""
}

func operation(b *strings.Builder, item *openapi3.PathItem, method, path string) {
	op := item.Operations()[method]
	fmt.Fprintf(b, "## %s %s\n\n%s\n\n", method, path, sentence(cell(op.Summary)))
	if r := role(op); r != "" {
		fmt.Fprintf(b, "Role: %s or higher.\n\n", r)
	} else {
		b.WriteString("No role is needed.\n\n")
	}
	if op.Description != "" {
		prose(b, op.Description)
	}
	var rows [][]string
	for _, from := range []openapi3.Parameters{item.Parameters, op.Parameters} {
		for _, ref := range from {
			p := ref.Value
			name := code(p.Name)
			if p.Required {
				name = "**" + name + "**"
			}
			rows = append(rows, []string{name, p.In, typeOf(p.Schema), initial(p.Schema), cell(p.Description)})
		}
	}
	table(b, []string{"parameter", "in", "type", "default", ""}, rows)
	if op.RequestBody != nil {
		for _, media := range slices.Sorted(maps.Keys(op.RequestBody.Value.Content)) {
			schema := op.RequestBody.Value.Content[media].Schema
			fmt.Fprintf(b, "Body, %s: %s\n\n", code(media), sentence(described(schema)))
			if schema.Ref == "" && len(schema.Value.Properties) > 0 {
				members(b, schema.Value, "member")
			}
		}
	}
	outcomes(b, op)
}

// outcomes is the table of what an operation answers.
func outcomes(b *strings.Builder, op *openapi3.Operation) {
	var rows [][]string
	for _, status := range slices.Sorted(maps.Keys(op.Responses.Map())) {
		r := op.Responses.Value(status).Value
		body := ""
		for _, media := range slices.Sorted(maps.Keys(r.Content)) {
			if schema := r.Content[media].Schema; schema != nil {
				if body = strings.Join(problems(schema), ", "); body == "" {
					body = code(media) + ": " + described(schema)
				}
			}
		}
		var headers []string
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			if name != "X-Request-Id" && name != "Cache-Control" { // every answer has them
				headers = append(headers, code(name))
			}
		}
		rows = append(rows, []string{status, cell(*r.Description), strings.Join(headers, ", "), body})
	}
	table(b, []string{"status", "", "headers", "body or problem types"}, rows)
}

// problems are the types of problem documents, or the OAuth errors, that a
// schema allows.
func problems(s *openapi3.SchemaRef) []string {
	var found []string
	for _, name := range []string{"type", "error"} {
		if p := s.Value.Properties[name]; p != nil && s.Ref == "" {
			for _, value := range p.Value.Enum {
				found = append(found, code(fmt.Sprint(value)))
			}
		}
	}
	for _, part := range slices.Concat(s.Value.AllOf, s.Value.OneOf) {
		if part.Ref == "" {
			found = append(found, problems(part)...)
		}
	}
	return found
}

func members(b *strings.Builder, schema *openapi3.Schema, header string) {
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		p := schema.Properties[name]
		shown := code(name)
		if slices.Contains(schema.Required, name) {
			shown = "**" + shown + "**"
		}
		about := ""
		if p.Ref == "" {
			about = cell(p.Value.Description)
		}
		rows = append(rows, []string{shown, typeOf(p), initial(p), about})
	}
	table(b, []string{header, "type", "default", ""}, rows)
}

func initial(s *openapi3.SchemaRef) string {
	if s.Value.Default == nil {
		return ""
	}
	return code(fmt.Sprint(s.Value.Default))
}

// described is a link to a schema with a name, or what one without is.
func described(s *openapi3.SchemaRef) string {
	if s.Ref == "" && s.Value.Description != "" {
		return cell(s.Value.Description)
	}
	return typeOf(s)
}

// typeOf says what a value may be.
func typeOf(s *openapi3.SchemaRef) string {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	}
	v := s.Value
	if len(v.AllOf) > 0 {
		return typeOf(v.AllOf[0])
	}
	if len(v.Enum) > 0 {
		values := make([]string, len(v.Enum))
		for i, e := range v.Enum {
			values[i] = code(fmt.Sprint(e))
		}
		return strings.Join(values, ", ")
	}
	text := "value"
	switch {
	case v.Type == nil:
	case v.Type.Is("array"):
		text = "list of " + typeOf(v.Items)
	case v.Type.Is("object") && len(v.Properties) > 0:
		text = "object with " + strings.Join(slices.Sorted(maps.Keys(v.Properties)), ", ")
	case v.Format == "date-time":
		text = "RFC 3339 time"
	default:
		text = v.Type.Slice()[0]
	}
	switch {
	case v.Min != nil && v.Max != nil:
		text += fmt.Sprintf(", %v to %v", *v.Min, *v.Max)
	case v.Min != nil:
		text += fmt.Sprintf(", from %v on", *v.Min)
	case v.MaxLength != nil:
		text += fmt.Sprintf(", at most %d characters", *v.MaxLength)
	}
	if v.Pattern != "" {
		text += ", " + code(v.Pattern)
	}
	return text
}
