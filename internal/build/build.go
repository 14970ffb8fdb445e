// Package build says what a binary was made from. A release tells it by the
// linker:
//
//	go build -ldflags "-X github.com/seed-4e8dee1b/revoked/internal/build.version=v1.2.3" ./cmd/revoked
//
// and likewise commit and date. A binary that was built without that says what
// the Go tool has recorded: the module's version after "go install", the commit
// and its date after "go build" in a checkout.
package build

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Set by the linker, else empty.
var version, commit, date string

// Info is what a binary was made from.
type Info struct {
	// Version is a tag such as v1.2.3, what git describe makes of a commit
	// after it, or "dev" if nobody said.
	Version string `json:"version"`
	// Commit and Date, in RFC 3339, are those of the sources; empty if they are
	// not known. Never the time of the build: two builds of one commit are equal.
	Commit string `json:"commit,omitempty"`
	Date   string `json:"date,omitempty"`
	// Wire is the newest version of the wire format that is written and read.
	Wire int    `json:"wire"`
	Go   string `json:"go"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

// Current returns that of the running binary.
func Current() Info {
	b := Info{
		Version: version, Commit: commit, Date: date, Wire: revocation.WireVersion,
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
	}
	if recorded, ok := debug.ReadBuildInfo(); ok {
		b.fill(recorded)
	}
	if b.Version == "" {
		b.Version = "dev"
	}
	return b
}

// fill takes from what the Go tool recorded what the linker was not told.
func (b *Info) fill(recorded *debug.BuildInfo) {
	if v := recorded.Main.Version; b.Version == "" && v != "(devel)" {
		b.Version = v
	}
	if b.Commit != "" {
		return // the date goes with the commit
	}
	for _, s := range recorded.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		}
	}
}

// String is for people, such as "v1.2.3 (commit 0123456789ab of
// 2026-11-24T09:00:00Z, go1.26.0, wire format 1)".
func (b Info) String() string {
	var known []string
	if b.Commit != "" {
		text := "commit " + b.Commit[:min(12, len(b.Commit))]
		if b.Date != "" {
			text += " of " + b.Date
		}
		known = append(known, text)
	}
	known = append(known, b.Go, fmt.Sprintf("wire format %d", b.Wire))
	return b.Version + " (" + strings.Join(known, ", ") + ")"
}
