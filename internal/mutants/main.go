// Mutants checks that the tests can fail. Each entry of its lists is a small
// mistake in the code, together with the promise that it breaks; the tests of
// the package are built with that mistake and must fail. A mistake that no
// test notices is a promise that nothing holds.
//
//	go run ./internal/mutants                  # all
//	go run ./internal/mutants -only revocation # those whose name matches
//	go run ./internal/mutants -list            # names, without running
//	go run ./internal/mutants -sim 2000        # the simulation, and what it must catch
//
// Nothing is copied and no file of the module is written: the changed file is
// laid over the module with the -overlay flag of the go command. A mutant is
//
//	caught    if a test fails, or panics, or does not end in time;
//	survived  if all tests pass;
//	invalid   if the text to change isn't there exactly once, or the change
//	          does not compile: the list must be mended.
//
// The exit status is 1 if a mutant survived or is invalid, or if the tests
// fail without any mutation, and 2 for a wrong flag.
//
// To add one, append to the list of the package, in the file of that name, or
// start a new file and add its list to allMutants. Prefer mistakes that a
// person would make and that a reviewer would miss.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// allMutants returns every list, in the order in which they run.
func allMutants() []mutant {
	return slices.Concat(
		revocationMutants,
		tasksMutants,
		denylistMutants,
		publisherMutants,
		subscriberMutants,
		receiptMutants,
		validatorMutants,
		apiMutants,
		gateMutants,
		probeMutants,
		traceMutants,
	)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with its surroundings as arguments. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "run the mutants whose name matches this regular `expression`")
	list := flags.Bool("list", false, "list the mutants and exit")
	parallel := flags.Int("parallel", 2, "mutants tested at the same `time`")
	sim := flags.Int("sim", 0, "simulate this many `seeds` of the subscriber's surroundings, as it is and in each broken build of the list for that")
	timeout := flags.Duration("timeout", time.Minute, "limit for the tests of one mutant; running longer is caught")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	filter, err := regexp.Compile(*only)
	if err != nil || *parallel < 1 || *timeout <= 0 || *sim < 0 || flags.NArg() > 0 {
		fmt.Fprintf(stderr, "mutants: bad flags %q\n", args)
		return 2
	}
	mutants := slices.DeleteFunc(allMutants(), func(m mutant) bool { return !filter.MatchString(m.name()) })
	if len(mutants) == 0 {
		fmt.Fprintf(stderr, "mutants: none matches %q\n", *only)
		return 2
	}
	if *list {
		for _, m := range mutants {
			fmt.Fprintln(stdout, m.name())
		}
		return 0
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		fmt.Fprintln(stderr, "mutants:", err)
		return 1
	}
	r := runner{root: root, parallel: *parallel, timeout: *timeout, out: stdout}
	work := func() (int, error) { return r.runAll(ctx, mutants) }
	if *sim > 0 {
		s := &simRunner{root: root, out: stdout, seeds: *sim}
		work = func() (int, error) { return s.run(ctx) }
	}
	bad, err := work()
	if err != nil {
		fmt.Fprintln(stderr, "mutants:", err)
		return 1
	}
	if bad > 0 {
		return 1
	}
	return 0
}

// moduleRoot returns the directory of the main module's go.mod.
func moduleRoot(ctx context.Context) (string, error) {
	gomod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	file := strings.TrimSpace(string(gomod))
	if filepath.Base(file) != "go.mod" {
		return "", fmt.Errorf("not inside a module")
	}
	return filepath.Dir(file), nil
}
