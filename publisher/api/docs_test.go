package api_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var problemTypes = regexp.MustCompile(`"(/problems/\w+)"`)

// docs/api.md names every problem type of problem.go.
func TestProblemsAreDocumented(t *testing.T) {
	source, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	types := problemTypes.FindAllStringSubmatch(string(source), -1)
	if len(types) < 10 {
		t.Fatalf("%d problem types found, want all", len(types))
	}
	for _, m := range types {
		if !strings.Contains(string(docs), "`"+m[1]+"`") {
			t.Errorf("docs/api.md does not name %s", m[1])
		}
	}
}
