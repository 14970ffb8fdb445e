package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"time"
)

// candidate is one implementation of the operation that a table compares.
type candidate struct {
	name string
	// op does operation number i. It is called by one goroutine at a time.
	op func(i int)
	// batch is how many operations are timed together; 0 means keyBatch.
	batch int
	// prepare, if any, is called before the clock of the batch that begins with
	// operation number first.
	prepare func(first int)
}

// table is one comparison. The candidates take turns, so that a busy moment of
// the machine hits all of them.
type table struct {
	name   string // of the benchmark, without "Benchmark"
	rounds int
	slice  time.Duration // of one candidate in one round
	rows   []candidate
}

// measured is what a candidate's operations took.
type measured struct {
	name   string
	ns     float64 // median over all batches
	allocs float64 // per operation
}

// run measures and prints one line per candidate and round in the format of
// go test -bench, for benchstat. A line is the median of the round's batches.
func (t table) run(out io.Writer) []measured {
	batches := make([][]float64, len(t.rows))
	allocs := make([]float64, len(t.rows))
	for range t.rounds {
		for c, row := range t.rows {
			size := row.batch
			if size == 0 {
				size = keyBatch
			}
			prepare := row.prepare
			if prepare == nil {
				prepare = func(int) {}
			}
			var before, after runtime.MemStats
			prepare(0)
			for i := range size { // brings the candidate's memory into the caches
				row.op(i)
			}
			runtime.ReadMemStats(&before)
			var round []float64
			n := size
			for begun := time.Now(); time.Since(begun) < t.slice; {
				prepare(n)
				start := time.Now()
				for i := n; i < n+size; i++ {
					row.op(i)
				}
				round = append(round, float64(time.Since(start))/float64(size))
				n += size
			}
			runtime.ReadMemStats(&after)
			ops := float64(n - size)
			allocs[c] = math.Floor(float64(after.Mallocs-before.Mallocs)/ops*100) / 100
			batches[c] = append(batches[c], round...)
			fmt.Fprintf(out, "Benchmark%s/%s \t%8.0f\t%12.2f ns/op\t%8.0f B/op\t%6.0f allocs/op\n", t.name, row.name,
				ops, median(round), float64(after.TotalAlloc-before.TotalAlloc)/ops, allocs[c])
		}
	}
	var result []measured
	for c, row := range t.rows {
		result = append(result, measured{row.name, median(batches[c]), allocs[c]})
	}
	return result
}

func median(v []float64) float64 { return quantile(v, 0.5) }

func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return v[int(q*float64(len(v)-1))]
}

// summary collects the final table.
type summary struct {
	lines    []string
	verdicts []verdict
}

func (s *summary) title(text string) { s.lines = append(s.lines, "", text) }

// add writes each candidate's median, and how it compares with the first one.
func (s *summary) add(results []measured) {
	for _, r := range results {
		s.lines = append(s.lines, fmt.Sprintf("  %-34s %12.1f ns  x%-8.2f %6.1f allocs/op", r.name, r.ns, r.ns/results[0].ns, r.allocs))
	}
}

func (s *summary) note(format string, args ...any) {
	s.lines = append(s.lines, "  "+fmt.Sprintf(format, args...))
}
