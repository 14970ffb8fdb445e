package gate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

// listen opens an address of the configuration: host:port or unix:/path.
func (g *Gate) listen(addr string) (net.Listener, error) {
	var ln net.Listener
	var err error
	if path, unix := strings.CutPrefix(addr, "unix:"); unix {
		mode, _ := socketMode(g.cfg.SocketMode) // checked
		ln, err = listenUnix(path, mode)
	} else {
		ln, err = net.Listen("tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	return &guarded{
		Listener: ln, trusted: g.trusted, log: g.sampled, refused: g.numbers.untrusted.Inc,
		free: make(chan struct{}, g.cfg.MaxConnections), closed: make(chan struct{}),
	}, nil
}

// listenUnix listens at path with the given mode from the first moment on: the
// socket is made in a directory that nobody else can enter, and moved. A socket
// that a killed process has left is replaced, one that answers is not.
func listenUnix(path string, mode os.FileMode) (net.Listener, error) {
	if conn, err := (&net.Dialer{}).DialContext(context.Background(), "unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("%s: another process is listening", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s: is there and is no socket", path)
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".gate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	at := filepath.Join(private, "s")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // it would look at the old place
	err = os.Chmod(at, mode)
	var made os.FileInfo
	if err == nil {
		made, err = os.Lstat(at)
	}
	if err == nil {
		err = os.Rename(at, path)
	}
	if err != nil {
		ln.Close()
		return nil, err
	}
	return &unixListener{UnixListener: ln, path: path, made: made}, nil
}

// unixListener removes its socket when it is closed, unless a successor has
// put its own there.
type unixListener struct {
	*net.UnixListener
	path string
	made os.FileInfo
	once sync.Once
}

// Close implements [net.Listener].
func (l *unixListener) Close() error {
	l.once.Do(func() {
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
			os.Remove(l.path) // if that fails, the next start replaces it
		}
	})
	return l.UnixListener.Close()
}

// Addr is where clients connect.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// guarded accepts connections from trusted peers only, and a bounded number of
// them at a time. Further ones wait to be accepted, which proxies bound by
// their own timeouts.
type guarded struct {
	net.Listener
	trusted []netip.Prefix
	log     zerolog.Logger // sampled
	refused func()
	free    chan struct{} // capacity is the limit; an element per connection
	closed  chan struct{}
	once    sync.Once
}

// Accept implements [net.Listener].
func (l *guarded) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.free
			return nil, err
		}
		if l.trusts(conn.RemoteAddr()) {
			return &guardedConn{Conn: conn, release: func() { <-l.free }}, nil
		}
		conn.Close()
		l.refused()
		l.log.Warn().Stringer("peer", conn.RemoteAddr()).Msg("connection refused: add the proxy's network to trusted_proxies if it is one")
	}
}

// trusts reports whether the peer is on this machine or in a trusted network.
func (l *guarded) trusts(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return true // the mode of the socket has decided
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	return ip.IsLoopback() || slices.ContainsFunc(l.trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Close implements [net.Listener].
func (l *guarded) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// guardedConn gives its place back once.
type guardedConn struct {
	net.Conn
	once    sync.Once
	release func()
}

// Close implements [net.Conn].
func (c *guardedConn) Close() error {
	c.once.Do(c.release)
	return c.Conn.Close()
}

// errIsClosed reports whether a server ended because it was told to.
func errIsClosed(err error) bool { return err == nil || errors.Is(err, net.ErrClosed) }
