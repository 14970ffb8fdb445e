//go:build unix

package subscriber_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// A process that was stopped, as by a debugger, a full machine or a paused
// container, and is continued after more than MaxStaleness is stale as it
// wakes, and until it holds a fresh tick and all that it has missed. Then it is
// fresh by itself.
func TestPausedProcess(t *testing.T) {
	srv := runServer(t)
	srv.provision()
	px, url := runProxy(t, srv.URL())
	node := runNode(t, url)
	srv.eventually("a fresh node", func() bool { return node.last().Fresh })

	node.signal(syscall.SIGSTOP)
	px.Set(faultlink.Mode{Refuse: true}) // so that nothing waits for it in a buffer of the kernel
	stopped := time.Now()
	missed := session(subscriber.MissedByNode)
	srv.publish(missed)
	acked := time.Now()
	time.Sleep(time.Until(stopped.Add(shortest + 100*time.Millisecond))) // the pause itself
	before := node.count()
	node.signal(syscall.SIGCONT)
	srv.eventually("a look after it woke", func() bool { return node.count() > before+1 })
	// The first look may have been under way when it was stopped.
	if woken := node.look(before + 1); woken.Fresh || woken.Missed {
		t.Errorf("as it woke: %+v, want it stale and without the act", woken)
	}
	px.Set(faultlink.Mode{})
	srv.eventually("fresh again", func() bool { return node.last().Fresh })

	for i := range node.count() {
		switch l := node.look(i); {
		case l.Fresh && l.At.Sub(l.AsOf) > shortest:
			t.Fatalf("look %d: fresh, as of %v ago", i, l.At.Sub(l.AsOf))
		case l.Fresh && l.Before.After(acked) && !l.Missed:
			t.Fatalf("look %d: fresh as of %v after the act was acknowledged, which is not enforced", i, l.Before.Sub(acked))
		}
	}
	if l := node.last(); !l.Missed {
		t.Errorf("fresh again: %+v, want the act enforced that it has missed", l)
	}
}

// nodeProcess is a node in a process of its own.
type nodeProcess struct {
	t   *testing.T
	cmd *exec.Cmd

	mu    sync.Mutex // guards looks
	looks []subscriber.NodeLook
}

func runNode(t *testing.T, url string) *nodeProcess {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n := &nodeProcess{t: t, cmd: exec.CommandContext(t.Context(), exe)}
	n.cmd.Env = append(os.Environ(), subscriber.NodeEnv+"="+url)
	n.cmd.Stderr = os.Stderr
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var read sync.WaitGroup
	read.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var l subscriber.NodeLook
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				t.Errorf("node says %q: %v", lines.Text(), err)
				return
			}
			n.mu.Lock()
			n.looks = append(n.looks, l)
			n.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		n.cmd.Process.Kill() // also if it is stopped
		read.Wait()
		n.cmd.Wait()
	})
	return n
}

func (n *nodeProcess) signal(s os.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

func (n *nodeProcess) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.looks)
}

func (n *nodeProcess) look(i int) subscriber.NodeLook {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.looks[i]
}

func (n *nodeProcess) last() subscriber.NodeLook {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.looks) == 0 {
		return subscriber.NodeLook{}
	}
	return n.looks[len(n.looks)-1]
}
