package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallChart is one with a link and a folder that is left out.
func smallChart(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	from := filepath.Join(root, "chart")
	if err := errors.Join(
		put(filepath.Join(from, "Chart.yaml"), "name: revoked\nversion: 0.1.0\nappVersion: devel\n", 0o644),
		put(filepath.Join(from, ".helmignore"), "# values of checks\nci/\n", 0o644),
		put(filepath.Join(from, "ci", "a-values.yaml"), "a: 1\n", 0o644),
		put(filepath.Join(from, "templates", "a.yaml"), "a: 1\n", 0o600),
		put(filepath.Join(root, "rules.yml"), "groups: []\n", 0o644),
		os.MkdirAll(filepath.Join(from, "files"), 0o755),
		os.Symlink("../../rules.yml", filepath.Join(from, "files", "rules.yml")),
	); err != nil {
		t.Fatal(err)
	}
	return from
}

func TestChart(t *testing.T) {
	from := smallChart(t)
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "1.2.3": "1.2.3", "v1.4.0-rc.1": "1.4.0-rc.1", "v0.1.0-5-g0123456": "0.1.0-5-g0123456", "0123456-dirty": "0.0.0-g0123456-dirty",
	} {
		dir := t.TempDir()
		src := sources{version: version, date: testDate}
		if err := src.chart(from, dir); err != nil {
			t.Fatal(err)
		}
		said, err := checkChart(dir, from)
		if err != nil || !strings.Contains(said, "version "+want+", 4 files") {
			t.Errorf("of %s: %q, %v", version, said, err)
		}
		to := t.TempDir()
		if err := untar(filepath.Join(dir, "revoked-"+want+".tgz"), to); err != nil {
			t.Fatal(err)
		}
		about, _ := os.ReadFile(filepath.Join(to, "revoked", "Chart.yaml"))
		if got, want := string(about), "name: revoked\nversion: \""+want+"\"\nappVersion: \""+version+"\"\n"; got != want {
			t.Errorf("Chart.yaml is %q, want %q", got, want)
		}
		if _, err := os.Stat(filepath.Join(to, "revoked", "ci")); err == nil {
			t.Error("the package has what .helmignore names")
		}
	}
}

func TestChartRefused(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(from string) error
		want  string
	}{
		{"a link to nothing", func(from string) error { return os.Remove(filepath.Join(from, "..", "rules.yml")) }, "no such file"},
		{"a link to a folder", func(from string) error { return os.Symlink("../ci", filepath.Join(from, "files", "all")) }, "is no file"},
		{"two versions", func(from string) error {
			return put(filepath.Join(from, "Chart.yaml"), "version: 1.0.0\nversion: 1.0.1\nappVersion: a\n", 0o644)
		}, "2 lines with version"},
		{"a pattern", func(from string) error { return put(filepath.Join(from, ".helmignore"), "*.md\n", 0o644) }, `"*.md" is not the name of a folder`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from := smallChart(t)
			if err := tt.spoil(from); err != nil {
				t.Fatal(err)
			}
			if err := (sources{version: "v1.2.3"}).chart(from, t.TempDir()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("chart = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCheckChart(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(dir, from string) error
		want  string
	}{
		{"none", func(dir, _ string) error { return os.Remove(filepath.Join(dir, "revoked-1.2.3.tgz")) }, "0 charts"},
		{"another name", func(dir, _ string) error {
			return os.Rename(filepath.Join(dir, "revoked-1.2.3.tgz"), filepath.Join(dir, "revoked-1.2.4.tgz"))
		}, "has not the version 1.2.4"},
		{"a file that has changed since", func(_, from string) error { return put(filepath.Join(from, "..", "rules.yml"), "groups: [a]\n", 0o644) }, "files/rules.yml is not that of"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, dir := smallChart(t), t.TempDir()
			if err := (sources{version: "v1.2.3", date: testDate}).chart(from, dir); err != nil {
				t.Fatal(err)
			}
			if err := tt.spoil(dir, from); err != nil {
				t.Fatal(err)
			}
			if _, err := checkChart(dir, from); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("checkChart = %v, want %q", err, tt.want)
			}
		})
	}
}

// goreleaser publishes the package that make dist makes.
func TestGoreleaserPublishesTheChart(t *testing.T) {
	g := readGoreleaser(t)
	const glob = ".release/revoked-*.tgz"
	if at := strings.Join(g.Before.Hooks, "\n"); !strings.Contains(at, "go run ./internal/release -version {{ .Tag }} chart .release") {
		t.Errorf("the hooks are\n%s", at)
	}
	for what, files := range map[string][]extraFile{"release": g.Release.ExtraFiles, "checksum": g.Checksum.ExtraFiles} {
		if len(files) != 1 || files[0].Glob != glob {
			t.Errorf("%s has the extra files %v, want %s", what, files, glob)
		}
	}
	if ok, err := filepath.Match(glob, ".release/"+(sources{version: "v1.2.3"}).chartName()); err != nil || !ok {
		t.Errorf("%s does not match the package: %v", glob, err)
	}
}
