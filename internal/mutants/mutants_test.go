package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The lists go stale when code changes: this finds it out without a compiler.
func TestListsFitTheCode(t *testing.T) {
	seen := make(map[string]bool)
	for _, m := range slices.Concat(allMutants(), simMutants) {
		src, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(m.file)))
		if err != nil {
			t.Errorf("%s: %v", m.name(), err)
			continue
		}
		if _, err := m.mutate(src); err != nil {
			t.Errorf("%s: %v", m.promise, err)
		}
		if m.promise == "" || seen[m.name()] {
			t.Errorf("%s: the name must be there and be no other's", m.name())
		}
		seen[m.name()] = true
	}
}

// sample is a module whose tests hold one promise of two.
var sample = map[string]string{
	"go.mod": "module example.com/sample\n\ngo 1.26\n",
	"sum/sum.go": `package sum

func Add(a, b int) int { return a + b }

func Sub(a, b int) int { return a - b }
`,
	"sum/sum_test.go": `package sum

import "testing"

func TestAdd(t *testing.T) {
	if got := Add(3, 2); got != 5 {
		t.Errorf("Add(3, 2) = %d, want 5", got)
	}
}
`,
}

func newRunner(t *testing.T, files map[string]string) (r *runner, out *strings.Builder) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out = new(strings.Builder)
	return &runner{root: root, parallel: 2, timeout: 10 * time.Second, out: out}, out
}

func TestVerdicts(t *testing.T) {
	r, out := newRunner(t, sample)
	mutants := []mutant{
		{file: "sum/sum.go", find: "a + b", replace: "a * b", promise: "wrong sum"},
		{file: "sum/sum.go", find: "a + b", replace: "1 / (b - b)", promise: "panic"},
		{file: "sum/sum.go", find: "a - b", replace: "a + 2*b", promise: "untested"},
		{file: "sum/sum.go", find: "a + b", replace: "a * b", run: "TestOther", promise: "other tests only"},
		{file: "sum/sum.go", find: "a + b", replace: "a + ", promise: "no Go"},
		{file: "sum/sum.go", find: "a / b", replace: "a", promise: "not there"},
		{file: "sum/sum.go", find: "a, b int", replace: "b, a int", promise: "there twice"},
		{file: "sum/sum.go", find: "a + b", replace: "a + b", promise: "no change"},
		{file: "sum/none.go", find: "a", replace: "b", promise: "no file", pkg: "sum"},
	}
	bad, err := r.runAll(t.Context(), mutants)
	if err != nil || bad != 7 {
		t.Errorf("runAll = %d, %v, want 7 not caught", bad, err)
	}
	want := map[string]verdict{
		"wrong sum": caught, "panic": caught, "untested": survived, "other tests only": survived,
		"no Go": invalid, "not there": invalid, "there twice": invalid, "no change": invalid, "no file": invalid,
	}
	for line := range strings.Lines(out.String()) {
		for promise, v := range want {
			if strings.HasSuffix(line, ": "+promise+"\n") {
				if !strings.HasPrefix(line, string(v)) {
					t.Errorf("line %q, want %s", line, v)
				}
				delete(want, promise)
			}
		}
	}
	if len(want) > 0 || !strings.Contains(out.String(), "9 mutants") || !strings.Contains(out.String(), ": 2 caught, 2 survived, 5 invalid") {
		t.Errorf("no line for %v, or a wrong total in\n%s", want, out)
	}
	if !strings.Contains(out.String(), "\t- a - b\n\t+ a + 2*b\n") {
		t.Errorf("a mutant that survived is not shown in\n%s", out)
	}
	for name, text := range sample {
		if got, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name))); err != nil || string(got) != text {
			t.Errorf("%s was changed: %s, %v", name, got, err)
		}
	}
}

func TestEndlessTestsAreCaught(t *testing.T) {
	r, out := newRunner(t, sample)
	r.timeout = time.Second
	m := mutant{file: "sum/sum.go", find: "return a + b", replace: "for { _ = a }", promise: "no end"}
	if bad, err := r.runAll(t.Context(), []mutant{m}); err != nil || bad != 0 {
		t.Errorf("runAll = %d, %v, want it caught:\n%s", bad, err, out)
	}
}

// Tests that fail anyway would make every mutant look caught.
func TestNothingIsCaughtByTestsThatFailAnyway(t *testing.T) {
	files := map[string]string{"go.mod": sample["go.mod"], "sum/sum_test.go": sample["sum/sum_test.go"]}
	files["sum/sum.go"] = strings.ReplaceAll(sample["sum/sum.go"], "a + b", "a | b<<2")
	r, out := newRunner(t, files)
	_, err := r.runAll(t.Context(), []mutant{{file: "sum/sum.go", find: "a - b", replace: "a", promise: "any"}})
	if err == nil || !strings.Contains(err.Error(), "fail without a mutation") || out.Len() > 0 {
		t.Errorf("runAll = %v, printed %q, want an error about the tests", err, out)
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		args   string
		code   int
		stdout string // part of it
		stderr string
	}{
		{"-list", 0, "revocation/act.go: acts are scoped by pool\n", ""},
		{"-list -only scoped", 0, "revocation/act.go: acts are scoped by pool\n", ""},
		{"-only no-such-mutant", 2, "", "none matches"},
		{"-only (", 2, "", "bad flags"},
		{"-parallel 0", 2, "", "bad flags"},
		{"revocation", 2, "", "bad flags"},
		{"-nonsense", 2, "", "not defined"},
	} {
		var stdout, stderr strings.Builder
		code := run(t.Context(), strings.Fields(test.args), &stdout, &stderr)
		if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("mutants %s = %d, stdout %q, stderr %q, want %d, %q, %q",
				test.args, code, &stdout, &stderr, test.code, test.stdout, test.stderr)
		}
	}
}
