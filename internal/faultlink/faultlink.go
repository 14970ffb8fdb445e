// Package faultlink is a TCP proxy whose network can break: refuse, freeze,
// delay, hold, lose and repeat what a NATS server sends. Tests and the fault
// bench put it between a server and who speaks to it.
//
// A [Proxy] is safe for concurrent use. Close waits for every goroutine.
package faultlink

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"
)

// Mode is how a proxy's network behaves. The zero value passes everything on.
type Mode struct {
	Refuse bool // connections are closed, and new ones at once
	Frozen bool // nothing passes, in either direction, and nothing is closed

	// What follows is for messages from a server to its clients only, through
	// [RunClient]. The rest of the protocol passes, PONG above all: the link
	// looks healthy.
	Hold            bool          // keep messages until it ends, then deliver them all
	Delay           time.Duration // deliver each message so much later
	Drop, Duplicate float64       // shares of messages
}

// Proxy is a TCP proxy.
type Proxy struct {
	lis    net.Listener
	frames bool // it understands what servers send to clients
	done   sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	target  string
	mode    Mode
	changed chan struct{}     // closed and replaced when mode changes
	conns   map[net.Conn]bool // whether it is stranded
	closed  bool
}

// Run starts a proxy on a free port of loopback; target is a host:port.
func Run(target string) (*Proxy, error) { return run(target, false) }

// RunClient is Run for a proxy that understands what NATS servers send to
// clients.
func RunClient(target string) (*Proxy, error) { return run(target, true) }

func run(target string, frames bool) (*Proxy, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{lis: lis, frames: frames, target: target, changed: make(chan struct{}), conns: make(map[net.Conn]bool)}
	p.done.Go(p.serve)
	return p, nil
}

// Address returns the host:port to connect to.
func (p *Proxy) Address() string { return p.lis.Addr().String() }

// Set changes how the network behaves, from now on.
func (p *Proxy) Set(m Mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	close(p.changed)
	p.changed = make(chan struct{})
	if m.Refuse {
		p.dropAll()
	}
}

// Aim changes the target of connections that are accepted from now on. It returns
// the one before.
func (p *Proxy) Aim(target string) (before string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, p.target = p.target, target
	return before
}

// Reset closes every connection. New ones are accepted.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropAll()
}

// Strand keeps every connection open and loses what comes through it from now on.
// New ones work.
func (p *Proxy) Strand() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.conns[c] = true
	}
}

func (p *Proxy) dropAll() {
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// Close ends the proxy and every connection.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Set(Mode{Refuse: true})
	p.lis.Close()
	p.done.Wait()
}

// now returns the mode, and a channel that is closed when it changes.
func (p *Proxy) now() (Mode, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode, p.changed
}

func (p *Proxy) serve() {
	for {
		client, err := p.lis.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.connect(client) })
	}
}

// connect joins a client to the target until either ends.
func (p *Proxy) connect(client net.Conn) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	defer p.forget(client)
	if open, _ := p.pass(client); !open {
		return
	}
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(server) {
		return
	}
	defer p.forget(server)
	var both sync.WaitGroup
	both.Go(func() {
		defer server.Close()
		p.copy(server, client)
	})
	both.Go(func() {
		defer client.Close()
		if p.frames {
			p.copyFrames(client, server)
		} else {
			p.copy(client, server)
		}
	})
	both.Wait()
}

// keep remembers an open connection, unless the network refuses it.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode.Refuse || p.closed {
		return false
	}
	p.conns[c] = false
	return true
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// pass waits while the network is frozen. It says whether conn is still open by
// then, and whether what it has sent is lost.
func (p *Proxy) pass(conn net.Conn) (open, lost bool) {
	for {
		m, changed := p.now()
		if !m.Frozen {
			p.mu.Lock()
			defer p.mu.Unlock()
			lost, open = p.conns[conn]
			return open, lost
		}
		<-changed
	}
}

// copy passes bytes on. What arrives while the network is frozen is passed on
// afterwards, if the connection is still there.
func (p *Proxy) copy(dst, src net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			open, lost := p.pass(src)
			if !open {
				return
			}
			if lost {
				continue
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// copyFrames passes on what a server sends to a client. Messages keep their
// order among themselves; other parts of the protocol overtake those that wait.
func (p *Proxy) copyFrames(dst, src net.Conn) {
	w := &delivery{dst: dst, wake: make(chan struct{}, 1), end: make(chan struct{})}
	var done sync.WaitGroup
	done.Go(func() { p.deliver(w, src) })
	defer done.Wait()
	defer close(w.end)
	r := bufio.NewReaderSize(src, 64<<10)
	for {
		frame, message, err := readFrame(r)
		if err != nil {
			return
		}
		open, lost := p.pass(src)
		if !open {
			return
		}
		if lost {
			continue
		}
		if !message {
			if w.write(frame) != nil {
				return
			}
			continue
		}
		m, _ := p.now()
		if rand.Float64() < m.Drop {
			continue
		}
		w.add(frame, time.Now().Add(m.Delay))
		if rand.Float64() < m.Duplicate {
			w.add(frame, time.Now().Add(m.Delay))
		}
	}
}

// delivery is the way to one client.
type delivery struct {
	dst  net.Conn
	wake chan struct{} // has room for one: something was added
	end  chan struct{} // closed when nothing is added any more

	writing sync.Mutex // held while writing to dst

	mu    sync.Mutex // guards queue
	queue []waiting
}

// waiting is a message, to be delivered not before due.
type waiting struct {
	frame []byte
	due   time.Time
}

func (w *delivery) write(frame []byte) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	_, err := w.dst.Write(frame)
	return err
}

func (w *delivery) add(frame []byte, due time.Time) {
	w.mu.Lock()
	w.queue = append(w.queue, waiting{frame, due})
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// head returns the first message that waits.
func (w *delivery) head() (first waiting, found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return waiting{}, false
	}
	return w.queue[0], true
}

func (w *delivery) pop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = w.queue[1:]
}

// deliver writes messages when they are due, until the connection ends.
func (p *Proxy) deliver(w *delivery, src net.Conn) {
	for {
		m, changed := p.now()
		first, found := w.head()
		var due <-chan time.Time
		if found && !m.Hold {
			due = time.After(time.Until(first.due))
		}
		select {
		case <-w.end:
			return
		case <-changed:
		case <-w.wake:
		case <-due:
			w.pop()
			open, lost := p.pass(src)
			if !open || !lost && w.write(first.frame) != nil {
				return
			}
		}
	}
}

// readFrame reads one part of the protocol that a NATS server speaks to
// clients, and says whether it is a message.
func readFrame(r *bufio.Reader) (frame []byte, message bool, err error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, false, err
	}
	if !bytes.HasPrefix(line, []byte("MSG ")) && !bytes.HasPrefix(line, []byte("HMSG ")) {
		return line, false, nil
	}
	fields := bytes.Fields(line)
	size, err := strconv.Atoi(string(fields[len(fields)-1]))
	if err != nil || size < 0 {
		return nil, false, errors.New("message without a size")
	}
	frame = append(line, make([]byte, size+2)...)
	_, err = io.ReadFull(r, frame[len(line):])
	return frame, true, err
}
