package docs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/internal/docs"
	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/service"
)

func open(t *testing.T) (*docs.Repo, *docs.Source) {
	t.Helper()
	repo, err := docs.Open("../..")
	if err != nil {
		t.Fatal(err)
	}
	source, err := repo.Source()
	if err != nil {
		t.Fatal(err)
	}
	return repo, source
}

// What the Markdown files of the repository say by name exists. The commands
// of each program are checked beside it, in cmd.
func TestDocs(t *testing.T) {
	repo, source := open(t)
	code, err := repo.GoBlocks()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range slices.Concat(repo.Links(), code, repo.Names(source)) {
		t.Error(p)
	}
	blocks := 0
	for _, page := range repo.Pages {
		for _, b := range page.Blocks {
			if b.Info != "yaml" || strings.HasPrefix(page.Path, "deploy/kubernetes/") { // values of the chart, which deploy/check reads
				continue
			}
			blocks++
			if err := loads(t, b.Text); err != nil {
				t.Errorf("%s:%d: the configuration is that of no program: %v", page.Path, b.Line, err)
			}
		}
	}
	if blocks == 0 || len(repo.Pages) < 30 {
		t.Errorf("%d pages with %d configurations were found: the search is wrong", len(repo.Pages), blocks)
	}
}

// loads returns why neither the service nor the gate takes a configuration. One
// without pools is a piece of a file: its keys and types are looked at.
func loads(t *testing.T, text string) error {
	t.Helper()
	var keys map[string]any
	if err := yaml.Unmarshal([]byte(text), &keys); err != nil {
		return err
	}
	var ofGate bool
	for _, key := range []string{"rules", "forward_auth", "ext_authz", "check", "break_glass_file"} {
		_, has := keys[key]
		ofGate = ofGate || has
	}
	if _, whole := keys["pools"]; !whole {
		if ofGate {
			return config.Wrong(config.Decode("gate.yaml", []byte(text), new(gate.Config)))
		}
		return config.Wrong(config.Decode("revoked.yaml", []byte(text), new(service.Config)))
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"NATS_URL": "nats://localhost:4222"}
	t.Chdir(filepath.Dir(path))
	for key, secret := range map[string]struct{ variable, value string }{
		"api_key_file":   {"REVOKED_API_KEY", strings.Repeat("k", 32)},
		"seal_keys_file": {"REVOKED_SEAL_KEYS", strings.Repeat("5ea1", 16)},
	} {
		name, isFile := keys[key].(string)
		switch {
		case !isFile:
			env[secret.variable] = secret.value
		case filepath.IsLocal(name):
			if err := os.WriteFile(name, []byte(secret.value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ofGate {
		_, err := gate.Load(path, env)
		return err
	}
	_, err := service.Load(path, env, nil)
	return err
}
