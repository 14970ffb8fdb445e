package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// cluster is three nats-server processes with the accounts of deploy/nats. The
// routes between them pass through proxies of ours.
type cluster struct {
	dir     string
	command []string // of nats-server
	names   stream.Names
	servers [3]*natsServer
	routes  [3][3]*faultlink.Proxy // routes[i][j] is what server i dials to reach j
	epoch   string

	admin *nats.Conn
	js    jetstream.JetStream
}

// natsServer is one of them. It keeps its ports and store over restarts.
type natsServer struct {
	name          string
	client, route string // addresses
	dir           string
	small         bool // its store is a file system of its own that can be filled
	proc          *process
}

func (s *natsServer) store() string { return filepath.Join(s.dir, "store") }

var roles = []string{"ADMIN", "SERVICE", "NODE_ORDERS", "NODE_PAYMENTS", "SYSTEM"}

// startCluster starts the servers and provisions the stream. The server whose
// index is small has a store of a few megabytes; none if it is negative.
func startCluster(ctx context.Context, dir string, command []string, small int) (*cluster, error) {
	names, err := stream.NewNames("")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, command: command, names: names}
	if err := c.writeAccounts(); err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(6)
	if err != nil {
		return nil, err
	}
	for i := range c.servers {
		name := fmt.Sprint("s", i+1)
		c.servers[i] = &natsServer{
			name: name, client: addresses[2*i], route: addresses[2*i+1],
			dir: filepath.Join(dir, name), small: i == small,
		}
		if err := os.MkdirAll(c.servers[i].store(), 0o700); err != nil {
			return nil, err
		}
	}
	for i := range c.servers {
		for j := range c.servers {
			if i == j {
				continue
			}
			if c.routes[i][j], err = faultlink.Run(c.servers[j].route); err != nil {
				return nil, errors.Join(err, c.close())
			}
		}
	}
	for i := range c.servers {
		if err := c.start(ctx, i); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	if err := c.provision(ctx); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// writeAccounts makes keys, and puts the accounts that users take beside them.
func (c *cluster) writeAccounts() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	accounts, err := os.ReadFile(filepath.Join(root, "deploy", "nats", "accounts.conf"))
	if err != nil {
		return err
	}
	var public strings.Builder
	for _, role := range roles {
		user, err := nkeys.CreateUser()
		if err != nil {
			return err
		}
		seed, err := user.Seed()
		if err != nil {
			return err
		}
		key, err := user.PublicKey()
		if err != nil {
			return err
		}
		fmt.Fprintf(&public, "%s: %s\n", role, key)
		if err := os.WriteFile(c.seed(role), seed, 0o600); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(c.dir, "accounts.conf"), accounts, 0o600),
		os.WriteFile(filepath.Join(c.dir, "keys.conf"), []byte(public.String()), 0o600),
	)
}

func (c *cluster) seed(role string) string { return filepath.Join(c.dir, role+".nk") }

// freeAddresses returns loopback addresses that nobody listened on a moment
// ago. They are below the ports that systems give to outgoing connections: a
// server must get its own again after a restart.
func freeAddresses(n int) ([]string, error) {
	var list []string
	for range 1000 {
		lis, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+rand.N(20_000)))
		if err != nil {
			continue // taken
		}
		defer lis.Close()
		if list = append(list, lis.Addr().String()); len(list) == n {
			return list, nil
		}
	}
	return nil, errors.New("no free ports between 10000 and 30000")
}

// start starts a server that does not run. It ends with ctx at the latest.
func (c *cluster) start(ctx context.Context, i int) error {
	s := c.servers[i]
	var routes []string
	for _, p := range c.routes[i] {
		if p != nil {
			routes = append(routes, "nats://"+p.Address())
		}
	}
	// Clients and servers know all addresses: what servers tell of each other
	// would lead round the proxies, so it leads nowhere.
	config := fmt.Sprintf(`server_name: %s
listen: %s
cluster {
  name: revoked
  listen: %s
  no_advertise: true
  advertise: "127.0.0.1:1"
  routes: [%s]
}
jetstream { store_dir: %q, sync_interval: always }
include "../accounts.conf"
`, s.name, s.client, s.route, strings.Join(routes, ", "), s.store())
	path := filepath.Join(s.dir, "server.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	args := append(append([]string{}, c.command...), "-c", path)
	if s.small {
		// In a namespace of its own anybody may mount a file system.
		args = append([]string{"unshare", "--map-root-user", "--mount", "sh", "-c",
			`mount -t tmpfs -o size=` + smallStore + ` none "$0" && exec "$@"`, s.store()}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), roleVariable+"=server")
	var err error
	s.proc, err = startProcess(c.dir, s.name, cmd)
	return err
}

const smallStore = "12m"

// provision creates the stream, as "revoked provision --replicas 3" does.
func (c *cluster) provision(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if c.admin == nil {
		key, err := nats.NkeyOptionFromSeed(c.seed("ADMIN"))
		if err != nil {
			return err
		}
		c.admin, err = nats.Connect(c.urls(), key, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
			nats.ReconnectWait(100*time.Millisecond), nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2))
		if err != nil {
			return err
		}
		if c.js, err = jetstream.New(c.admin); err != nil {
			return err
		}
	}
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		info, err := stream.Provision(attempt, c.js, stream.Settings{Names: c.names, Replicas: 3})
		cancel()
		if err == nil {
			c.epoch = info.Epoch
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("provisioning: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *cluster) urls() string {
	var list []string
	for _, s := range c.servers {
		list = append(list, "nats://"+s.client)
	}
	return strings.Join(list, ",")
}

// leader returns the index of the server that leads the stream.
func (c *cluster) leader(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		s, err := c.js.Stream(attempt, c.names.Events())
		cancel()
		if err == nil && s.CachedInfo().Cluster != nil {
			for i, srv := range c.servers {
				if srv.name == s.CachedInfo().Cluster.Leader {
					return i, nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("the stream has no leader: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// settled waits until the stream has a leader and every replica is current.
func (c *cluster) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		s, err := c.js.Stream(attempt, c.names.Events())
		cancel()
		if err == nil && s.CachedInfo().Cluster != nil && s.CachedInfo().Cluster.Leader != "" {
			current := 0
			for _, r := range s.CachedInfo().Cluster.Replicas {
				if r.Current && !r.Offline {
					current++
				}
			}
			if current == 2 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the stream's replicas are not current (%v)", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// isolate cuts a server off from the other two: nothing passes on its routes,
// and nothing is closed. Its clients keep their connections.
func (c *cluster) isolate(i int) {
	for j := range c.servers {
		if j != i {
			c.routes[i][j].Set(faultlink.Mode{Frozen: true})
			c.routes[j][i].Set(faultlink.Mode{Frozen: true})
		}
	}
}

// rejoin ends isolate. What was under way is lost with its connections, as when
// a network comes back.
func (c *cluster) rejoin(i int) {
	for j := range c.servers {
		if j != i {
			for _, p := range []*faultlink.Proxy{c.routes[i][j], c.routes[j][i]} {
				p.Set(faultlink.Mode{Refuse: true})
				p.Set(faultlink.Mode{})
			}
		}
	}
}

// stopAll stops the servers in order, as for a maintenance of all.
func (c *cluster) stopAll() {
	for _, s := range c.servers {
		s.proc.stop()
	}
}

func (c *cluster) startAll(ctx context.Context) error {
	var err error
	for i := range c.servers {
		err = errors.Join(err, c.start(ctx, i))
	}
	return err
}

// copyStores copies the stores of the servers, which must not run, or copies
// them back.
func (c *cluster) copyStores(back bool) error {
	for _, s := range c.servers {
		from, to := s.store(), s.store()+".copy"
		if back {
			from, to = to, from
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) close() error {
	if c.admin != nil {
		c.admin.Close()
	}
	for _, s := range c.servers {
		if s != nil && s.proc != nil && s.proc.running() {
			s.proc.kill()
		}
	}
	for _, row := range c.routes {
		for _, p := range row {
			if p != nil {
				p.Close()
			}
		}
	}
	return nil
}

// moduleRoot returns the directory of the module's go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside a module")
		}
		dir = parent
	}
}
