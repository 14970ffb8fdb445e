package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// change is text that occurs exactly once in a file, and what is to stand there
// instead.
type change struct {
	file          string // from the module's root, or absolute
	find, replace string
}

// settableClock gives package time an offset of the wall clock, and lets nodes
// set it. No production code knows of it, and everything in the process sees
// the wrong time, as on a machine whose clock is wrong; the monotonic clock
// goes on.
func settableClock() ([]change, error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the standard library: %w", err)
	}
	clock := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time", "time.go")
	return []change{
		{clock, "import (\n\t\"errors\"\n", "import (\n\t\"errors\"\n\t\"sync/atomic\"\n"},
		{clock, "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n", `func Now() Time {
	sec, nsec, mono := runtimeNow()
	sec += wrongBy.Load()
`},
		{clock, "func unixTime(sec int64, nsec int32) Time {", `var wrongBy atomic.Int64

// SetWrongBy sets the wall clock wrong by some seconds.
func SetWrongBy(seconds int64) { wrongBy.Store(seconds) }

func unixTime(sec int64, nsec int32) Time {`},
		{"internal/faults/clock.go", `import (
	"errors"
	"time"
)`, `import "time"`},
		{"internal/faults/clock.go", `func setClock(time.Duration) error {
	return errors.New("this build's clock can't be set")
}`, `func setClock(offset time.Duration) error {
	time.SetWrongBy(int64(offset / time.Second))
	return nil
}`},
	}, nil
}

// breaks are mistakes in the subscriber that must turn rows red, by name: they
// show that the harness can fail.
var breaks = map[string][]change{
	// What was missed is never fetched: neither a hole nor a reconnect counts.
	"no-catch-up": {{
		"subscriber/follow.go",
		"		f.view.count(&f.view.counters.Reconnects)\n		f.catchUp(ctx)\n",
		"		f.view.count(&f.view.counters.Reconnects)\n",
	}, {
		"subscriber/follow.go", "if ev.sequence > f.last+1 {", "if false {",
	}, {
		"subscriber/follow.go", "if ev.sequence == f.last+1 && (f.mark.read || f.last == 0) {\n\t\tf.take(ev)", "if ev.sequence > f.last {\n\t\tf.take(ev)",
	}},
	// The as-of time is when a tick arrived, not when the server wrote it.
	"arrival-time": {{
		"subscriber/follow.go", "f.view.proven(newest.at, now)", "f.view.proven(now, now)",
	}, {
		"subscriber/view.go", "smallest.Abs() > maxClockOffset", "false",
	}, {
		"subscriber/view.go", "!off && offset.Abs() <= maxClockOffset, off", "true, false",
	}},
	// Another message in the place of the last one is taken for the same.
	"blind-history": {{
		"subscriber/history.go", "case !m.is(got):", "case false:",
	}},
}

// buildNode builds this program with changes to the code, and returns its path.
// Nothing is written but to dir.
func buildNode(ctx context.Context, dir string, changes []change) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	files, err := apply(root, changes)
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for path, text := range files {
		changed := filepath.Join(dir, fmt.Sprintf("changed%d.go", len(replace)))
		if err := os.WriteFile(changed, text, 0o600); err != nil {
			return "", err
		}
		replace[path] = changed
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "node")
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", binary, "./internal/faults")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the node: %w\n%s", err, out)
	}
	return binary, nil
}

// apply returns the changed files by absolute path.
func apply(root string, changes []change) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, c := range changes {
		path := c.file
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, filepath.FromSlash(path))
		}
		text, done := files[path]
		if !done {
			var err error
			if text, err = os.ReadFile(path); err != nil {
				return nil, err
			}
		}
		if n := bytes.Count(text, []byte(c.find)); n != 1 {
			return nil, fmt.Errorf("%s has %q %d times, want once", c.file, c.find, n)
		}
		files[path] = bytes.Replace(text, []byte(c.find), []byte(c.replace), 1)
	}
	return files, nil
}

// buildServer builds nats-server as the module's go.mod names it.
func buildServer(ctx context.Context, dir string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "nats-server")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/nats-io/nats-server/v2")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building nats-server: %w\n%s", err, out)
	}
	return binary, nil
}

func changesFor(r row, broken string) ([]change, error) {
	changes := slices.Clone(breaks[broken])
	if !r.clock {
		return changes, nil
	}
	clock, err := settableClock()
	return append(changes, clock...), err
}
