package nats_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// serverEnv makes the test binary a nats-server that checks its command line,
// its configuration and the environment, as "nats-server -t" does.
const serverEnv = "REVOKED_TEST_CHECK_SERVER"

func checkServer() error {
	fs := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	nothing := func() {}
	opts, err := server.ConfigureOptions(fs, append([]string{"-t"}, os.Args[1:]...), nothing, nothing, nothing)
	if err == nil {
		_, err = os.Stat(opts.StoreDir)
	}
	return err
}

// What the quick start says about NATS is run as it stands there: the files are
// found, and the server takes what it is given.
func TestQuickStart(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash")
	}
	page, err := os.ReadFile("../../docs/quickstart.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```sh\n")
	i := slices.IndexFunc(blocks, func(b string) bool { return strings.Contains(b, "nats-server -c") })
	if i < 0 {
		t.Fatal("the page does not start a nats-server")
	}
	script, _, _ := strings.Cut(blocks[i], "```")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "with a blank")
	bin := filepath.Join(t.TempDir(), "bin")
	for _, d := range []string{filepath.Join(dir, "deploy"), bin} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(here, filepath.Join(dir, "deploy", "nats")); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("links need a privilege: ", err)
		}
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go":          `shift 2; exec "` + mint + `" "$@"`, // run ./deploy/nats/mint
		"nats-server": serverEnv + `=1 exec "` + self + `" "$@"`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, script, out)
	}
}

// A value of the environment is read as part of the file.
func TestStoreDirIsQuotedIfItHasTo(t *testing.T) {
	s := newSite(t, "nkey")
	for dir, quoted := range map[string]string{"../store": `"../store"`, "/with a blank": `"/with a blank"`} {
		if err := s.parse("single.conf", map[string]string{"NATS_STORE_DIR": dir}); err == nil {
			t.Errorf("NATS_STORE_DIR=%s is taken by now: the files need not warn of it", dir)
		}
		if err := s.parse("single.conf", map[string]string{"NATS_STORE_DIR": quoted}); err != nil {
			t.Errorf("NATS_STORE_DIR=%s: %v", quoted, err)
		}
	}
}
