// Package faultlink is a TCP proxy whose network can break: refuse, freeze,
// delay, hold, lose and repeat what a NATS server sends. Tests and the fault
// bench put it between a server and who speaks to it.
//
// A [Proxy] is safe for concurrent use. Close waits for every goroutine.
package faultlink

import (
	"bufio"
	"bytes"
	"context"
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

// Proxy is a TCP proxy with one target.
type Proxy struct {
	lis    net.Listener
	target string
	frames bool // it understands what servers send to clients
	done   sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	mode    Mode
	changed chan struct{} // closed and replaced when mode changes
	conns   map[net.Conn]struct{}
	closed  bool
}

// Run starts a proxy on a free port of loopback; target is a host:port.
func Run(target string) (*Proxy, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{lis: lis, target: target, changed: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	p.done.Go(p.serve)
	return p, nil
}

// RunClient is Run for a proxy that understands what NATS servers send to
// clients.
func RunClient(target string) (*Proxy, error) {
	p, err := Run(target)
	if err == nil {
		p.mu.Lock()
		p.frames = true
		p.mu.Unlock()
	}
	return p, err
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

// Reset closes every connection. New ones are accepted.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropAll()
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
func (p *Proxy) now() (Mode, <-chan struct{}, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode, p.changed, p.frames
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
	if !p.pass(client) {
		return
	}
	server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.target)
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
		if _, _, frames := p.now(); frames {
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
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// pass waits while the network is frozen. It returns false if conn is gone by
// then.
func (p *Proxy) pass(conn net.Conn) bool {
	for {
		m, changed, _ := p.now()
		if !m.Frozen {
			p.mu.Lock()
			_, open := p.conns[conn]
			p.mu.Unlock()
			return open
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
			if !p.pass(src) {
				return
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
		if err != nil || !p.pass(src) {
			return
		}
		if !message {
			if w.write(frame) != nil {
				return
			}
			continue
		}
		m, _, _ := p.now()
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
		m, changed, _ := p.now()
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
			if !p.pass(src) || w.write(first.frame) != nil {
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
