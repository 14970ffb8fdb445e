package service_test

import (
	"os"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// The example of docs/api.md works.
func TestConfigurationExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	env := map[string]string{"REVOKED_API_KEY": apiKey, "REVOKED_SEAL_KEYS": sealKey}
	if _, err := service.Load(write(t, "revoked.yaml", example), env, nil); err != nil {
		t.Errorf("the example: %v", err)
	}
}
