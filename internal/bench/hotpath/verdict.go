package main

import (
	"fmt"
	"io"
)

// verdict is what a run says of one number that the design sets out to reach.
type verdict struct {
	what, target, measured string
	met                    bool
}

// elsewhere are the numbers to reach that other commands measure.
var elsewhere = [][2]string{
	{"marking in one garbage collection, 10,000,000 entries", "make bench"},
	{"sent to refused at N nodes, over bare core NATS", "make bench-fleet"},
	{"the server's processor time per delivery", "make bench-fleet"},
	{"killing the leader", "make faults"},
}

func (s *summary) judge(met bool, what, target, format string, measured ...any) {
	s.verdicts = append(s.verdicts, verdict{what, target, fmt.Sprintf(format, measured...), met})
}

func judgeLookups(s *summary, results []measured) {
	by := make(map[string]measured)
	for _, r := range results {
		by[r.name] = r
	}
	ours := by["revoked"]
	for _, peer := range []struct {
		name, target string
		least        float64
	}{{"xsync-v4", ">= 2.5x faster, 0 allocs", 2.5}, {"map+RWMutex", ">= 2.8x faster, 0 allocs", 2.8}} {
		ratio := by[peer.name].ns / ours.ns
		s.judge(ratio >= peer.least && ours.allocs == 0, "negative look-up, 1,000,000 entries, over "+peer.name, peer.target, "%.1fx, %.0f", ratio, ours.allocs)
	}
}

// printVerdicts ends a run. A missed target is no failure of it: times depend
// on what else the machine does.
func (s *summary) printVerdicts(out io.Writer) {
	fmt.Fprintf(out, "\nNumbers to reach\n  %-66s %-26s %-46s\n", "what", "target", "measured")
	said := make(map[string]bool)
	for _, v := range s.verdicts {
		word := "met"
		if !v.met {
			word = "MISSED"
		}
		fmt.Fprintf(out, "  %-66s %-26s %-46s %s\n", v.what, v.target, v.measured, word)
		said[v.what] = true
	}
	for _, e := range elsewhere {
		if !said[e[0]] {
			fmt.Fprintf(out, "  %-66s %-26s see %s\n", e[0], "", e[1])
		}
	}
}
