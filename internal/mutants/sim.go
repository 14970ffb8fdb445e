package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// simMutants are broken builds of the subscriber that the simulation must
// catch: one for each trap of the stream, and mistakes that it has found.
var simMutants = []mutant{
	{
		file: "subscriber/follow.go", find: "f.view.proven(newest.at, now)", replace: "f.view.proven(now, now)",
		promise: "as-of is the server's time of a tick, not the time of its arrival",
	}, {
		file: "subscriber/view.go", find: "now.Add(min(left, v.maxStaleness))", replace: "now.Add(v.maxStaleness)",
		promise: "a tick that was held up buys only what is left of MaxStaleness",
	}, {
		file: "subscriber/catchup.go", find: "uint64(len(b.payloads)) != want {", replace: "uint64(len(b.payloads)) > want {",
		promise: "a batch that has lost messages is refused",
	}, {
		file: "subscriber/follow.go", find: "		f.view.count(&f.view.counters.Reconnects)\n		f.catchUp(ctx)\n", replace: "		f.view.count(&f.view.counters.Reconnects)\n",
		promise: "a reconnect reads the last message again and catches up",
	}, {
		file: "subscriber/follow.go", find: "	if ev.sequence > f.last+1 {\n		if !f.behind {", replace: "	if ev.sequence > f.last+1 {\n		f.last = ev.sequence - 1\n	}\n	if false {\n		if !f.behind {",
		promise: "a message that was stored and never republished is a hole",
	}, {
		file: "subscriber/follow.go", find: "if t.sequence > f.last {", replace: "if false {",
		promise: "a tick counts only with everything before it",
	}, {
		file: "subscriber/catchup.go", find: "if f.last < f.target {", replace: "if f.last = max(f.last, f.target); false {",
		promise: "a lagging replica's end is not the end",
	}, {
		file: "internal/denylist/denylist.go", find: "if a.State == revocation.StateLifted || until <= 0 {", replace: "if a.State == revocation.StateLifted {\n		return d.Apply(a)\n	}\n	if until <= 0 {",
		promise: "a lift comes from the stream only", pkg: "subscriber",
	}, {
		file: "subscriber/fast.go", find: "if !until.After(now) {", replace: "if until = now.Add(provisionalLife); false {",
		promise: "a fast copy that comes late does not count",
	}, {
		file: "subscriber/history.go", find: "case !m.is(got):", replace: "case false:",
		promise: "another message in the place of the last one is another history",
	}, {
		file: "subscriber/follow.go", find: "if later && (!ev.tick || ev.sequence <= f.mark.sequence) {", replace: "if later && false {",
		promise: "a later time at an earlier place makes the node look again",
	}, {
		file: "subscriber/follow.go", find: "if ev.sequence == f.last+1 && (f.mark.read || f.last == 0) {", replace: "if ev.sequence == f.last+1 {",
		promise: "what follows an unread message may be of another history",
	}, {
		file: "subscriber/history.go", find: "if !f.mark.read || n > 0 && f.doubts[n-1].sequence == f.mark.sequence {", replace: "if !f.mark.read || n > 0 {",
		promise: "doubt that arises anew is about the newest message, too",
	},
}

// simRunner runs the simulation in the subscriber as it is, and then in each
// broken build until it is caught.
type simRunner struct {
	root  string
	out   io.Writer
	seeds int
}

var simCaught = regexp.MustCompile(`sim: seed \d+, after (\d+), broke a promise: ([^\n]*)`)

// run returns how many broken builds were not caught. The error says why the
// simulation could not run, or that it fails as the code is.
func (r *simRunner) run(ctx context.Context) (bad int, err error) {
	begun := time.Now()
	out, err := r.simulate(ctx, mutant{pkg: "subscriber"}, "")
	if err != nil {
		return 0, fmt.Errorf("the simulation fails without a mistake:\n%s%w", out, err)
	}
	fmt.Fprintf(r.out, "as it is   %5.1fs  %d seeds, no promise broken\n", time.Since(begun).Seconds(), r.seeds)
	for _, m := range simMutants {
		begun := time.Now()
		dir, err := os.MkdirTemp("", "mutant-")
		if err != nil {
			return 0, err
		}
		overlay, err := m.overlay(r.root, dir)
		if err != nil {
			os.RemoveAll(dir)
			return 0, err
		}
		out, err := r.simulate(ctx, m, overlay)
		os.RemoveAll(dir)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		verdict, detail := "survived", ""
		if found := simCaught.FindSubmatch(out); found != nil {
			var before int
			fmt.Sscan(string(found[1]), &before)
			verdict, detail = "caught", fmt.Sprintf("after %d seeds: %.100s", before+1, found[2])
		} else if err != nil {
			verdict, detail = "invalid", string(out)
		}
		if verdict != "caught" {
			bad++
		}
		fmt.Fprintf(r.out, "%-8s   %5.1fs  %s\n%s", verdict, time.Since(begun).Seconds(), m.promise, indent(detail))
	}
	fmt.Fprintf(r.out, "%d broken builds: %d caught, %d not, in %.0fs\n", len(simMutants), len(simMutants)-bad, bad, time.Since(begun).Seconds())
	return bad, nil
}

// simulate builds the tests with the given overlay, if any, and runs the
// simulation.
func (r *simRunner) simulate(ctx context.Context, m mutant, overlay string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "sim-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "sim.test")
	compile := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", binary, "./"+m.testedPackage())
	compile.Dir = r.root
	if out, err := compile.CombinedOutput(); err != nil {
		return out, err
	}
	tests := exec.CommandContext(ctx, binary, "-test.run", "^TestSimulation$", "-test.timeout", "30m")
	tests.Dir = filepath.Join(r.root, filepath.FromSlash(m.testedPackage()))
	tests.Env = append(os.Environ(), fmt.Sprint("SIM_SEEDS=", r.seeds))
	return tests.CombinedOutput()
}
