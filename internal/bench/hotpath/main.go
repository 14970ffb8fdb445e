// Hotpath measures what every request of an API node pays: one look-up in the
// denylist, the check of a whole token, its validation, and an HTTP request
// with and without protection; each beside what others use for it, in the same
// run. It prints lines in the format of go test -bench for benchstat, and at
// the end a table of medians with ratios to the first line of each part, and what
// has become of the numbers to reach.
//
//	go run ./hotpath -quick   # up to 1,000,000 entries, 4 minutes at most
//	go run ./hotpath          # more rounds
//	go run ./hotpath -10m     # 10,000,000 entries and the garbage collector as well
//
// Peers that the machine lacks (a redis-server) get a line that says so.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
)

type options struct {
	rounds int
	slice  time.Duration
}

func main() {
	quick := flag.Bool("quick", false, "fewer rounds")
	huge := flag.Bool("10m", false, "10,000,000 entries as well")
	only := flag.String("only", "", "parts to run: a regular `expression` over lookups-10k, lookups-1m, check, validate, requests, gc-10m")
	server := flag.Bool(strings.TrimPrefix(serveFlag, "-"), false, "be the server of the part requests")
	flag.Parse()
	if *server {
		serve()
		return
	}
	o := options{rounds: 20, slice: 150 * time.Millisecond}
	if *quick {
		o = options{rounds: 8, slice: 60 * time.Millisecond}
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hotpath:", err)
		os.Exit(2)
	}
	out := os.Stdout
	fmt.Fprintf(out, "goos: %s\ngoarch: %s\npkg: github.com/seed-4e8dee1b/revoked/internal/bench/hotpath\n", runtime.GOOS, runtime.GOARCH)
	var sum summary
	begun := time.Now()
	if _, err := redisServer(); err != nil {
		sum.note("redis-GET is missing: %v", err)
	}
	parts := []struct {
		name string
		run  func()
	}{
		{"lookups-10k", func() { lookups(out, &sum, 10_000, o) }},
		{"lookups-1m", func() { lookups(out, &sum, 1_000_000, o) }},
		{"check", func() { wholeCheck(out, &sum, 1_000_000, o) }},
		{"validate", func() { validation(out, &sum, o) }},
		{"requests", func() { requests(out, &sum, o) }},
	}
	if *huge {
		parts = append(parts, struct {
			name string
			run  func()
		}{"gc-10m", func() { collector(&sum, 10_000_000) }})
	}
	for _, part := range parts {
		if wanted.MatchString(part.name) {
			part.run()
			runtime.GC()
		}
	}
	fmt.Fprintf(out, "\n# Medians; x is the ratio to the first line of each part. %s, %d CPUs, %.0f s\n",
		runtime.Version(), runtime.NumCPU(), time.Since(begun).Seconds())
	for _, line := range sum.lines {
		fmt.Fprintln(out, line)
	}
	sum.printVerdicts(out)
}
