// Package metrics knows the metrics of everything here: docs/metrics.md lists
// them, and rules and dashboards ask for them by name. A test compares the page
// with the registries of a running service, gate and node; other tests compare
// what queries name with the page.
package metrics

import (
	"fmt"
	"slices"
	"strings"
)

// Metric is a row of the page.
type Metric struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
	Used   []string // alerts, and dashboards by the names of their files
}

// Page is what docs/metrics.md lists, by name.
type Page map[string]Metric

const (
	header = "| metric | type | labels | meaning | used by |\n|---|---|---|---|---|\n"
	none   = ""
)

// sections are the parts of the page by the prefix of their metrics.
var sections = []struct{ prefix, mark string }{
	{"revoked_service_", "service"},
	{"revoked_gate_", "gate"},
	{"revocation_", "libraries"},
}

// Parse reads the tables of the page.
func Parse(text string) (Page, error) {
	page := make(Page)
	for row := range strings.Lines(text) {
		if !strings.HasPrefix(row, "| `re") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(row), "|")
		if len(cells) != 7 {
			return nil, fmt.Errorf("metrics: row of %d cells, want 5: %s", len(cells)-2, row)
		}
		m := Metric{
			Name: unquote(cells[1]), Type: strings.TrimSpace(cells[2]), Labels: list(cells[3]),
			Help: strings.TrimSpace(cells[4]), Used: list(cells[5]),
		}
		if _, twice := page[m.Name]; twice {
			return nil, fmt.Errorf("metrics: %s is listed twice", m.Name)
		}
		page[m.Name] = m
	}
	return page, nil
}

func unquote(cell string) string { return strings.Trim(strings.TrimSpace(cell), "`") }

func list(cell string) []string {
	var items []string
	for item := range strings.SplitSeq(cell, ",") {
		if item = unquote(item); item != none {
			items = append(items, item)
		}
	}
	return items
}

// Write returns text with its tables replaced by those of the page. The marks
// stay where they are.
func (p Page) Write(text string) (string, error) {
	for _, s := range sections {
		begin, end := "<!-- begin "+s.mark+" -->\n", "<!-- end "+s.mark+" -->\n"
		from, to := strings.Index(text, begin), strings.Index(text, end)
		if from < 0 || to < from {
			return "", fmt.Errorf("metrics: the page has no marks of section %s", s.mark)
		}
		text = text[:from] + begin + p.table(s.prefix) + text[to:]
	}
	return text, nil
}

func (p Page) table(prefix string) string {
	var rows []string
	for name, m := range p {
		if strings.HasPrefix(name, prefix) {
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", name, m.Type, quoted(m.Labels), m.Help, strings.Join(m.Used, ", ")))
		}
	}
	slices.Sort(rows)
	return header + strings.Join(rows, "")
}

func quoted(labels []string) string {
	if len(labels) == 0 {
		return none
	}
	return "`" + strings.Join(labels, "`, `") + "`"
}
