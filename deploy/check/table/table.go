package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test string
	Output                            string
	Key, Value                        string // of an attribute
}

// test names one test, or with an empty name a package.
type test struct{ pkg, name string }

// table prints a line for each artifact as the tests that check it end.
type table struct {
	out      io.Writer
	claims   map[test][]claim // of tests that run
	output   map[test]string  // likewise
	artifact map[string]bool  // those with a line

	lines, failed, skipped int
}

// claim is what a test says of an artifact.
type claim struct{ file, tool, mistake string }

func newTable(out io.Writer) *table {
	return &table{out: out, claims: map[test][]claim{}, output: map[test]string{}, artifact: map[string]bool{}}
}

func (t *table) read(dec *json.Decoder) error {
	for {
		var e event
		switch err := dec.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the events of go test: %w", err)
		}
		t.event(e)
	}
}

func (t *table) event(e event) {
	id := test{e.Package, e.Test}
	switch e.Action {
	case "attr":
		// Other attributes are none of ours.
		if tool, mistake, ok := strings.Cut(e.Value, "; finds "); ok {
			t.claims[id] = append(t.claims[id], claim{e.Key, tool, mistake})
		}
	case "output":
		t.output[id] += e.Output
	case "build-output":
		fmt.Fprint(t.out, e.Output)
	case "pass", "fail", "skip":
		t.end(id, e.Action)
	}
}

func (t *table) end(id test, action string) {
	result := map[string]string{"pass": "ok", "fail": "FAIL", "skip": "skip"}[action]
	for _, c := range t.claims[id] {
		t.artifact[c.file] = true
		t.lines++
		switch action {
		case "fail":
			t.failed++
		case "skip":
			t.skipped++
		}
		fmt.Fprintf(t.out, "%-4s  %-52s  %-34s  finds %s\n", result, c.file, c.tool, c.mistake)
	}
	if action == "fail" || action == "skip" && len(t.claims[id]) > 0 {
		fmt.Fprint(t.out, t.output[id])
	}
	delete(t.claims, id)
	delete(t.output, id)
}

// unchecked returns the files under deploy/ that are neither ours to compile
// nor to read, and that no line is about. A line about a folder is about all
// that is in it.
func (t *table) unchecked(root string) ([]string, error) {
	var missing []string
	err := filepath.WalkDir(filepath.Join(root, "deploy"), func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			if slices.Contains(madeHere, name) {
				return fs.SkipDir
			}
			return nil
		}
		if base := path.Base(name); strings.HasPrefix(base, ".") || slices.Contains([]string{".go", ".md"}, path.Ext(base)) {
			return nil
		}
		for part := name; part != "."; part = path.Dir(part) {
			if t.artifact[part] {
				return nil
			}
		}
		missing = append(missing, name)
		return nil
	})
	return missing, err
}

// madeHere are folders of what is made, not shipped, and of the checks.
var madeHere = []string{"deploy/check", "deploy/nats/keys", "deploy/compose/secrets", "deploy/compose/state"}
