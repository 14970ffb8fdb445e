// Faults breaks a cluster of three nats-servers under revoke service and nodes,
// one fault after the other, and checks that no node is ever wrong about its
// own freshness.
//
//	go run ./internal/faults                       # all rows, some 12 minutes
//	go run ./internal/faults -row cut-leader,wipe  # these
//	go run ./internal/faults -list
//	go run ./internal/faults -break no-catch-up    # with a mistake in the nodes: rows must fail
//
// Everything is a process of its own: the servers (nats-server, built from the
// module, three replicas, sync always, the accounts of deploy/nats), the revoke
// service beside an emulator of Cognito, four nodes that embed the subscriber
// (three know one server each, one knows all), and the recorder. Routes and the
// nodes' links pass through proxies that break on demand. Nodes are never
// restarted.
//
// The recorder publishes acts through the publisher's bus and through the
// service, holds what was acknowledged, and keeps asking every node for acts
// and for tokens that nothing refuses. A false accept is an act that was
// accepted by a node that calls itself fresh, although it was acknowledged
// before the node's as-of time, or more than MaxStaleness + 2 s ago. Lost are
// acknowledged acts that a node does not enforce at the end of the row. Both
// must be zero, and there must be enough acts and checks to prove it.
//
// The exit status is 1 if a row failed, and 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	if played, err := runRole(); played {
		if err != nil {
			fmt.Fprintln(os.Stderr, "faults:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// full is what every row of a real run must have done at least.
var full = floors{acts: 200, checks: 1_000_000, positive: 100_000}

// run is main with its surroundings as arguments. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("row", "", "`names` of rows, separated by commas; all if empty")
	list := flags.Bool("list", false, "list the rows and exit")
	broken := flags.String("break", "", "`name` of a mistake to build into the nodes: no-catch-up, arrival-time or blind-history")
	keep := flags.Bool("keep", false, "keep the directories with logs and stores")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	chosen, err := choose(*only)
	if _, known := breaks[*broken]; err == nil && *broken != "" && !known {
		err = fmt.Errorf("-break: unknown mistake %q", *broken)
	}
	if err != nil || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "faults: wrong usage:", err)
		return 2
	}
	if *list {
		for _, r := range chosen {
			fmt.Fprintf(stdout, "%-18s %s\n", r.name, r.about)
		}
		return 0
	}
	outcomes, err := runRows(ctx, chosen, *broken, *keep, stderr)
	printTable(stdout, outcomes, full)
	if err != nil {
		fmt.Fprintln(stderr, "faults:", err)
		return 1
	}
	if slices.ContainsFunc(outcomes, func(o outcome) bool { return o.failed(full) != "" }) {
		return 1
	}
	return 0
}

func choose(names string) ([]row, error) {
	if names == "" {
		return rows, nil
	}
	var chosen []row
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-row: no row %q (see -list)", name)
		}
		chosen = append(chosen, rows[i])
	}
	return chosen, nil
}

// runRows builds what is needed and runs the rows one after the other.
func runRows(ctx context.Context, chosen []row, broken string, keep bool, progress io.Writer) ([]outcome, error) {
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return nil, err
	}
	if keep {
		fmt.Fprintln(progress, "logs and stores are kept in", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	server, err := buildServer(ctx, dir)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	built := make(map[bool]string) // nodes, by whether their clocks can be set
	var outcomes []outcome
	for _, r := range chosen {
		t := tools{server: []string{server}, self: []string{self}, node: []string{self}}
		changes, err := changesFor(r, broken)
		if err != nil {
			return outcomes, err
		}
		if len(changes) > 0 {
			if built[r.clock] == "" {
				sub := filepath.Join(dir, fmt.Sprint("node", len(built)))
				if err := os.MkdirAll(sub, 0o700); err != nil {
					return outcomes, err
				}
				if built[r.clock], err = buildNode(ctx, sub, changes); err != nil {
					return outcomes, err
				}
			}
			t.node = []string{built[r.clock]}
		}
		o := runRow(ctx, r, filepath.Join(dir, r.name), t, full)
		outcomes = append(outcomes, o)
		verdict := "ok"
		if why := o.failed(full); why != "" {
			verdict = "FAILED: " + why
		}
		fmt.Fprintf(progress, "%s: %s, %.0f s\n", r.name, verdict, o.took.Seconds())
		if ctx.Err() != nil {
			return outcomes, ctx.Err()
		}
	}
	return outcomes, nil
}

// runRow runs one row in an empty directory.
func runRow(ctx context.Context, r row, dir string, t tools, f floors) outcome {
	ctx, cancel := context.WithTimeout(ctx, 6*time.Minute)
	defer cancel()
	start := time.Now()
	o := outcome{stale: -1, recovery: -1}
	if o.err = os.MkdirAll(dir, 0o700); o.err == nil {
		var b *bench
		if b, o.err = newBench(ctx, r, dir, t, f); o.err == nil {
			runErr := r.run(b)
			var err error
			o, err = b.finish()
			o.err = errors.Join(runErr, err, b.close())
		}
	}
	o.row, o.maxStaleness, o.took = r.name, r.maxStaleness, time.Since(start)
	return o
}

// printTable prints all rows, then what failed and the notes.
func printTable(w io.Writer, outcomes []outcome, f floors) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "row\tMaxStaleness\tacts\tchecks\tpositive\tlost\tfalse accepts\tfalse refusals\tno propagation\tto stale\tto recover\tresult\t")
	for _, o := range outcomes {
		result := "ok"
		if o.failed(f) != "" {
			result = "FAILED"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t\n", o.row, o.maxStaleness, o.acts, o.checks, o.positive,
			o.lost, o.accepts, o.refusals, seconds(o.gap), seconds(o.stale), seconds(o.recovery), result)
	}
	table.Flush()
	for _, o := range outcomes {
		if why := o.failed(f); why != "" {
			fmt.Fprintf(w, "%s FAILED: %s\n", o.row, why)
			for _, s := range o.samples {
				fmt.Fprintf(w, "  %s\n", s)
			}
		}
		for _, n := range o.notes {
			fmt.Fprintf(w, "%s: %s\n", o.row, n)
		}
	}
}

// seconds prints a duration; "-" for one that did not end.
func seconds(d time.Duration) string {
	if d < 0 {
		return "-"
	}
	return fmt.Sprintf("%.2fs", d.Seconds())
}
