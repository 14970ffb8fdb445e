package reference

import (
	"regexp"
	"strings"
)

// generated begins each page.
const generated = "<!-- Written by make docs. To change it, change what it is made from. -->\n\n"

// table writes rows below a header. Empty columns are left out.
func table(b *strings.Builder, header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	used := make([]bool, len(header))
	used[0] = true
	for _, row := range rows {
		for i, cell := range row {
			used[i] = used[i] || cell != ""
		}
	}
	line := func(cells []string) {
		b.WriteString("|")
		for i, cell := range cells {
			if used[i] {
				b.WriteString(" " + cell + " |")
			}
		}
		b.WriteString("\n")
	}
	line(header)
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = "---"
	}
	line(rule)
	for _, row := range rows {
		line(row)
	}
	b.WriteString("\n")
}

// code is a text that is typed or printed as it is.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

var (
	breaks = regexp.MustCompile(`\s*\n\s*`)
	marks  = strings.NewReplacer(`*`, `\*`, `<`, `\<`, `|`, `\|`, `[`, `\[`, `]`, `\]`)
)

// cell is a text for people in one line of a table.
func cell(text string) string {
	return words(breaks.ReplaceAllString(strings.TrimSpace(text), " "))
}

// identifier matches what is typed as it is, in a text that knows no Markdown:
// flags, variables, paths, names with underscores and addresses.
var identifier = regexp.MustCompile("`[^`]*`|" +
	`(^|[\s(])((?:--[a-z][a-z-]*|[A-Z]+(?:_[A-Z]+)+|/[a-z][\w./{}-]*[\w}]|[a-z]+(?:_[a-z]+)+(?:\[\]|_\*)?|https?://[\w.:-]+)+)`)

// words escapes a text, and sets what is typed as it is as code.
func words(text string) string {
	var b strings.Builder
	last := 0
	for _, m := range identifier.FindAllStringSubmatchIndex(text, -1) {
		if m[4] < 0 { // is code already
			b.WriteString(marks.Replace(text[last:m[0]]) + strings.ReplaceAll(text[m[0]:m[1]], "|", `\|`))
		} else {
			b.WriteString(marks.Replace(text[last:m[4]]) + code(text[m[4]:m[5]]))
		}
		last = m[1]
	}
	b.WriteString(marks.Replace(text[last:]))
	return b.String()
}

// prose sets paragraphs as such, and those with lines that are indented as
// they are.
func prose(b *strings.Builder, text string) {
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if strings.Contains(paragraph, "\n  ") {
			b.WriteString("```text\n" + paragraph + "\n```\n\n")
			continue
		}
		b.WriteString(words(breaks.ReplaceAllString(paragraph, " ")) + "\n\n")
	}
}

// sentence ends a text as one.
func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
