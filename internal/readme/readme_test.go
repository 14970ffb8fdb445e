package readme_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every Go block of README.md is, line by line, between two markers of a file
// that compiles.
func TestGoBlocksAreCompiledCode(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var compiled []string
	for _, name := range []string{"adopt.go", "orders/main.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?s)// README: [a-z ]+ lines\n(.*?)\t// README: end`).FindAllSubmatch(source, -1) {
			compiled = append(compiled, dedent(string(m[1])))
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) != 2 || len(compiled) != 2 {
		t.Fatalf("%d Go blocks in README.md, %d in compiled files, want 2 of each", len(blocks), len(compiled))
	}
	for _, b := range blocks {
		found := false
		for _, c := range compiled {
			found = found || string(b[1]) == c
		}
		if !found {
			t.Errorf("this block of README.md is in no compiled file:\n%s", b[1])
		}
	}
}

// dedent takes one tab from the front of every line.
func dedent(s string) string {
	return strings.TrimPrefix(strings.ReplaceAll("\n"+s, "\n\t", "\n"), "\n")
}
