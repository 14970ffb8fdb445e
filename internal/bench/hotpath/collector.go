package main

import (
	"runtime"
	"runtime/metrics"
)

// collector compares what one full collection costs in processor time of
// marking, beside sets of n entries.
func collector(sum *summary, n int) {
	sum.title("Processor time of marking in one garbage collection, 10,000,000 entries")
	for _, name := range []string{"", "revoked", "map+RWMutex", "xsync-v4"} {
		var all []loaded
		if name != "" {
			all = load(n, []string{name})
		}
		runtime.GC()
		before := markSeconds()
		const cycles = 3
		for range cycles {
			runtime.GC()
		}
		ms := (markSeconds() - before) / cycles * 1e3
		if name == "" {
			sum.note("%-34s %12.2f ms", "nothing", ms)
			continue
		}
		sum.note("%-34s %12.2f ms %10.1f B/entry %8.2f M/s load", name, ms, all[0].bytes, all[0].perSec/1e6)
		if name == "revoked" {
			sum.judge(ms <= 5, "marking in one garbage collection, 10,000,000 entries", "<= 5 ms", "%.1f ms", ms)
		}
		closeAll(all)
	}
}

func markSeconds() float64 {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
	}
	metrics.Read(samples)
	total := 0.0
	for _, s := range samples {
		total += s.Value.Float64()
	}
	return total
}
