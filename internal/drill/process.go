package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// patience bounds every wait for a process. It is generous: the machine may be
// busy with other things.
const patience = 60 * time.Second

// Modes of a child, its first argument.
const (
	modeNode    = "child-node"
	modeReplica = "child-replica"
	modeService = "child-service"
)

// child runs this process as a child, if its arguments say so.
func child(ctx context.Context, args []string) bool {
	if len(args) != 1 {
		return false
	}
	var serve func(context.Context, *json.Decoder, *json.Encoder) error
	switch args[0] {
	case modeNode:
		serve = serveNode
	case modeReplica:
		serve = serveReplica
	case modeService:
		serve = serveService
	default:
		return false
	}
	// The parent closes our input when it ends, whatever its end is.
	if err := serve(ctx, json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)); err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, args[0]+":", err)
		os.Exit(1)
	}
	return true
}

// process is a child that takes and gives JSON values.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	send   *json.Encoder
	lines  chan json.RawMessage // closed when the child has closed its output
	exited chan struct{}        // closed when it is gone
}

// start starts a child of this very program.
func start(mode string, config any) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(program, mode), lines: make(chan json.RawMessage), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "DRILL_CHILD=1", "GORACE=atexit_sleep_ms=0")
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.send = json.NewEncoder(p.in)
	go func() {
		defer close(p.exited)
		defer close(p.lines)
		for dec := json.NewDecoder(out); ; {
			var line json.RawMessage
			if dec.Decode(&line) != nil {
				p.cmd.Wait() // how it ended is what a drill asks, if at all
				return
			}
			p.lines <- line
		}
	}()
	return p, p.send.Encode(config)
}

// errGone says that a child ended instead of answering.
var errGone = errors.New("the process has ended")

// receive waits for the next value.
func (p *process) receive(v any) error {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return errGone
		}
		return json.Unmarshal(line, v)
	case <-time.After(patience):
		return fmt.Errorf("process %d says nothing for %v", p.cmd.Process.Pid, patience)
	}
}

// ask sends a request and waits for the answer.
func (p *process) ask(request, answer any) error {
	if err := p.send.Encode(request); err != nil {
		return errGone
	}
	return p.receive(answer)
}

// gone waits until the child has ended, dropping what it still says.
func (p *process) gone() error {
	timeout := time.After(patience)
	for {
		select {
		case <-p.lines:
		case <-p.exited:
			return nil
		case <-timeout:
			return fmt.Errorf("process %d does not end", p.cmd.Process.Pid)
		}
		select {
		case <-p.exited:
			return nil
		default:
		}
	}
}

// stop ends the child in good order.
func (p *process) stop() error {
	p.in.Close()
	return p.gone()
}

// kill ends the child at once.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.in.Close()
	p.gone()
}
