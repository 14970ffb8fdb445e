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
	for _, binary := range []string{"revoked", "revoked-gate", "revokectl"} {
		t.Run(binary, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "app")
			script := strings.ReplaceAll(string(line[1]), "/out/app", out)
			build := exec.CommandContext(t.Context(), "sh", "-ec", script)
			build.Dir = "../.."
			build.Env = append(os.Environ(), "BINARY="+binary, "VERSION=v1.2.3-check")
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
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if goVersion == nil || !strings.Contains(string(text), " golang:"+string(goVersion[1])+" AS build") {
		t.Errorf("the build image is not that of go.mod's Go version %s", goVersion[1])
	}
	for _, want := range []string{"FROM gcr.io/distroless/static-debian12:nonroot", "USER nonroot:nonroot", `ENTRYPOINT ["/app"]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
	if strings.Contains(string(text), "@sha256:") {
		t.Error("the Dockerfile names a digest, which nobody here could have checked")
	}
}
