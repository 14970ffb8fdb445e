package service_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/service"
)

// docs/api.md names every key and variable, and its example works.
func TestConfigurationIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(text)
	for _, of := range []any{service.Config{}, service.NATS{}, service.Probe{}, service.Pool{}, service.Client{}, service.Key{}, service.Grant{}} {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
			key := field.Tag.Get("yaml")
			if key == "-" || key == "api_key" || key == "seal_keys" || key == "secret" || key == "nats" || key == "pools" || key == "probe" || key == "callers" {
				continue
			}
			if !regexp.MustCompile("[`.]"+key+"`").MatchString(docs) && key != "clients" {
				t.Errorf("docs/api.md does not name the key %s of %T", key, of)
			}
			if env := field.Tag.Get("env"); env != "" && !strings.Contains(docs, "`"+env+"`") {
				t.Errorf("docs/api.md does not name the variable %s", env)
			}
		}
	}
	_, example, _ := strings.Cut(docs, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	env := map[string]string{"REVOKED_API_KEY": apiKey, "REVOKED_SEAL_KEYS": sealKey}
	if _, err := service.Load(write(t, "revoked.yaml", example), env, nil); err != nil {
		t.Errorf("the example: %v", err)
	}
}
