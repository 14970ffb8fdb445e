// Package docker checks the recipe for containers as far as that goes without a
// container engine.
package docker

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The build line of the Dockerfile makes each binary, static and with the version
// in it. `make check-deploy` runs it: it compiles everything anew.
func TestBuildLine(t *testing.T) {
	if os.Getenv("CHECK_DEPLOY") == "" {
		t.Skip("compiles three binaries; make check-deploy runs it")
	}
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*)$`).FindSubmatch(text)
	if line == nil {
		t.Fatal("no build line in the Dockerfile")
	}
	t.Attr("deploy/docker/Dockerfile", "its build line, run for every binary; finds a misspelled flag")
	misspelled := exec.CommandContext(t.Context(), "sh", "-ec", strings.Replace(string(line[1]), "-trimpath", "-trimpaht", 1))
	misspelled.Dir, misspelled.Env = "../..", append(os.Environ(), "PACKAGE=./cmd/revoked")
	if out, err := misspelled.CombinedOutput(); err == nil || !strings.Contains(string(out), "-trimpaht") {
		t.Errorf("with a misspelled flag: %v\n%s", err, out)
	}
	for _, binary := range []string{"revoked", "revoked-gate", "revokectl"} {
		t.Run(binary, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "app")
			script := strings.ReplaceAll(string(line[1]), "/out/app", out)
			build := exec.CommandContext(t.Context(), "sh", "-ec", script)
			build.Dir = "../.."
			build.Env = append(os.Environ(), "BINARY="+binary, "PACKAGE=./cmd/"+binary, "VERSION=v1.2.3-check")
			if text, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", script, err, text)
			}
			version, err := exec.CommandContext(t.Context(), out, "version").CombinedOutput()
			if err != nil || !strings.Contains(string(version), "v1.2.3-check") {
				t.Errorf("%s version: %v\n%s", binary, err, version)
			}
		})
	}
}

func TestBaseImages(t *testing.T) {
	t.Attr("deploy/docker/Dockerfile", "rules for images; finds another Go version, a user by name, a digest")
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if goVersion == nil {
		t.Fatal("go.mod names no version of Go")
	}
	if found := problems(string(text), string(goVersion[1])); len(found) > 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
	for from, to := range map[string]string{
		" golang:":                " golang:1.1",
		"USER 65532:65532":        "USER nonroot:nonroot",
		"-debian12:nonroot":       "-debian12@sha256:00",
		`ENTRYPOINT ["/app"]`:     `ENTRYPONT ["/app"]`,
		"FROM gcr.io/distroless/": "FROM docker.io/library/",
	} {
		broken := strings.Replace(string(text), from, to, 1)
		if broken == string(text) || len(problems(broken, string(goVersion[1]))) == 0 {
			t.Errorf("with %q for %q nothing is found", to, from)
		}
	}
}

// problems returns what is wrong with a recipe.
func problems(text, goVersion string) (found []string) {
	for _, want := range []string{
		" golang:" + goVersion + " AS build", "FROM gcr.io/distroless/static-debian12:nonroot",
		"USER 65532:65532", `ENTRYPOINT ["/app"]`,
	} {
		if !strings.Contains(text, want) {
			found = append(found, "the Dockerfile lacks "+want)
		}
	}
	if strings.Contains(text, "@sha256:") {
		found = append(found, "the Dockerfile names a digest, which nobody here could have checked")
	}
	return found
}
