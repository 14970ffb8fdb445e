package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	testWord   = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9_]+`)
	metricWord = regexp.MustCompile(`\b(?:revocation|revoked_service|revoked_gate)_[a-z0-9_]+\*?`)
	envWord    = regexp.MustCompile(`\b(?:REVOKED|NATS|AWS|OTEL)_[A-Z0-9_]+\b`)
	alertWord  = regexp.MustCompile(`\b(?:Revocation|Revoked)[A-Z][A-Za-z]+\b`)
	makeWord   = regexp.MustCompile(`(?:^|[;&|]\s*)make ((?:[A-Za-z_-]+(?:=\S*)? ?)+)`)
)

// Names finds names in code, that is in backticks and in blocks that are not
// Go, which the repository does not know: of tests, of metrics, of environment
// variables, of alerts (once there are rules) and of make targets.
//
// Streams and variables look alike: names that begin with NATS_ or REVOKED_ may
// be either.
func (r *Repo) Names(s *Source) []Problem {
	var found []Problem
	for _, p := range r.Pages {
		for _, c := range p.code() {
			for _, unknown := range s.unknown(c.Text) {
				found = append(found, Problem{p.Path, c.Line, unknown})
			}
		}
	}
	return found
}

// code returns all code of a page line by line.
func (p *Page) code() []Span {
	all := slices.Clone(p.Spans)
	for _, b := range p.Blocks {
		if b.Info == "go" {
			continue
		}
		for i, line := range strings.Split(b.Text, "\n") {
			all = append(all, Span{b.Line + i, line})
		}
	}
	return all
}

// unknown says which names in text are unknown.
func (s *Source) unknown(text string) []string {
	var found []string
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, name := range testWord.FindAllString(text, -1) {
		if !s.tests[name] {
			add("there is no test %s", name)
		}
	}
	for _, name := range metricWord.FindAllString(text, -1) {
		if !s.metric(name) {
			add("there is no metric %s", name)
		}
	}
	for _, name := range envWord.FindAllString(text, -1) {
		if !s.words[name] && !strings.Contains(s.other, name) && !outside[name] {
			add("nothing reads the variable %s", name)
		}
	}
	for _, name := range alertWord.FindAllString(text, -1) {
		if len(s.Alerts) > 0 && !slices.Contains(s.Alerts, name) && !s.words[name] {
			add("there is no alert %s", name)
		}
	}
	for _, m := range makeWord.FindAllStringSubmatch(text, -1) {
		for _, target := range strings.Fields(m[1]) {
			if !strings.Contains(target, "=") && !strings.Contains("\n"+s.other, "\n"+target+":") {
				add("there is no target to make %s", target)
			}
		}
	}
	return found
}

// metric reports whether code names a metric so. A * stands for any rest, and
// histograms have series of their own.
func (s *Source) metric(name string) bool {
	if prefix, any := strings.CutSuffix(name, "*"); any || strings.HasSuffix(name, "_") {
		for w := range s.words {
			if strings.HasPrefix(w, prefix) && len(w) > len(prefix) {
				return true
			}
		}
		return false
	}
	for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && s.words[base] {
			return true
		}
	}
	return false
}

// outside are variables that libraries of ours read.
var outside = map[string]bool{
	"AWS_REGION": true, "AWS_PROFILE": true, "AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true,
	"AWS_ROLE_ARN": true, "AWS_WEB_IDENTITY_TOKEN_FILE": true, "AWS_ENDPOINT_URL": true, "AWS_DEFAULT_REGION": true, "AWS_": true,
	"OTEL_SDK_DISABLED": true, "OTEL_EXPORTER_OTLP_ENDPOINT": true, "OTEL_SERVICE_NAME": true, "OTEL_EXPORTER_OTLP_HEADERS": true, "OTEL_BSP_": true,
}
