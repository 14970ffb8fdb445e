package httpauth_test

import (
	"os/exec"
	"regexp"
	"testing"
)

// A service that verifies tokens in HTTP handlers links the validator, and no
// stream, AWS SDK, other transport or metrics library for it.
func TestImports(t *testing.T) {
	deps, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	forbidden := regexp.MustCompile(`(?m)^(github\.com/(nats-io|aws|prometheus)/|google\.golang\.org/grpc|go\.opentelemetry\.io|.*/revoked/(subscriber|publisher|internal)).*`)
	for _, dep := range forbidden.FindAllString(string(deps), -1) {
		t.Errorf("imports %s: the handler knows how a verdict is told, not how it was reached", dep)
	}
	if !regexp.MustCompile(`(?m)^.*/revoked/validator$`).Match(deps) {
		t.Error("go list does not name the validator: this test has stopped looking")
	}
}
