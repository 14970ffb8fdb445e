package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	tab := newTable(&out)
	err := tab.read(json.NewDecoder(strings.NewReader(`
{"Action":"attr","Package":"p","Test":"TestA","Key":"deploy/a.conf","Value":"a -t; finds a typo"}
{"Action":"attr","Package":"p","Test":"TestA","Key":"other","Value":"not ours"}
{"Action":"output","Package":"p","Test":"TestA","Output":"silent\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"attr","Package":"p","Test":"TestB","Key":"deploy/b","Value":"b; finds nothing"}
{"Action":"output","Package":"p","Test":"TestB","Output":"loud\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"attr","Package":"p","Test":"TestC","Key":"deploy/c","Value":"c; finds c"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"build-output","ImportPath":"q","Output":"does not compile\n"}
`)))
	if err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{"ok    deploy/a.conf", "FAIL  deploy/b", "loud\n", "skip  deploy/c", "does not compile"} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "silent") || strings.Contains(got, "not ours") || tab.lines != 3 || tab.failed != 1 || tab.skipped != 1 {
		t.Errorf("%d lines, %d failed, %d skipped, and:\n%s", tab.lines, tab.failed, tab.skipped, got)
	}
}

func TestUnchecked(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a.conf", "b/x/y.yaml", "b/README.md", "c.json", "check/go.mod", "c_test.go"} {
		file := filepath.Join(root, "deploy", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tab := newTable(&strings.Builder{})
	tab.artifact["deploy/a.conf"], tab.artifact["deploy/b"] = true, true
	missing, err := tab.unchecked(root)
	if err != nil || len(missing) != 1 || missing[0] != "deploy/c.json" {
		t.Errorf("unchecked: %v, %v; want deploy/c.json", missing, err)
	}
}
