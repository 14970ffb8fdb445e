package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// shells are what cobra completes for, with the endings of their scripts.
var shells = map[string]string{"bash": ".bash", "zsh": ".zsh", "fish": ".fish", "powershell": ".ps1"}

const licenseFile = "THIRD_PARTY_LICENSES.txt"

// extras writes what archives have beside the binaries and is made from them:
// completions/ and the licenses of all modules that are linked.
func extras(ctx context.Context, dir string) error {
	built, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(built)
	plain := sources{version: "dev"}
	if err := plain.compile(ctx, host, filepath.Join(built, "host")); err != nil {
		return err
	}
	if err := completions(ctx, filepath.Join(built, "host"), filepath.Join(dir, "completions")); err != nil {
		return err
	}
	text, err := licenses(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, licenseFile), []byte(text), 0o644)
}

func completions(ctx context.Context, built, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, b := range binaries {
		for shell, ending := range shells {
			text, err := output(ctx, nil, filepath.Join(built, host.file(b)), "completion", shell)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, b+ending), []byte(text+"\n"), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// licenseName matches the files in which modules keep what must go with them.
var licenseName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// licenses returns the license texts of Go and of every module that is linked
// on any platform: their authors ask for that.
func licenses(ctx context.Context) (string, error) {
	dirs := map[string]string{} // by "module version"
	for _, p := range platforms {
		list, err := output(ctx, []string{"GOFLAGS=", "CGO_ENABLED=0", "GOOS=" + p.os, "GOARCH=" + p.arch}, "go", "list", "-deps",
			"-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/...")
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(list) {
			if name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
				dirs[name] = dir
			}
		}
	}
	root, err := output(ctx, nil, "go", "env", "GOROOT")
	if err != nil {
		return "", err
	}
	dirs["Go, its runtime and standard library"] = root
	var b strings.Builder
	b.WriteString("The binaries contain the modules below, under the licenses that follow each name.\n")
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		found := false
		files, err := os.ReadDir(dirs[name])
		if err != nil {
			return "", err
		}
		for _, f := range files {
			if f.IsDir() || !licenseName.MatchString(f.Name()) || strings.HasSuffix(f.Name(), ".go") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dirs[name], f.Name()))
			if err != nil {
				return "", err
			}
			found = true
			fmt.Fprintf(&b, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("-", 72), name, f.Name(),
				strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
		}
		if !found {
			return "", fmt.Errorf("%s has no license file: look whether it may be released, and name the file in licenseName", name)
		}
	}
	return b.String(), nil
}
