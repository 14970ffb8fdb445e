package metrics

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Selector is what a query asks for: a metric, and the labels it compares.
type Selector struct {
	Name   string
	Labels []string
}

var (
	texts    = regexp.MustCompile(`"(\\.|[^"\\])*"|'(\\.|[^'\\])*'`)
	ranges   = regexp.MustCompile(`\[[^\]]*\]`)
	grouping = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`)
	// A metric, a function or a word of the language, and what follows it.
	word    = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*(\s*[({])?`)
	matcher = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)`)
	number  = regexp.MustCompile(`\b[0-9][0-9a-zA-Z_.]*`)
)

var words = []string{"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "by", "without", "on", "ignoring", "group_left", "group_right"}

// Selectors returns what an expression of PromQL asks for, in its order. It
// reads expressions that Prometheus accepts; whether it does is for promtool to
// say.
func Selectors(expr string) []Selector {
	expr = texts.ReplaceAllString(expr, `""`)
	expr = ranges.ReplaceAllString(expr, "")
	expr = grouping.ReplaceAllString(expr, " ")
	var found []Selector
	for expr != "" {
		at := word.FindStringIndex(expr)
		if digits := number.FindStringIndex(expr); digits != nil && (at == nil || digits[0] <= at[0]) {
			expr = expr[digits[1]:]
			continue
		}
		if at == nil {
			break
		}
		text := expr[at[0]:at[1]]
		expr = expr[at[1]:]
		name := strings.TrimRight(text, " \n\t({")
		switch {
		case strings.HasSuffix(text, "("), slices.Contains(words, strings.ToLower(name)):
			continue
		case !strings.HasSuffix(text, "{"):
			found = append(found, Selector{Name: name})
			continue
		}
		inside, rest, _ := strings.Cut(expr, "}")
		expr = rest
		s := Selector{Name: name}
		for _, m := range matcher.FindAllStringSubmatch(inside, -1) {
			s.Labels = append(s.Labels, m[1])
		}
		found = append(found, s)
	}
	return found
}

// targetLabels are those that Prometheus itself adds.
var targetLabels = []string{"job", "instance"}

// foreign are metrics that Prometheus makes.
var foreign = []string{"up", "ALERTS"}

// Check returns an error if an expression asks for a metric that is neither on
// the page nor among the recorded ones, or compares a label that it has not.
func (p Page) Check(expr string, recorded ...string) error {
	selectors := Selectors(expr)
	if len(selectors) == 0 {
		return fmt.Errorf("metrics: %q asks for nothing", expr)
	}
	for _, s := range selectors {
		if slices.Contains(foreign, s.Name) || slices.Contains(recorded, s.Name) {
			continue
		}
		m, suffix := p.find(s.Name)
		if m.Name == "" {
			return fmt.Errorf("metrics: there is no metric %s", s.Name)
		}
		for _, label := range s.Labels {
			if !slices.Contains(m.Labels, label) && !slices.Contains(targetLabels, label) && (suffix != "_bucket" || label != "le") {
				return fmt.Errorf("metrics: %s has no label %s", s.Name, label)
			}
		}
	}
	return nil
}

// find returns the metric of a series.
func (p Page) find(series string) (m Metric, suffix string) {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(series, suffix); ok && p[name].Type == "histogram" {
			return p[name], suffix
		}
	}
	if p[series].Type == "histogram" {
		return Metric{}, "" // it has no series of its own name
	}
	return p[series], ""
}

// Uses returns the names of the metrics of the page that an expression asks for.
func (p Page) Uses(expr string) []string {
	var names []string
	for _, s := range Selectors(expr) {
		if m, _ := p.find(s.Name); m.Name != "" {
			names = append(names, m.Name)
		}
	}
	return names
}
