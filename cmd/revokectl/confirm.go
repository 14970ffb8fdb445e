package main

import (
	"bufio"
	"fmt"
	"strings"
)

// confirm asks whether something wide is meant. Without a terminal to ask at,
// which may be if standard input has something else, --yes is needed.
func (a *app) confirm(what string, mayAsk bool) error {
	if !mayAsk || !terminal(a.stdin) {
		return usagef("%s Say that it is meant with --yes", what)
	}
	fmt.Fprintf(a.stderr, "revokectl: %s\nGo on? [y/N] ", printable(what))
	answer, _ := bufio.NewReader(a.stdin).ReadString('\n') // the end of input is no yes
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return usagef("not confirmed: nothing was sent")
}
