package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// verdict is what became of a mutant.
type verdict string

const (
	caught   verdict = "caught"
	survived verdict = "survived"
	invalid  verdict = "invalid"
)

// outcome is a verdict and what a reader needs to act on it: the mutation that
// survived, or the compiler's errors.
type outcome struct {
	verdict verdict
	detail  string
}

// runner tests mutants of the module at root.
type runner struct {
	root     string
	parallel int           // mutants at the same time, at least 1
	timeout  time.Duration // for the tests of one mutant

	mu  sync.Mutex // guards out
	out io.Writer
}

// runAll tests mutants, prints a line for each as it is done and a total, and
// returns how many are not caught. The error says why they could not be
// tested: the tests fail without a mutation, or ctx has ended.
func (r *runner) runAll(ctx context.Context, mutants []mutant) (bad int, err error) {
	if err := r.baseline(ctx, mutants); err != nil {
		return 0, err
	}
	count := make(map[verdict]int)
	start := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.parallel)
	for _, m := range mutants {
		g.Go(func() error {
			begun := time.Now()
			o, err := r.test(ctx, m)
			if err != nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			count[o.verdict]++
			fmt.Fprintf(r.out, "%-8s %5.1fs  %s\n%s", o.verdict, time.Since(begun).Seconds(), m.name(), indent(o.detail))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	fmt.Fprintf(r.out, "%d mutants in %.0fs: %d caught, %d survived, %d invalid\n",
		len(mutants), time.Since(start).Seconds(), count[caught], count[survived], count[invalid])
	return len(mutants) - count[caught], nil
}

// baseline runs the tests that the mutants need without a mutation: were they
// to fail anyway, every mutant would look caught.
func (r *runner) baseline(ctx context.Context, mutants []mutant) error {
	type tests struct{ pkg, run string }
	done := make(map[tests]bool)
	for _, m := range mutants {
		key := tests{m.testedPackage(), m.run}
		if done[key] {
			continue
		}
		done[key] = true
		o, err := r.build(ctx, mutant{pkg: key.pkg, run: key.run}, "")
		if err != nil {
			return err
		}
		if o.verdict != survived {
			return fmt.Errorf("the tests of %s fail without a mutation:\n%s", key.pkg, o.detail)
		}
	}
	return nil
}

// test builds and runs the tests of one mutant. The error is ctx's, or the
// machine's.
func (r *runner) test(ctx context.Context, m mutant) (outcome, error) {
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(r.root, dir)
	if err != nil {
		return outcome{invalid, err.Error()}, nil
	}
	o, err := r.build(ctx, m, overlay)
	switch o.verdict {
	case caught:
		o.detail = "" // which test noticed is of no interest
	case survived:
		o.detail = fmt.Sprintf("- %s\n+ %s", m.find, m.replace)
	}
	return o, err
}

// build compiles the tests of m's package with the given overlay, if any, and
// runs them.
func (r *runner) build(ctx context.Context, m mutant, overlay string) (outcome, error) {
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "mutant.test")
	compile := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", binary, "./"+m.testedPackage())
	compile.Dir = r.root
	if out, err := compile.CombinedOutput(); err != nil {
		return outcome{invalid, string(out)}, ctx.Err()
	}
	tests := exec.CommandContext(ctx, binary, "-test.failfast", "-test.timeout", r.timeout.String(), "-test.run", m.run)
	tests.Dir = filepath.Join(r.root, filepath.FromSlash(m.testedPackage()))
	// Property tests must not leave examples behind, take time to make them
	// small, or catch a mutant on one day only.
	tests.Env = append(os.Environ(), "RAPID_NOFAILFILE=true", "RAPID_SHRINKTIME=0s", "RAPID_SEED=1")
	out, err := tests.CombinedOutput()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return outcome{}, ctx.Err()
	case err == nil:
		return outcome{verdict: survived}, nil
	case errors.As(err, &failed):
		return outcome{caught, string(out)}, nil
	}
	return outcome{}, err
}

// indent sets each line of s off by a tab and ends it with a newline.
func indent(s string) string {
	if s == "" {
		return ""
	}
	return "\t" + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n\t") + "\n"
}
