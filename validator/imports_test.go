package validator_test

import (
	"os/exec"
	"strings"
	"testing"
)

// An API node that verifies tokens must not have to link what it does not use.
func TestImports(t *testing.T) {
	const ours = "github.com/seed-4e8dee1b/revoked/"
	forbidden := map[string]string{
		ours + "subscriber":                 "it satisfies Denylist without being named: any denylist will do",
		ours + "publisher":                  "revoking is another process's work",
		ours + "internal":                   "streams and denylists are behind Denylist",
		ours + "validator/":                 "transports build on the validator, not the reverse",
		"github.com/nats-io":                "the validator knows no stream",
		"github.com/aws":                    "keys are fetched over plain HTTP",
		"github.com/prometheus":             "libraries expose Stats; a collector is in a package of its own",
		"github.com/lestrrat-go/jwx/v2/jwt": "claims are read by our strict parser, and by nothing else",
		"google.golang.org/grpc":            "transports are in packages of their own",
		"go.opentelemetry.io":               "tracing is the caller's choice",
	}
	deps, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dep := range strings.FieldsSeq(string(deps)) {
		for prefix, reason := range forbidden {
			if strings.HasPrefix(dep, prefix) {
				t.Errorf("imports %s: %s", dep, reason)
			}
		}
	}
}
