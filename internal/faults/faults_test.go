package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
)

func TestMain(m *testing.M) {
	// The test binary plays every part but that of the controller.
	if played, err := runRole(); played {
		if err != nil {
			fmt.Fprintln(os.Stderr, "faults:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The short version of make faults: a leader that is killed, and links that
// keep messages for longer than MaxStaleness and then deliver them at once.
func TestShortFaults(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	short := []row{
		{name: "kill-leader", maxStaleness: 20 * time.Second, run: func(b *bench) error {
			i, err := b.cluster.leader(b.ctx)
			if err != nil {
				return err
			}
			if err := b.tell(doBegin); err != nil {
				return err
			}
			b.cluster.servers[i].proc.kill()
			if err := b.acts(b.floors.acts); err != nil {
				return err
			}
			if err := b.cluster.start(b.ctx, i); err != nil {
				return err
			}
			return b.recovered()
		}},
		{name: "hold", maxStaleness: 3 * time.Second, run: func(b *bench) error {
			return b.bad(faultlink.Mode{Hold: true}, true, time.Second)
		}},
	}
	f := floors{acts: 30, checks: 20_000, positive: 1000}
	for _, r := range short {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "f-") //nolint:usetesting // paths of sockets must be short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			each := []string{self}
			o := runRow(t.Context(), r, dir, tools{server: each, self: each, node: each}, f)
			var table bytes.Buffer
			printTable(&table, []outcome{o}, f)
			t.Logf("\n%s", table.String())
			if why := o.failed(f); why != "" {
				t.Errorf("%s: %s", r.name, why)
				showLogs(t, dir)
			}
		})
	}
}

// showLogs shows the last lines of what the processes said.
func showLogs(t *testing.T, dir string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		t.Logf("%s:\n%s", filepath.Base(path), strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
}

// A node that was built with a mistake, or a clock that can be set, needs text
// that is there: this finds out without a compiler.
func TestChangesFitTheCode(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	clock, err := settableClock()
	if err != nil {
		t.Fatal(err)
	}
	for name, changes := range breaks {
		if _, err := apply(root, append(slices.Clone(changes), clock...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every number that must not be zero, or must be, fails a row.
func TestWhatFailsARow(t *testing.T) {
	f := floors{acts: 2, checks: 2, positive: 2}
	good := outcome{acts: 2, checks: 2, positive: 2}
	if why := good.failed(f); why != "" {
		t.Errorf("a good row failed: %s", why)
	}
	for want, change := range map[string]func(*outcome){
		"1 acts lost":            func(o *outcome) { o.lost = 1 },
		"1 false accepts":        func(o *outcome) { o.accepts = 1 },
		"1 false refusals":       func(o *outcome) { o.refusals = 1 },
		"only 1 acts":            func(o *outcome) { o.acts = 1 },
		"only 1 checks":          func(o *outcome) { o.checks = 1 },
		"only 1 positive checks": func(o *outcome) { o.positive = 1 },
		"EOF":                    func(o *outcome) { o.err = io.EOF },
	} {
		o := good
		change(&o)
		if why := o.failed(f); why != want {
			t.Errorf("failed = %q, want %q", why, want)
		}
	}
}
