package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bits-and-blooms/bloom/v3"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/maypok86/otter/v2"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	pool   = "eu-west-1_AbC123xyz"
	expiry = int64(1) << 32
	now    = int64(1_700_000_000)
)

// set is a way to keep revoked sessions: an id and when its entry ends.
type set interface {
	// reserve is called once, before any insert.
	reserve(n int)
	insert(id string)
	// finder returns a function for one goroutine that reports whether a
	// session is revoked now.
	finder() func(id string) bool
	close()
}

// sets returns those that every run compares, ours first.
func sets() map[string]func() set {
	return map[string]func() set{
		"revoked":         func() set { return &ours{} },
		"map+RWMutex":     func() set { return &lockedMap{} },
		"sync.Map":        func() set { return &syncMap{} },
		"xsync-v4":        func() set { return &xsyncMap{} },
		"bloom-v3+map":    func() set { return &bloomMap{} },
		"otter-v2":        func() set { return &otterCache{} },
		"ristretto-v2":    func() set { return &ristrettoCache{} },
		"redis-GET":       func() set { return &redis{} },
		"flat-map-noLock": func() set { return &bareMap{} },
	}
}

var setOrder = []string{"revoked", "map+RWMutex", "flat-map-noLock", "sync.Map", "xsync-v4", "bloom-v3+map", "otter-v2", "ristretto-v2", "redis-GET"}

// sessionAct returns an act with a cheap id, so that the load of a set does not
// measure the system's source of randomness.
func sessionAct(id string) revocation.Act {
	var act revocation.ActID
	binary.LittleEndian.PutUint64(act[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(act[8:], rand.Uint64())
	return revocation.Act{
		ID: act, State: revocation.StateOpen, ExpiresAt: expiry,
		Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: id},
	}
}

type ours struct{ d *denylist.Denylist }

func (s *ours) reserve(n int) {
	s.d = denylist.New()
	s.d.Reserve(n)
}
func (s *ours) insert(id string) { s.d.Apply(sessionAct(id)) }
func (s *ours) finder() func(string) bool {
	tok := revocation.Token{Pool: pool}
	return func(id string) bool {
		tok.OriginJTI = id
		_, _, found := s.d.Find(&tok, now)
		return found
	}
}
func (s *ours) close() {}

type lockedMap struct {
	mu sync.RWMutex
	m  map[string]int64
}

func (s *lockedMap) reserve(n int) { s.m = make(map[string]int64, n) }
func (s *lockedMap) insert(id string) {
	s.mu.Lock()
	s.m[strings.Clone(id)] = expiry
	s.mu.Unlock()
}
func (s *lockedMap) finder() func(string) bool {
	return func(id string) bool {
		s.mu.RLock()
		end, found := s.m[id]
		s.mu.RUnlock()
		return found && now < end
	}
}
func (s *lockedMap) close() {}

// bareMap is not safe with a writer: it shows what a map costs at the least.
type bareMap struct{ m map[string]int64 }

func (s *bareMap) reserve(n int)    { s.m = make(map[string]int64, n) }
func (s *bareMap) insert(id string) { s.m[strings.Clone(id)] = expiry }
func (s *bareMap) finder() func(string) bool {
	return func(id string) bool {
		end, found := s.m[id]
		return found && now < end
	}
}
func (s *bareMap) close() {}

type syncMap struct{ m sync.Map }

func (s *syncMap) reserve(int)      {}
func (s *syncMap) insert(id string) { s.m.Store(strings.Clone(id), expiry) }
func (s *syncMap) finder() func(string) bool {
	return func(id string) bool {
		end, found := s.m.Load(id)
		return found && now < end.(int64)
	}
}
func (s *syncMap) close() {}

type xsyncMap struct{ m *xsync.Map[string, int64] }

func (s *xsyncMap) reserve(n int)    { s.m = xsync.NewMap[string, int64](xsync.WithPresize(n)) }
func (s *xsyncMap) insert(id string) { s.m.Store(strings.Clone(id), expiry) }
func (s *xsyncMap) finder() func(string) bool {
	return func(id string) bool {
		end, found := s.m.Load(id)
		return found && now < end
	}
}
func (s *xsyncMap) close() {}

type bloomMap struct {
	mu sync.RWMutex
	f  *bloom.BloomFilter
	m  map[string]int64
}

func (s *bloomMap) reserve(n int) {
	s.f, s.m = bloom.NewWithEstimates(uint(n), 0.001), make(map[string]int64, n)
}
func (s *bloomMap) insert(id string) {
	s.mu.Lock()
	s.f.AddString(id)
	s.m[strings.Clone(id)] = expiry
	s.mu.Unlock()
}
func (s *bloomMap) finder() func(string) bool {
	return func(id string) bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		if !s.f.TestString(id) {
			return false
		}
		end, found := s.m[id]
		return found && now < end
	}
}
func (s *bloomMap) close() {}

// otterCache and ristrettoCache are bounded well above what they must hold:
// they may evict, which a denylist must never do.
type otterCache struct{ c *otter.Cache[string, int64] }

func (s *otterCache) reserve(n int) {
	s.c = otter.Must(&otter.Options[string, int64]{MaximumSize: 2 * n, InitialCapacity: n})
}
func (s *otterCache) insert(id string) { s.c.Set(strings.Clone(id), expiry) }
func (s *otterCache) finder() func(string) bool {
	return func(id string) bool {
		end, found := s.c.GetIfPresent(id)
		return found && now < end
	}
}
func (s *otterCache) close() { s.c.StopAllGoroutines() }

type ristrettoCache struct {
	c *ristretto.Cache[string, int64]
	n int
}

func (s *ristrettoCache) reserve(n int) {
	c, err := ristretto.NewCache(&ristretto.Config[string, int64]{NumCounters: int64(10 * n), MaxCost: int64(2 * n), BufferItems: 64, IgnoreInternalCost: true})
	if err != nil {
		panic(err)
	}
	s.c = c
}
func (s *ristrettoCache) insert(id string) {
	for !s.c.Set(strings.Clone(id), expiry, 1) { // it drops writes under load
		s.c.Wait()
	}
	if s.n++; s.n%1024 == 0 {
		s.c.Wait()
	}
}
func (s *ristrettoCache) finder() func(string) bool {
	s.c.Wait()
	return func(id string) bool {
		end, found := s.c.Get(id)
		return found && now < end
	}
}
func (s *ristrettoCache) close() { s.c.Close() }

// redis asks a redis-server on a loopback port of its own with GET, without a
// client library in between.
type redis struct {
	server *exec.Cmd
	dir    string
	addr   string
	loader *bufio.ReadWriter
	loaded int
	conns  []net.Conn
}

func redisServer() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", errors.New("no redis-server in PATH")
	}
	return path, nil
}

func (s *redis) reserve(int) {
	path, err := redisServer()
	if err != nil {
		panic(err)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s.addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(s.addr)
	if s.dir, err = os.MkdirTemp("", "bench-redis-"); err != nil {
		panic(err)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		panic(err)
	}
	s.server = exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", s.dir)
	s.server.Stdout = log
	if err := s.server.Start(); err != nil {
		panic(err)
	}
	s.loader = s.dial()
}

func (s *redis) dial() *bufio.ReadWriter {
	var lastErr error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			s.conns = append(s.conns, conn)
			return bufio.NewReadWriter(bufio.NewReaderSize(conn, 1<<16), bufio.NewWriterSize(conn, 1<<16))
		}
		lastErr = err
	}
	panic(lastErr)
}

func (s *redis) insert(id string) {
	fmt.Fprintf(s.loader, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$10\r\n4294967296\r\n", len(id), id)
	if s.loaded++; s.loaded%1000 == 0 {
		s.drain(1000)
	}
}

func (s *redis) drain(answers int) {
	s.loader.Flush()
	for range answers {
		if line, err := s.loader.ReadString('\n'); err != nil || line != "+OK\r\n" {
			panic(fmt.Sprintf("redis answered %q, %v", line, err))
		}
	}
}

func (s *redis) finder() func(string) bool {
	if n := s.loaded % 1000; n > 0 {
		s.drain(n)
		s.loaded -= n
	}
	c := s.dial()
	return func(id string) bool {
		c.WriteString("*2\r\n$3\r\nGET\r\n$")
		c.WriteString(strconv.Itoa(len(id)))
		c.WriteString("\r\n")
		c.WriteString(id)
		c.WriteString("\r\n")
		c.Flush()
		line, err := c.ReadSlice('\n')
		if err != nil {
			panic(err)
		}
		if string(line) == "$-1\r\n" {
			return false
		}
		if _, err := c.Discard(12); err != nil {
			panic(err)
		}
		return true
	}
}

func (s *redis) close() {
	for _, c := range s.conns {
		c.Close()
	}
	s.server.Process.Kill()
	s.server.Wait()
	os.RemoveAll(s.dir)
}
