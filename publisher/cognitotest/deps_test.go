package cognitotest_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestStandsAlone keeps the emulator usable by others: a test that imports
// it links nothing of ours and nothing beyond the standard library.
func TestStandsAlone(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if got := strings.Fields(string(out)); len(got) != 1 {
		t.Errorf("imports %v, want the standard library only", got)
	}
}
