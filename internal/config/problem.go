package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Where  string // file:line, if it is known and not in Key
	Key    string // in the file, or the variable
	Value  string // masked if it is a secret
	Reason string
	Fix    string
}

// Error lists all that is wrong with a configuration.
type Error struct{ Problems []Problem }

// Error has a line for each problem.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d problem", len(e.Problems))
	if len(e.Problems) != 1 {
		b.WriteString("s")
	}
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		if p.Where != "" {
			b.WriteString(p.Where + " ")
		}
		b.WriteString(p.Key)
		if p.Value != "" {
			fmt.Fprintf(&b, " %q", p.Value)
		}
		b.WriteString(" " + p.Reason + ": " + p.Fix)
	}
	return b.String()
}

// Wrong returns an [*Error] with the problems, nil if there are none.
func Wrong(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	return &Error{Problems: problems}
}

// Problems collects.
type Problems []Problem

// Add appends a problem.
func (l *Problems) Add(key, value, reason, fix string) {
	*l = append(*l, Problem{Key: key, Value: value, Reason: reason, Fix: fix})
}

// Cause is the innermost text of an error about a file, without its path.
func Cause(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
