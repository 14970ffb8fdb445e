package dev

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// process is a sample node in a process of its own.
type process struct {
	cfg NodeConfig
	url string
	cmd *exec.Cmd
	// stdin is held open: a node ends when its parent has gone, however that
	// died.
	stdin io.WriteCloser
}

// startProcess starts this program again as a sample node and returns once the
// node is ready, or ctx ends.
func startProcess(ctx context.Context, cfg NodeConfig) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	p := &process{cfg: cfg}
	p.cmd = &exec.Cmd{
		Path: exe,
		Args: []string{"revoked-dev", "node", "--name", cfg.Name, "--listen", cfg.Listen, "--nats", cfg.NATS,
			"--pool", cfg.Pool, "--jwks", cfg.JWKS, "--client", cfg.Client, "--sabotage", string(cfg.Sabotage)},
		Stderr: os.Stderr,
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	// Ends the read below if the node never becomes ready.
	giveUp := context.AfterFunc(ctx, p.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if !giveUp() || err != nil {
		p.kill()
		p.cmd.Wait()
		return nil, fmt.Errorf("node %s did not become ready: %w", cfg.Name, firstError(ctx.Err(), err))
	}
	p.url = strings.TrimSpace(line)
	return p, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// kill sends SIGKILL: the node has no chance to say goodbye.
func (p *process) kill() { p.cmd.Process.Kill() }

// stop lets the node end by itself and waits for it.
func (p *process) stop() {
	p.stdin.Close()
	p.cmd.Wait() // how it ended does not matter any more
}
