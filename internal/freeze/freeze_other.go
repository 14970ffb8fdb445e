//go:build !unix

package freeze

import (
	"errors"
	"os"
)

var errNotHere = errors.New("freezing a process needs a Unix system")

// Stop returns an error: the system has no such signal.
func Stop(*os.Process) error { return errNotHere }

// Continue returns an error, as [Stop] does.
func Continue(*os.Process) error { return errNotHere }
