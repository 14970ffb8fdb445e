// Package prometheus checks the alerting rules with Debian's promtool: that they
// are rules, that their test cases pass and notice an alert that never fires or
// always does, that the code has the metrics they are about, and that each
// names its place in the runbook.
//
// NAME.rules.yml has its cases in NAME.test.yml.
package prometheus

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// ruleFile is what is read of one; promtool reads it whole.
type ruleFile struct {
	Groups []struct {
		Name     string `yaml:"name"`
		Interval string `yaml:"interval,omitempty"`
		Rules    []rule `yaml:"rules"`
	} `yaml:"groups"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	KeepFor     string            `yaml:"keep_firing_for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// ruleFiles returns the name of each file of rules, without ".rules.yml".
func ruleFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.rules.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("files of rules: %v, %v", files, err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".rules.yml")
	}
	return files
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parse(t *testing.T, name string) ruleFile {
	t.Helper()
	var rules ruleFile
	if err := yaml.Unmarshal(read(t, name+".rules.yml"), &rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestRules(t *testing.T) {
	if os.Getenv("CHECK_DEPLOY") == "" {
		t.Skip("needs promtool; make check-deploy runs it")
	}
	for _, name := range ruleFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Attr("deploy/prometheus/"+name+".rules.yml", "promtool check rules; finds a misspelled key")
			t.Attr("deploy/prometheus/"+name+".test.yml", "promtool test rules; finds each alert that never or always fires")
			rules, cases := read(t, name+".rules.yml"), read(t, name+".test.yml")
			if out, err := promtool(t, name, rules, cases, "check", "rules", name+".rules.yml"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if out, err := promtool(t, name, rules, cases, "test", "rules", name+".test.yml"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			misspelled := []byte(strings.Replace(string(rules), "expr:", "exrp:", 1))
			if out, err := promtool(t, name, misspelled, cases, "check", "rules", name+".rules.yml"); err == nil {
				t.Errorf("a misspelled key passes:\n%s", out)
			}
			parsed := parse(t, name)
			for g := range parsed.Groups {
				for r := range parsed.Groups[g].Rules {
					one := &parsed.Groups[g].Rules[r]
					if one.Alert == "" {
						continue
					}
					was := *one
					for wrong, expr := range map[string]string{
						"never fires":  "vector(1) < 0",
						"always fires": "(" + was.Expr + ") or vector(1)",
					} {
						one.Expr, one.For = expr, ""
						text, err := yaml.Marshal(parsed)
						if err != nil {
							t.Fatal(err)
						}
						if _, err := promtool(t, name, text, cases, "test", "rules", name+".test.yml"); err == nil {
							t.Errorf("no case notices that %s, rule %d, %s", was.Alert, r, wrong)
						}
					}
					*one = was
				}
			}
		})
	}
}

// promtool runs it in a folder with the two files.
func promtool(t *testing.T, name string, rules, cases []byte, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string][]byte{name + ".rules.yml": rules, name + ".test.yml": cases} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran { //nolint:errorlint // nothing wraps it
		t.Fatalf("%v: apt-get install prometheus", err)
	}
	return string(out), err
}

const runbook = "https://github.com/seed-4e8dee1b/revoked/blob/main/docs/runbook.md#"

func TestAlertsSayWhatToDo(t *testing.T) {
	for _, name := range ruleFiles(t) {
		for _, g := range parse(t, name).Groups {
			for _, r := range g.Rules {
				if r.Alert == "" {
					continue
				}
				if got, want := r.Annotations["runbook_url"], runbook+strings.ToLower(r.Alert); got != want {
					t.Errorf("%s.rules.yml, %s: runbook_url %q, want %q", name, r.Alert, got, want)
				}
				if r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
					t.Errorf("%s.rules.yml, %s: it lacks the annotation summary or the label severity", name, r.Alert)
				}
			}
		}
	}
}
