package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const module = "github.com/seed-4e8dee1b/revoked"

// binaries are the commands below cmd/ that are released.
var binaries = []string{"revoked", "revokectl", "revoked-gate", "revoked-dev"}

// platform is what a binary runs on.
type platform struct{ os, arch string }

var platforms = []platform{
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"linux", "amd64"}, {"linux", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

func (p platform) String() string { return p.os + "/" + p.arch }

// file is the name of a binary on the platform.
func (p platform) file(binary string) string {
	if p.os == "windows" {
		return binary + ".exe"
	}
	return binary
}

// choose returns the platforms to make: all, or one.
func choose(only string) ([]platform, error) {
	if only == "" {
		return platforms, nil
	}
	for _, p := range platforms {
		if p.String() == only {
			return []platform{p}, nil
		}
	}
	return nil, fmt.Errorf("-platform %s: it is one of %v", only, platforms)
}

// sources is what is released.
type sources struct {
	version string // with the v of its tag
	commit  string
	date    time.Time // of the commit
}

// name begins the name of every file of the release on a platform.
func (s sources) name(what string, p platform) string {
	return fmt.Sprintf("%s_%s_%s_%s", what, strings.TrimPrefix(s.version, "v"), p.os, p.arch)
}

// versionText keeps a version one word, for the linker and for file names.
var versionText = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+-]*$`)

// source asks git what the working tree is.
func source(ctx context.Context, version string) (sources, error) {
	src := sources{version: version}
	var err error
	if src.version == "" {
		if src.version, err = output(ctx, nil, "git", "describe", "--tags", "--always", "--dirty"); err != nil {
			return src, err
		}
	}
	if !versionText.MatchString(src.version) {
		return src, fmt.Errorf("version %q: use letters, digits, '.', '+' and '-'", src.version)
	}
	if src.commit, err = output(ctx, nil, "git", "rev-parse", "HEAD"); err != nil {
		return src, err
	}
	// https://reproducible-builds.org/specs/source-date-epoch/
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		if epoch, err = output(ctx, nil, "git", "show", "-s", "--format=%ct", "HEAD"); err != nil {
			return src, err
		}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return src, fmt.Errorf("SOURCE_DATE_EPOCH %q: it is a number of seconds", epoch)
	}
	src.date = time.Unix(seconds, 0).UTC()
	return src, nil
}

// What binaries are built with. The commit is told by the linker: what -buildvcs
// records would differ with untracked files.
var (
	buildFlags = []string{"-trimpath", "-buildvcs=false"}
	buildEnv   = []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0"}
)

func (s sources) ldflags() string {
	return fmt.Sprintf("-s -w -X %[1]s.version=%[2]s -X %[1]s.commit=%[3]s -X %[1]s.date=%[4]s",
		module+"/internal/build", s.version, s.commit, s.date.Format(time.RFC3339))
}

// compile makes the binaries for a platform in dir.
func (s sources) compile(ctx context.Context, p platform, dir string) error {
	args := append([]string{"build", "-o", dir + string(filepath.Separator), "-ldflags", s.ldflags()}, buildFlags...)
	for _, b := range binaries {
		args = append(args, "./cmd/"+b)
	}
	_, err := output(ctx, append([]string{"GOOS=" + p.os, "GOARCH=" + p.arch}, buildEnv...), "go", args...)
	return err
}

// host is where this program runs.
var host = platform{runtime.GOOS, runtime.GOARCH}

// output runs a command at the root of the module, and returns what it printed
// without the line break at the end.
func output(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimRight(string(out), "\r\n"), nil
}
