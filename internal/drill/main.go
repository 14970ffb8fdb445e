// Drill runs the revoke service and API nodes as processes of their own, does
// to them what production does sooner or later, and judges by what the nodes'
// Check says.
//
//	go run ./internal/drill crash-matrix // kill -9 before and after every effect
//	go run ./internal/drill burst        // 5,000 users at once, Cognito takes 25/s
//	go run ./internal/drill abuse        // 1,000/s of garbage beside real sign-outs
//	go run ./internal/drill rolling      // two replicas, restarted under load
//
// Servers (NATS with JetStream, a Cognito emulator) run in the drill itself.
// The exit status is 1 if a promise was broken, 2 for a wrong command line.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// drills by name.
var drills = map[string]func(context.Context, io.Writer) error{
	"abuse":        abuse,
	"burst":        burst,
	"crash-matrix": func(ctx context.Context, out io.Writer) error { return crashMatrix(ctx, out, nil) },
	"rolling":      rolling,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	if child(ctx, args) {
		return 0
	}
	if len(args) != 1 || drills[args[0]] == nil {
		var names []string
		for name := range drills {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintln(os.Stderr, "usage: drill "+strings.Join(names, "|"))
		return 2
	}
	if err := drills[args[0]](ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
		return 1
	}
	return 0
}
