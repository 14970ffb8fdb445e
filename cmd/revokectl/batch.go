package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-4e8dee1b/revoked/internal/client"
)

const (
	// maxBatch and maxLines are those of the service.
	maxBatch = 8 << 20
	maxLines = 10_000
)

// batchFlags are the flags of revoke without a kind.
type batchFlags struct {
	file, once string
	yes        bool
}

func (f *batchFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.file, "batch", "", "revoke what the JSON lines of this `FILE` say; - is standard input")
	flags.StringVar(&f.once, "once", "", "with --batch: idempotency `KEY`, so that the same batch can be sent again")
	flags.BoolVar(&f.yes, "yes", false, "with --batch: do not ask whether lines of kind client, group and pool are meant")
}

// revokeBatch sends a file of lines and prints the result of each.
func (a *app) revokeBatch(cmd *cobra.Command, f batchFlags) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	lines, err := a.readBatch(f)
	if err != nil {
		return err
	}
	count, wide, err := checkBatch(lines)
	if err != nil {
		return err
	}
	if wide > 0 && !f.yes {
		if err := a.confirm(fmt.Sprintf("%d of %d lines revoke a whole client, group or pool.", wide, count), f.file != "-"); err != nil {
			return err
		}
	}
	ctx, alive, cancel := a.whileAlive(cmd.Context())
	defer cancel()
	p := a.newProgress(count)
	rows := [][]string{{"LINE", "STATUS", "ID", "KIND", "TARGET", "PROBLEM"}}
	err = c.RevokeAll(ctx, lines, f.once, func(res client.LineResult) error {
		alive()
		p.add(res)
		if a.output == formatJSON {
			return a.write(printableJSON(append(res.Raw, '\n')))
		}
		rows = append(rows, row(res))
		return nil
	})
	p.end()
	if a.output == formatTable && len(rows) > 1 {
		err = errors.Join(err, a.printTable(rows))
	}
	switch {
	case err != nil:
		return fmt.Errorf("revoking a batch: %d of %d lines were answered: %w", p.done, count, err)
	case p.done < count:
		return fmt.Errorf("revoking a batch: only %d of %d lines were answered; send it again, with --once to revoke nothing twice", p.done, count)
	case p.failed > 0:
		return fmt.Errorf("revoking a batch: %d of %d lines failed", p.failed, count)
	}
	return nil
}

func (a *app) readBatch(f batchFlags) (lines []byte, err error) {
	if f.file == "-" {
		if terminal(a.stdin) {
			fmt.Fprintln(a.stderr, "revokectl: reading lines from standard input; end them with Ctrl-D")
		}
		lines, err = readAll(a.stdin, maxBatch)
	} else {
		lines, err = readFile(f.file, maxBatch)
	}
	if err != nil {
		return nil, usagef("--batch: %v", err)
	}
	return lines, nil
}

// checkBatch counts the lines, and those of wide kinds. What else is wrong with
// a line the service says in its result.
func checkBatch(lines []byte) (count, wide int, err error) {
	for line := range bytes.Lines(lines) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		count++
		var of struct{ Kind string }
		if err := json.Unmarshal(line, &of); err != nil {
			continue // refused by the service
		}
		if slices.ContainsFunc(kinds, func(k kind) bool { return k.wide && k.name == of.Kind }) {
			wide++
		}
	}
	switch {
	case count == 0:
		return 0, 0, usagef("--batch: there is no line")
	case bytes.Count(lines, []byte("\n")) > maxLines:
		return 0, 0, usagef("--batch: there are more than %d lines: split the file", maxLines)
	}
	return count, wide, nil
}

func row(res client.LineResult) []string {
	r := []string{strconv.Itoa(res.Line), strconv.Itoa(res.Status), "", "", "", ""}
	if res.Revocation != nil {
		r[2], r[3], r[4] = res.Revocation.ID, res.Revocation.Kind, res.Revocation.Target
		if r[4] == "" {
			r[4] = res.Revocation.Pool
		}
		return r
	}
	r[5] = res.Problem.Detail
	if res.Problem.Field != "" {
		r[5] += " (" + res.Problem.Field + ")"
	}
	return r
}

// whileAlive returns a context that ends when the user interrupts the command,
// or when alive was not called for the timeout: how long a batch takes depends
// on its length, but something has to go on.
func (a *app) whileAlive(parent context.Context) (ctx context.Context, alive, cancel func()) {
	ctx, stop := interrupts(parent)
	ctx, end := context.WithCancelCause(ctx)
	timer := time.AfterFunc(a.timeout, func() { end(context.DeadlineExceeded) })
	return ctx, func() { timer.Reset(a.timeout) }, func() {
		timer.Stop()
		end(nil)
		stop()
	}
}
