package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a child: a nats-server, or this program in one of its roles.
type process struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	end  error         // how it ended, once gone is closed
	gone chan struct{} // closed once it has ended
}

// startProcess starts a child whose output goes to a file in dir.
func startProcess(dir, name string, cmd *exec.Cmd) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	cmd.Stderr = log
	p := &process{name: name, cmd: cmd, log: log, gone: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", name, err), log.Close())
	}
	go func() {
		p.end = cmd.Wait()
		log.Close()
		close(p.gone)
	}()
	return p, nil
}

// signal reaches a process that runs; for one that has ended it does nothing.
func (p *process) signal(sig syscall.Signal) {
	p.told(func(to *os.Process) error { return to.Signal(sig) })
}

// told signals by tell, as signal does.
func (p *process) told(tell func(*os.Process) error) {
	if err := tell(p.cmd.Process); err != nil && p.running() {
		fmt.Fprintf(os.Stderr, "faults: %s not signaled: %v\n", p.name, err)
	}
}

func (p *process) running() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// kill ends it without notice.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.gone
}

// stop asks it to end, and insists after a while.
func (p *process) stop() {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(20 * time.Second):
		p.kill()
	}
}
