package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// chartDir is the Helm chart. Some of its files are links to others of the
// repository; in a package they are files.
const chartDir = "deploy/kubernetes/revoked"

// semver is what Helm takes as a version. What git describe says between two
// tags is one as well, but not a bare commit.
var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+].*)?$`)

// chartVersion is the version of the chart, which is that of the release.
func (s sources) chartVersion() string {
	version := strings.TrimPrefix(s.version, "v")
	if !semver.MatchString(version) {
		return "0.0.0-g" + version
	}
	return version
}

func (s sources) chartName() string { return "revoked-" + s.chartVersion() + ".tgz" }

// chart makes in dir what "helm package" does of the chart at from, with the
// release's version and images.
func (s sources) chart(from, dir string) error {
	ignored, err := helmIgnore(filepath.Join(from, ".helmignore"))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	stamped := filepath.Join(work, "Chart.yaml")
	if err := s.stampChart(filepath.Join(from, "Chart.yaml"), stamped); err != nil {
		return err
	}
	var files []entry
	err = filepath.WalkDir(from, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(ignored, name) {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := os.Stat(at); err != nil { // of what a link names
			return err
		} else if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no file", at)
		}
		if name == "Chart.yaml" {
			at = stamped
		}
		files = append(files, entry{name: "revoked/" + filepath.ToSlash(name), from: at, mode: 0o644})
		return nil
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeArchive(filepath.Join(dir, s.chartName()), writeTarGz, files, s.date)
}

// stampChart copies Chart.yaml with the version of the chart, and that of the
// images, by which they are tagged.
func (s sources) stampChart(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	for key, value := range map[string]string{"version": s.chartVersion(), "appVersion": s.version} {
		line := regexp.MustCompile(`(?m)^` + key + `: .*$`)
		if n := len(line.FindAll(text, -1)); n != 1 {
			return fmt.Errorf("%s has %d lines with %s", from, n, key)
		}
		text = line.ReplaceAllLiteral(text, fmt.Appendf(nil, "%s: %q", key, value))
	}
	return os.WriteFile(to, text, 0o644)
}

// helmIgnore reads the folders that a package leaves out. Helm knows more
// patterns; the chart needs no others.
func helmIgnore(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var dirs []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		dir, ok := strings.CutSuffix(line, "/")
		if !ok || strings.ContainsAny(dir, "*?[!/") {
			return nil, fmt.Errorf("%s: %q is not the name of a folder with a slash behind it", file, line)
		}
		dirs = append(dirs, dir)
	}
	return dirs, lines.Err()
}

// checkChart unpacks the chart in dir, and compares it with that at from.
func checkChart(dir, from string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "revoked-*.tgz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%d charts, want one (%v)", len(found), err)
	}
	name := filepath.Base(found[0])
	to, err := os.MkdirTemp("", "release")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(to)
	if err := untar(found[0], to); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	version := strings.TrimSuffix(strings.TrimPrefix(name, "revoked-"), ".tgz")
	about, err := os.ReadFile(filepath.Join(to, "revoked", "Chart.yaml"))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if line := fmt.Sprintf("\nversion: %q\n", version); !strings.Contains(string(about), line) {
		return "", fmt.Errorf("%s: its Chart.yaml has not the version %s", name, version)
	}
	n := 0
	err = filepath.WalkDir(filepath.Join(to, "revoked"), func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "Chart.yaml" {
			return err
		}
		rel, err := filepath.Rel(filepath.Join(to, "revoked"), at)
		if err != nil {
			return err
		}
		n++
		got, err := os.ReadFile(at)
		want, wantErr := os.ReadFile(filepath.Join(from, rel)) // through its link
		if err := errors.Join(err, wantErr); err != nil {
			return err
		}
		if string(got) != string(want) {
			return fmt.Errorf("%s: %s is not that of %s", name, filepath.ToSlash(rel), from)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: version %s, %d files as in %s", name, version, n+1, from), nil
}
