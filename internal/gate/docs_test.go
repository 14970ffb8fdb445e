package gate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// docs/gate.md names every header and metric, and its example works.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(text)
	for _, name := range identityHeaders {
		if !strings.Contains(docs, "`"+name+"`") {
			t.Errorf("docs/gate.md does not name the header %s", name)
		}
	}
	_, example, _ := strings.Cut(docs, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	path := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(example, "\n   ", "\n")[3:]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := gate.Load(path, map[string]string{"NATS_URL": "nats://localhost:4222"}); err != nil {
		t.Errorf("the example: %v", err)
	}

	w := world(t)
	g := start(t, w, rulesYAML)
	awaitReady(t, g)
	ask(t, g, "GET", "/orders", bearer(w.Token(cognitotest.MintOptions{})))
	for line := range strings.Lines(metric(t, g, "revoked_gate_")) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ = strings.Cut(name, "{")
		if !strings.Contains(docs, "`"+name+"`") && !strings.Contains(docs, "`"+name+"{") {
			t.Errorf("docs/gate.md does not name the metric %s", name)
		}
	}
}
