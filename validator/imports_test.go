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
		"google.golang.org":                 "gRPC is validator/grpcauth's, the wire format revocation's to hide",
		"github.com/prometheus":             "libraries expose Stats; a collector is in a package of its own",
		"go.opentelemetry.io":               "tracing is the caller's choice",
		"github.com/lestrrat-go/jwx/v2/jwt": "claims are read by our strict parser, and by nothing else",
	}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dep := range strings.Lines(string(out)) {
		for prefix, reason := range forbidden {
			if strings.HasPrefix(strings.TrimSpace(dep), prefix) && !allowed(strings.TrimSpace(dep)) {
				t.Errorf("imports %s: %s", strings.TrimSpace(dep), reason)
			}
		}
	}
}

// allowed: revocation encodes acts with protowire.
func allowed(dep string) bool {
	return strings.HasPrefix(dep, "google.golang.org/protobuf/encoding/protowire") || strings.HasPrefix(dep, "google.golang.org/protobuf/internal/")
}
