// Command table runs the checks of the files under deploy/ and prints a line for
// each artifact: the result, the file, what read it, and the mistake that was
// planted in a copy and found. It fails if a check does, or if a file under
// deploy/ has no line.
//
// A test says which artifact it checks by an attribute of testing.T:
//
//	t.Attr("deploy/nginx/api.conf", "nginx -t; finds a misspelled directive")
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root := flag.String("root", "../..", "root of the repository")
	flag.Parse()
	if err := run(ctx, *root, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

// suites are the tests that check files under deploy/, by the folder of their
// module: arguments of go test.
var suites = []struct{ dir, tests string }{
	{".", "./deploy/... ./internal/proxies ./internal/metrics"},
	{".", "-run=^TestAlertsOfTheProber$ ./internal/service"},
	{"deploy/check", "./..."},
}

func run(ctx context.Context, root string, out io.Writer) error {
	t := newTable(out)
	var errs []error
	for _, s := range suites {
		// One package after the other: they start servers.
		args := append([]string{"test", "-count=1", "-p=1", "-timeout=10m", "-json"}, strings.Fields(s.tests)...)
		if err := t.test(ctx, filepath.Join(root, s.dir), args); err != nil {
			errs = append(errs, fmt.Errorf("%s in %s: %w", s.tests, s.dir, err))
		}
	}
	missing, err := t.unchecked(root)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("nothing checks %s", strings.Join(missing, ", ")))
	}
	fmt.Fprintf(out, "%d lines, %d failed, %d skipped\n", t.lines, t.failed, t.skipped)
	return errors.Join(errs...)
}

// test runs go test and reads its events.
func (t *table) test(ctx context.Context, dir string, args []string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "CHECK_DEPLOY=1")
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := t.read(json.NewDecoder(events))
	_, drainErr := io.Copy(io.Discard, events) // or go test would block
	return errors.Join(readErr, drainErr, cmd.Wait())
}
