package kubernetes_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"sigs.k8s.io/yaml"
)

const (
	root     = "../../.."
	chartDir = root + "/deploy/kubernetes/revoked"
	release  = "demo"
	space    = "auth"
)

// values is what -f of helm reads.
type values = map[string]any

func TestMain(m *testing.M) {
	if os.Getenv("CHECK_DEPLOY") == "" {
		fmt.Println("skipped: make check-deploy runs them")
		return
	}
	log.SetOutput(io.Discard) // Helm remarks on links
	m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
}

// finds says for the table of make check-deploy what was checked, by what, and
// which mistake in a copy was found.
func finds(t *testing.T, file, tool string, mistakes ...string) {
	t.Helper()
	t.Attr(file, tool+"; finds "+strings.Join(mistakes, ", "))
}

// load returns the chart from disk.
var load = sync.OnceValues(func() (*chart.Chart, error) { return loader.Load(chartDir) })

// parse reads values.
func parse(t *testing.T, text string) values {
	t.Helper()
	v := values{}
	if err := yaml.UnmarshalStrict([]byte(text), &v); err != nil {
		t.Fatalf("values: %v\n%s", err, text)
	}
	return v
}

// valueSet returns the values of a file in the chart's folder ci.
func valueSet(t *testing.T, name string) values {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chartDir, "ci", name+"-values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

// with returns base with the values of text over it, as a second -f of helm.
func with(t *testing.T, base values, text string) values {
	t.Helper()
	return chartutil.CoalesceTables(parse(t, text), base)
}

// manifests are the rendered documents by the template that they come from.
type manifests map[string][]string

// render is helm template.
func render(v values) (manifests, error) {
	c, err := load()
	if err != nil {
		return nil, err
	}
	return renderChart(c, v)
}

func renderChart(c *chart.Chart, v values) (manifests, error) {
	// Processing drops dependencies that are switched off, and Render looks at
	// nothing else of v.
	if err := chartutil.ProcessDependenciesWithMerge(c, v); err != nil {
		return nil, err
	}
	caps := chartutil.DefaultCapabilities.Copy()
	rendered, err := chartutil.ToRenderValues(c, v, chartutil.ReleaseOptions{Name: release, Namespace: space, IsInstall: true}, caps)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, rendered)
	if err != nil {
		return nil, err
	}
	all := manifests{}
	for name, text := range files {
		name = strings.TrimPrefix(name, c.Name()+"/")
		if !strings.HasSuffix(name, ".yaml") {
			if strings.HasSuffix(name, ".txt") && strings.TrimSpace(text) != "" {
				all[name] = []string{text}
			}
			continue
		}
		for _, doc := range strings.Split("\n"+text, "\n---\n") {
			if hasContent(doc) {
				all[name] = append(all[name], doc)
			}
		}
	}
	return all, nil
}

// hasContent reports whether a document is more than comments.
func hasContent(doc string) bool {
	for line := range strings.Lines(doc) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return true
		}
	}
	return false
}

func (m manifests) files() []string { return slices.Sorted(maps.Keys(m)) }

// yaml returns the documents that the API server would get.
func (m manifests) yaml() []string {
	var docs []string
	for _, file := range m.files() {
		if strings.HasSuffix(file, ".yaml") {
			docs = append(docs, m[file]...)
		}
	}
	return docs
}

func mustRender(t *testing.T, v values) manifests {
	t.Helper()
	m, err := render(v)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// valueSets are rendered and checked in whole.
func valueSets(t *testing.T) map[string]values {
	t.Helper()
	minimal := valueSet(t, "minimal")
	return map[string]values{
		"minimal":    minimal,
		"everything": valueSet(t, "everything"),
		"no credentials": with(t, minimal, `
secrets: {nats: {secretName: ""}, apiKey: {secretName: ""}}
config: {api_keys: [{id: a, role: admin, sha256: 7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069}]}
serviceAccount: {create: false}
networkPolicy: {enabled: false}
podDisruptionBudget: {enabled: false}
provision: {enabled: true, secret: {secretName: ""}}
`),
		"gate only": with(t, minimal, `
enabled: false
gate: {enabled: true, config: {pools: [{id: eu-west-1_AbC123, any_client: true}], rules: [{path: /}]}}
`),
	}
}

func TestLint(t *testing.T) {
	sets := valueSets(t)
	sets["defaults"] = values{} // what is missing is said by helm install, see TestMissing
	for name, v := range sets {
		linter := lint.All(chartDir, v, space, true)
		for _, m := range linter.Messages {
			// An icon is for catalogs.
			if m.Severity > support.InfoSev || m.Severity == support.InfoSev && !strings.Contains(m.Err.Error(), "icon") {
				t.Errorf("helm lint with %s: %s", name, m)
			}
		}
	}
	broken := t.TempDir()
	if err := os.CopyFS(broken, os.DirFS(chartDir)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(broken, "templates", "services.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("{{- end }}"), nil, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if lint.All(broken, sets["minimal"], space, true).HighestSeverity < support.ErrorSev {
		t.Error("helm lint does not find a template without its end")
	}
	finds(t, "deploy/kubernetes/revoked", "helm lint", "a template without its end")
}

// What has no default is named before anything is installed.
func TestMissing(t *testing.T) {
	for _, tt := range []struct{ name, values, want string }{
		{"nothing", ``, "config.nats.url is missing: set one or more URLs"},
		{"no pool", `config: {nats: {url: "nats://n"}}`, "config.pools is empty: list at least one user pool"},
		{"nobody may call", `config: {nats: {url: "nats://n"}, pools: [{id: e-1_A, clients: [{id: a}]}]}`, "nobody may call the admin API: set secrets.apiKey.secretName"},
		{"Ingress without names", `{config: {nats: {url: "nats://n"}, pools: [{id: e-1_A, clients: [{id: a}]}], trusted_proxies: [10.0.0.0/8]}, secrets: {apiKey: {secretName: k}}, ingress: {enabled: true}}`, "ingress.hosts is empty"},
		{"Ingress that is not trusted", `{config: {nats: {url: "nats://n"}, pools: [{id: e-1_A, clients: [{id: a}]}]}, secrets: {apiKey: {secretName: k}}, ingress: {enabled: true, hosts: [a]}}`, "config.trusted_proxies is empty"},
		{"gate without pools", `{enabled: false, gate: {enabled: true, config: {nats: {url: "nats://n"}}}}`, "gate.config.pools is empty"},
		{"gate without rules", `{enabled: false, gate: {enabled: true, config: {nats: {url: "nats://n"}, pools: [{id: e-1_A}]}}}`, "gate.config.rules is empty"},
		{"example without gate", `{enabled: false, example: {enabled: true, image: {repository: a}}}`, "gate.enabled is false"},
		{"example without image", `{enabled: false, example: {enabled: true}, gate: {enabled: true, config: {nats: {url: "nats://n"}, pools: [{id: e-1_A}], rules: [{path: /}]}}}`, "example.image.repository is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := render(parse(t, tt.values)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("rendering %q: %v, want %q", tt.values, err, tt.want)
			}
		})
	}
	finds(t, "deploy/kubernetes/revoked/values.yaml", "helm template", "values without NATS, pools, callers")
}

// The gate of this chart in a Deployment of another, as its README shows.
func TestAsDependency(t *testing.T) {
	own, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(root + "/deploy/kubernetes/README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(start string) string {
		_, text, found := strings.Cut(string(readme), start)
		if !found {
			t.Fatalf("deploy/kubernetes/README.md has no block that starts with %q", start)
		}
		text, _, _ = strings.Cut(start+text, "```")
		return text
	}
	parent := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "orders", Version: "1.0.0", Dependencies: []*chart.Dependency{{Name: "revoked", Version: own.Metadata.Version}}},
		Templates: []*chart.File{{Name: "templates/deployment.yaml", Data: []byte(block("apiVersion: apps/v1\n"))}},
	}
	parent.AddDependency(own)
	v := parse(t, block("revoked:\n  enabled: false"))
	m, err := renderChart(parent, v)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decodeAll(m)
	if err != nil {
		t.Fatal(err)
	}
	found := problems(objects)
	if len(found) > 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
	pods := podsOf(objects)
	if len(pods) != 1 || len(pods[0].spec.InitContainers) != 1 || pods[0].spec.InitContainers[0].Name != "revoked-gate" {
		t.Errorf("the chart of another renders %d pods, want its own with the gate", len(pods))
	}
	if _, err := renderChart(parent, with(t, v, "revoked: {gate: {config: {rulse: []}}}")); err == nil || !strings.Contains(err.Error(), "rulse") {
		t.Errorf("a misspelled value of the gate is taken: %v", err)
	}
	finds(t, "deploy/kubernetes/README.md", "helm template of a chart that depends on ours", "revoked.gate.config.rulse")
}
