//go:build unix

// Package freeze stops processes in their tracks and lets them go on, for
// demonstrations and tests of what silent nodes and servers do to others.
package freeze

import (
	"os"
	"syscall"
)

// Stop freezes a process: it keeps its memory and its connections, and does
// nothing until [Continue].
func Stop(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

// Continue lets a frozen process go on. To others it does nothing.
func Continue(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
