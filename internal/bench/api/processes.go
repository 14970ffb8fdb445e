package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// process is this program in another role, in a process of its own: what is
// measured does not wait for a thousand nodes to be scheduled. It lives until
// its standard input ends.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// newProcess starts this program with a role and its arguments, and returns the
// first line that it prints.
func newProcess(role string, args ...string) (*process, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	p := &process{cmd: exec.Command(self, append([]string{"-be", role}, args...)...)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, "", err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, "", err
	}
	line, err := p.line()
	if err != nil {
		p.stop()
		return nil, "", fmt.Errorf("%s: %w", role, err)
	}
	return p, line, nil
}

// line returns the next line that the process prints.
func (p *process) line() (string, error) {
	if !p.out.Scan() {
		return "", errors.New("the process has ended")
	}
	return p.out.Text(), nil
}

func (p *process) stop() {
	p.in.Close()
	_ = p.cmd.Wait()
}

// be plays a role.
func be(role string, args []string) error {
	switch {
	case role == "server" && len(args) == 1:
		return beServer(args[0])
	case role == "nodes" && len(args) == 2:
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return beNodes(args[0], n)
	}
	return fmt.Errorf("-be %s is none of the roles", role)
}

// beServer is a nats-server. It prints its URL.
func beServer(dir string) error {
	srv, err := natsdev.Start(natsdev.Config{StoreDir: dir})
	if err != nil {
		return err
	}
	defer srv.Stop()
	fmt.Println(srv.URL())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// beNodes is n nodes. They answer each number that comes with "held" when all
// of them hold as many acts.
func beNodes(url string, n int) error {
	nodes := make([]*subscriber.Subscriber, n)
	var opening errgroup.Group
	opening.SetLimit(32)
	for i := range nodes {
		opening.Go(func() (err error) {
			nodes[i], err = subscriber.Open(context.Background(), subscriber.Config{Servers: url, Service: "bench", Node: strconv.Itoa(i)})
			return err
		})
	}
	if err := opening.Wait(); err != nil {
		return err
	}
	defer func() {
		var closing sync.WaitGroup
		for _, node := range nodes {
			closing.Go(func() { _ = node.Close() })
		}
		closing.Wait()
	}()
	fmt.Println("following")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		want, err := strconv.Atoi(in.Text())
		if err != nil {
			return err
		}
		until := time.Now().Add(time.Minute)
		for i, node := range nodes {
			for node.Status().Acts != want {
				if time.Now().After(until) {
					return fmt.Errorf("node %d holds %d of %d acts", i, node.Status().Acts, want)
				}
				time.Sleep(time.Millisecond)
			}
		}
		fmt.Println("held")
	}
	return nil
}
