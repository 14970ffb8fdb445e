package main

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

// mode is how a proxy's network behaves.
type mode struct {
	refuse bool // connections are closed, and new ones at once
	frozen bool // nothing passes, in either direction, and nothing is closed

	// What follows is for messages from a server to its clients only. The rest
	// of the protocol passes, PONG above all: the link looks healthy.
	hold            bool          // keep messages until it ends, then deliver them all
	delay           time.Duration // deliver each message so much later
	drop, duplicate float64       // shares of messages
}

// proxy is a TCP proxy with one target.
type proxy struct {
	lis    net.Listener
	target string
	frames bool // it understands what servers send to clients
	done   sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	mode    mode
	changed chan struct{} // closed and replaced when mode changes
	conns   map[net.Conn]struct{}
	closed  bool
}

func runProxy(target string) (*proxy, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{lis: lis, target: target, changed: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	p.done.Go(p.serve)
	return p, nil
}

// runClientProxy runs a proxy that understands the protocol of clients.
func runClientProxy(target string) (*proxy, error) {
	p, err := runProxy(target)
	if err == nil {
		p.mu.Lock()
		p.frames = true
		p.mu.Unlock()
	}
	return p, err
}

func (p *proxy) address() string { return p.lis.Addr().String() }

// set changes how the network behaves, from now on.
func (p *proxy) set(m mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	close(p.changed)
	p.changed = make(chan struct{})
	if m.refuse {
		p.dropAll()
	}
}

// reset closes every connection. New ones are accepted.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropAll()
}

func (p *proxy) dropAll() {
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.set(mode{refuse: true})
	p.lis.Close()
	p.done.Wait()
}

// now returns the mode, and a channel that is closed when it changes.
func (p *proxy) now() (mode, <-chan struct{}, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode, p.changed, p.frames
}

func (p *proxy) serve() {
	for {
		client, err := p.lis.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.connect(client) })
	}
}

// connect joins a client to the target until either ends.
func (p *proxy) connect(client net.Conn) {
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
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode.refuse || p.closed {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// pass waits while the network is frozen. It returns false if conn is gone by
// then.
func (p *proxy) pass(conn net.Conn) bool {
	for {
		m, changed, _ := p.now()
		if !m.frozen {
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
func (p *proxy) copy(dst, src net.Conn) {
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
func (p *proxy) copyFrames(dst, src net.Conn) {
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
		if rand.Float64() < m.drop {
			continue
		}
		w.add(frame, time.Now().Add(m.delay))
		if rand.Float64() < m.duplicate {
			w.add(frame, time.Now().Add(m.delay))
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
func (p *proxy) deliver(w *delivery, src net.Conn) {
	for {
		m, changed, _ := p.now()
		first, found := w.head()
		var due <-chan time.Time
		if found && !m.hold {
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
