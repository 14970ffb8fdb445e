package prometheus

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/seed-4e8dee1b/revoked/internal/metrics"
)

// scrapeConfig has the fields of Prometheus's configuration that ours uses.
type scrapeConfig struct {
	Global struct {
		ScrapeInterval     string `yaml:"scrape_interval"`
		EvaluationInterval string `yaml:"evaluation_interval"`
	}
	RuleFiles     []string `yaml:"rule_files"`
	ScrapeConfigs []struct {
		JobName       string                       `yaml:"job_name"`
		StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
	} `yaml:"scrape_configs"`
}

func decodeConfig(text []byte) (c scrapeConfig, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	return c, dec.Decode(&c)
}

// Rules and dashboards tell programs apart by the names of the jobs.
func TestScrapeConfig(t *testing.T) {
	t.Attr("deploy/prometheus/prometheus.yml", "strict decoding; finds a misspelled field, and a job that rules name and nobody scrapes")
	text, err := os.ReadFile("prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	config, err := decodeConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeConfig(bytes.Replace(text, []byte("scrape_interval"), []byte("scrape_intervall"), 1)); err == nil {
		t.Error("a misspelled field passes")
	}
	var jobs []string
	for _, c := range config.ScrapeConfigs {
		jobs = append(jobs, c.JobName)
		if len(c.StaticConfigs) != 1 || len(c.StaticConfigs[0].Targets) == 0 {
			t.Errorf("job %s has no target", c.JobName)
		}
	}
	files, err := filepath.Glob("*.rules.yml")
	if err != nil || len(files) == 0 || !slices.Equal(config.RuleFiles, []string{"*.rules.yml"}) {
		t.Errorf("rule_files %v, want all of %v (%v)", config.RuleFiles, files, err)
	}
	named := 0
	for _, file := range files {
		rules, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range regexp.MustCompile(`job="([^"]*)"`).FindAllStringSubmatch(string(rules), -1) {
			if named++; !slices.Contains(jobs, job[1]) {
				t.Errorf("%s asks for job %q, which is not among %v", file, job[1], jobs)
			}
		}
	}
	if named == 0 {
		t.Error("no rule names a job")
	}
}

func TestPrometheusReadsTheConfig(t *testing.T) {
	if os.Getenv("CHECK_DEPLOY") == "" {
		t.Skip("needs promtool; make check-deploy runs it")
	}
	t.Attr("deploy/prometheus/prometheus.yml", "promtool check config; finds a misspelled field")
	check := func(file string) error {
		out, err := exec.CommandContext(t.Context(), "promtool", "check", "config", file).CombinedOutput()
		if _, ran := err.(*exec.ExitError); err != nil && !ran { //nolint:errorlint // nothing wraps it
			t.Fatalf("%v: apt-get install prometheus", err)
		}
		if err != nil {
			t.Logf("%s", out)
		}
		return err
	}
	if err := check("prometheus.yml"); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile("prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	misspelled := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(misspelled, bytes.Replace(text, []byte("job_name"), []byte("job_nam"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if check(misspelled) == nil {
		t.Error("a misspelled field passes")
	}
}

// A rule about a metric that nobody shows never fires, nor one that compares a
// label that it has not.
func TestRulesAskForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := metrics.Parse(string(text))
	if err != nil || len(page) == 0 {
		t.Fatalf("docs/metrics.md: %d metrics, %v", len(page), err)
	}
	files, err := filepath.Glob("*.rules.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("files of rules: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			t.Attr("deploy/prometheus/"+file, "metrics and labels by name (docs/metrics.md); finds a misspelled metric and label")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var rules struct {
				Groups []struct {
					Rules []struct{ Record, Alert, Expr string }
				}
			}
			if err := yaml.Unmarshal(text, &rules); err != nil {
				t.Fatal(err)
			}
			var recorded []string
			for _, g := range rules.Groups {
				for _, r := range g.Rules {
					if r.Record != "" {
						recorded = append(recorded, r.Record)
					}
				}
			}
			for _, g := range rules.Groups {
				for _, r := range g.Rules {
					if err := page.Check(r.Expr, recorded...); err != nil {
						t.Errorf("%s%s: %v", r.Alert, r.Record, err)
					}
					for _, s := range metrics.Selectors(r.Expr) {
						if s.Name == "up" {
							continue
						}
						if page.Check(strings.Replace(r.Expr, s.Name, s.Name+"x", 1), recorded...) == nil {
							t.Errorf("%s%s: a misspelled %s passes", r.Alert, r.Record, s.Name)
						}
						for _, label := range s.Labels {
							wrong := regexp.MustCompile(`\b`+label+`(=|!)`).ReplaceAllString(r.Expr, label+"x$1")
							if page.Check(wrong, recorded...) == nil {
								t.Errorf("%s%s: a misspelled label %s passes", r.Alert, r.Record, label)
							}
						}
					}
				}
			}
		})
	}
}

// Whoever is woken finds the heading of the alert in the runbook.
func TestRunbookHasEveryAlert(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbook.md")
	if os.IsNotExist(err) {
		t.Skip("docs/runbook.md is not written yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	headings := make(map[string]int)
	for _, h := range regexp.MustCompile(`(?m)^#+ (Revo\w+)\s*$`).FindAllSubmatch(text, -1) {
		headings[string(h[1])]++
	}
	alerts := make(map[string]bool)
	for _, name := range ruleFiles(t) {
		for _, g := range parse(t, name).Groups {
			for _, r := range g.Rules {
				if r.Alert != "" {
					alerts[r.Alert] = true
				}
			}
		}
	}
	for alert := range alerts {
		if headings[alert] != 1 {
			t.Errorf("docs/runbook.md has %d headings %q, want one", headings[alert], alert)
		}
	}
	for heading := range headings {
		if !alerts[heading] {
			t.Errorf("docs/runbook.md explains %s, which no rule raises", heading)
		}
	}
}
