package published

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

const root = "../../../"

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(root + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// goreleaser reads the file with these types, strictly.
func TestGoreleaser(t *testing.T) {
	const name = ".goreleaser.yaml"
	t.Attr(name, "goreleaser's types; finds a misspelled field and a wrong type")
	text := read(t, name)
	project, err := config.LoadReader(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if project.Version != 2 || len(project.Builds) != 4 || len(project.Archives) != 1 || len(project.SBOMs) != 1 || len(project.Signs) != 1 || len(project.DockersV2) != 3 {
		t.Errorf("goreleaser sees %d builds, %d archives, %d sboms, %d signs and %d images",
			len(project.Builds), len(project.Archives), len(project.SBOMs), len(project.Signs), len(project.DockersV2))
	}
	for _, mistake := range [][2]string{
		{"mod_timestamp:", "mod_timestmp:"},
		{"name_template: checksums.txt", "name_tmpl: checksums.txt"},
		{"build_args:", "build_arg:"},
		{"platforms: [linux/amd64, linux/arm64]", "platforms: {linux: amd64}"},
	} {
		broken := strings.Replace(string(text), mistake[0], mistake[1], 1)
		if broken == string(text) {
			t.Errorf("%s has no %q to misspell", name, mistake[0])
		}
		if _, err := config.LoadReader(strings.NewReader(broken)); err == nil {
			t.Errorf("goreleaser takes %q for %q", mistake[1], mistake[0])
		}
	}
}

// actionlintVersion is built on its own: it and goreleaser want different versions of
// one library.
const actionlintVersion = "v1.7.12"

// actionlint builds it, and returns what reports the problems of a workflow.
func actionlint(t *testing.T) func(name string, text []byte) string {
	t.Helper()
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install", "github.com/rhysd/actionlint/cmd/actionlint@"+actionlintVersion)
	install.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", install, err, out)
	}
	return func(name string, text []byte) string {
		// Neither shellcheck nor pyflakes, which may be there or not.
		lint := exec.CommandContext(t.Context(), filepath.Join(dir, "actionlint"), "-no-color", "-oneline", "-shellcheck=", "-pyflakes=", "-stdin-filename", name, "-")
		lint.Stdin = bytes.NewReader(text)
		out, err := lint.CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
			t.Fatalf("%v: %v\n%s", lint, err, out)
		}
		return string(out)
	}
}

func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob(root + ".github/workflows/*.yml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d workflows: %v", len(files), err)
	}
	lint := actionlint(t)
	for _, file := range files {
		name := strings.TrimPrefix(filepath.ToSlash(file), root)
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Attr(name, "actionlint; finds a misspelled key, permission block, input of an action and time limit")
			text := read(t, name)
			if problems := lint(name, text); problems != "" {
				t.Error(problems)
			}
			for _, mistake := range [][2]string{
				{"runs-on:", "run-on:"},
				{"permissions:", "permission:"},
				{"persist-credentials: false", "persist-credential: false"},
				{"timeout-minutes:", "timeout:"},
			} {
				broken := bytes.Replace(text, []byte(mistake[0]), []byte(mistake[1]), 1)
				if bytes.Equal(broken, text) {
					t.Errorf("%s has no %q to misspell", name, mistake[0])
				}
				if lint(name, broken) == "" {
					t.Errorf("actionlint takes %q for %q in %s", mistake[1], mistake[0], name)
				}
			}
		})
	}
}

// A workflow may do nothing but read, unless a job says why.
func TestPermissions(t *testing.T) {
	files, err := filepath.Glob(root + ".github/workflows/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text := read(t, strings.TrimPrefix(filepath.ToSlash(file), root))
		if !bytes.Contains(text, []byte("\npermissions:\n  contents: read\n")) {
			t.Errorf("%s does not begin with the permission to read only", file)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, ": write") && !strings.Contains(line, "#") {
				t.Errorf("%s: %q has no reason", file, strings.TrimSpace(line))
			}
			if strings.Contains(line, "uses:") && (!strings.Contains(line, "@v") || strings.Contains(line, "@main")) {
				t.Errorf("%s: %q names no major version", file, strings.TrimSpace(line))
			}
		}
	}
}
