package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// node is a part of values.schema.json.
type node struct {
	Type                 string           `json:"type"`
	Description          string           `json:"description"`
	Properties           map[string]*node `json:"properties"`
	Items                *node            `json:"items"`
	AdditionalProperties any              `json:"additionalProperties"`
}

func schema(t *testing.T) *node {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chartDir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	root := new(node)
	if err := json.Unmarshal(text, root); err != nil {
		t.Fatal(err)
	}
	return root
}

// at returns the part for a path such as config.pools[].id, nil if there is none.
func (n *node) at(path string) *node {
	for step := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(step, "[]")
		if n = n.Properties[name]; n != nil && list {
			n = n.Items
		}
		if n == nil {
			return nil
		}
	}
	return n
}

func (n *node) keys() []string {
	if n == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(n.Properties))
}

// walk calls f for each value below n.
func (n *node) walk(path string, f func(path string, n *node)) {
	for _, key := range n.keys() {
		child, at := n.Properties[key], strings.TrimPrefix(path+"."+key, ".")
		f(at, child)
		child.walk(at, f)
		if child.Items != nil {
			child.Items.walk(at+"[]", f)
		}
	}
}

// kubernetesValue is how the description of a value begins whose schema is that of
// the API: the strict reading of manifests is what checks it.
const kubernetesValue = "Kubernetes: "

func TestSchemaIsStrict(t *testing.T) {
	s := schema(t)
	closed := func(path string, n *node) {
		if strings.HasPrefix(n.Description, kubernetesValue) {
			return
		}
		if n.Description == "" {
			t.Errorf("%s has no description", path)
		}
		for _, part := range []*node{n, n.Items} {
			if part != nil && part.Type == "object" && part.AdditionalProperties == nil {
				t.Errorf("%s takes any key", path)
			}
		}
	}
	closed("the root", s)
	s.walk("", closed)
}

// A value that nobody reads is refused, at every place where there are values.
func TestMisspeltValues(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defaults := parse(t, string(text))
	base := valueSet(t, "everything")
	places := 0
	var misspelled func(path []string, v any)
	misspelled = func(path []string, v any) {
		part, ok := v.(map[string]any)
		n := schema(t)
		if len(path) > 0 {
			n = n.at(strings.Join(path, "."))
		}
		if !ok || n == nil || n.AdditionalProperties != false {
			return
		}
		over := map[string]any{"misspelled": true}
		for i := len(path) - 1; i >= 0; i-- {
			over = map[string]any{path[i]: over}
		}
		raw, err := yaml.Marshal(over)
		if err != nil {
			t.Fatal(err)
		}
		_, err = render(with(t, base, string(raw)))
		if err == nil || !strings.Contains(err.Error(), "misspelled") {
			t.Errorf("a misspelled value at %q is taken: %v", strings.Join(path, "."), err)
		}
		places++
		for key, child := range part {
			misspelled(append(slices.Clone(path), key), child)
		}
	}
	misspelled(nil, defaults)
	for _, tt := range []struct{ values, want string }{
		{`replicsa: 3`, "replicsa"},
		{`replicas: 0`, "replicas"},
		{`config: {pools: [{id: eu-west-1_A, clients: [{id: a, secret: hunter2}]}]}`, "secret"},
		{`config: {api_key: hunter2}`, "api_key"},
		{`config: {nats: {url: "nats://user:hunter2@n:4222"}}`, "url"},
		{`config: {public_addr: "127.0.0.1:8080"}`, "public_addr"},
		{`config: {shutdown_delay: 1m30s}`, "shutdown_delay"},
		{`gate: {config: {metrics_addr: "127.0.0.1:9091"}}`, "metrics_addr"},
		{`gate: {config: {forward_auth: {listen: ["unix:/run/gate.sock"]}}}`, "listen"},
		{`resources: {limits: {memory: 512}}`, "memory"},
		{`image: {digest: latest}`, "digest"},
	} {
		if _, err := render(with(t, base, tt.values)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s is taken: %v", tt.values, err)
		}
	}
	finds(t, "deploy/kubernetes/revoked/values.schema.json", "helm template",
		fmt.Sprintf("a misspelled key in each of %d maps", places), "replicsa", "config.api_key")
}

// README.md lists all values as the schema and values.yaml have them.
// UPDATE=1 writes the table.
func TestReadmeListsValues(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defaults := parse(t, string(text))
	var table strings.Builder
	table.WriteString("| value | default | |\n|---|---|---|\n")
	schema(t).walk("", func(path string, n *node) {
		def, leaf := defaultOf(defaults, path), n.Properties == nil
		if !leaf {
			def = ""
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", path, def, strings.ReplaceAll(n.Description, "|", "\\|"))
	})
	const begin, end = "<!-- values -->\n", "<!-- end -->\n"
	file := filepath.Join(chartDir, "README.md")
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(readme), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks of the table", file)
	}
	want := head + begin + table.String() + end + tail
	if want == string(readme) {
		finds(t, "deploy/kubernetes/revoked/README.md", "compared with the values", "a value that the table lacks")
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s is not as values.yaml and values.schema.json are: UPDATE=1 CHECK_DEPLOY=1 go test -run %s", file, t.Name())
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// defaultOf returns a default as code, "" if there is none.
func defaultOf(v any, path string) string {
	for step := range strings.SplitSeq(path, ".") {
		part, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		if v, ok = part[step]; !ok {
			return ""
		}
	}
	raw, err := json.Marshal(v)
	if err != nil || string(raw) == `""` {
		return ""
	}
	if s, ok := v.(string); ok {
		return "`" + s + "`"
	}
	return "`" + string(raw) + "`"
}
