package nats_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// limit bounds every wait on a real server. Nothing takes nearly as long.
const limit = 30 * time.Second

var mint string // path of the built tool

func TestMain(m *testing.M) {
	if os.Getenv(serverEnv) != "" {
		if err := checkServer(); err != nil {
			fmt.Fprintln(os.Stderr, "nats-server:", err)
			os.Exit(1)
		}
		return
	}
	dir, err := os.MkdirTemp("", "mint")
	if err != nil {
		panic(err)
	}
	mint = filepath.Join(dir, "mint")
	if out, err := exec.Command("go", "build", "-o", mint, "./mint").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// site is a directory as an operator has it: the committed files, keys, and
// certificates.
type site struct {
	t   *testing.T
	dir string
	jwt bool
}

func newSite(t *testing.T, mode string) site {
	t.Helper()
	s := site{t: t, dir: t.TempDir(), jwt: mode == "jwt"}
	files, err := filepath.Glob("*.conf")
	if err != nil || len(files) < 3 {
		t.Fatalf("configuration files: %v, %v", files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s.write(f, text)
	}
	if s.jwt {
		s.mint("jwt", "-dir", s.dir)
		s.mint("node", "-dir", s.dir, "-service", "orders", "orders")
		s.mint("node", "-dir", s.dir, "-service", "payments", "payments")
	} else {
		s.mint("nkeys", "-dir", s.dir)
	}
	s.mint("tls", "-dir", s.dir, "server,127.0.0.1")
	return s
}

func (s site) path(name string) string { return filepath.Join(s.dir, name) }

func (s site) write(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s site) mint(args ...string) {
	s.t.Helper()
	if out, err := exec.Command(mint, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("mint %v: %v\n%s", args, err, out)
	}
}

// environment is held while a configuration file is read: tests run beside each
// other.
var environment sync.Mutex

// options reads one of the configuration files with the environment that it
// asks for.
func (s site) options(file string, env map[string]string) *server.Options {
	s.t.Helper()
	defer s.environ(env)()
	opts, err := server.ProcessConfigFile(s.path(file))
	if err != nil {
		s.t.Fatal(err)
	}
	opts.NoLog, opts.NoSigs = true, true
	return opts
}

// environ sets the environment that the files ask for, and returns what takes
// it back.
func (s site) environ(env map[string]string) (restore func()) {
	s.t.Helper()
	all := map[string]string{
		"NATS_LISTEN": "127.0.0.1:-1", "NATS_STORE_DIR": s.t.TempDir(),
		"NATS_CERT": s.path("server.pem"), "NATS_KEY": s.path("server-key.pem"), "NATS_CA": s.path("ca.pem"),
	}
	maps.Copy(all, env)
	environment.Lock()
	for k, v := range all {
		os.Setenv(k, v) // t.Setenv forbids that tests run beside each other
	}
	return func() {
		for k := range all {
			os.Unsetenv(k)
		}
		environment.Unlock()
	}
}

func (s site) run(opts *server.Options) *server.Server {
	s.t.Helper()
	srv, err := server.NewServer(opts)
	if err != nil {
		s.t.Fatal(err)
	}
	srv.Start()
	s.t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(limit) {
		s.t.Fatal("server is not ready")
	}
	return srv
}

// addController lets an unrestricted user into the account of the nodes, which
// no deployment has: it shows that an act would have an effect if permissions
// did not forbid it.
func (s site) addController(opts *server.Options) {
	s.t.Helper()
	check := func(err error) {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	user, err := nkeys.CreateUser()
	check(err)
	seed, err := user.Seed()
	check(err)
	public, err := user.PublicKey()
	check(err)
	if !s.jwt {
		nodes := slices.IndexFunc(opts.Accounts, func(a *server.Account) bool { return a.Name == "NODES" })
		opts.Nkeys = append(opts.Nkeys, &server.NkeyUser{Nkey: public, Account: opts.Accounts[nodes]})
		s.write("keys/controller.nk", seed)
		return
	}
	text, err := os.ReadFile(s.path("keys/nodes.nk"))
	check(err)
	account, err := nkeys.FromSeed(text)
	check(err)
	claims := jwt.NewUserClaims(public)
	claims.Name = "controller"
	signed, err := claims.Encode(account)
	check(err)
	creds, err := jwt.FormatUserConfig(signed, seed)
	check(err)
	s.write("controller.creds", creds)
}

// connect connects as one of admin, service, orders, payments, controller.
func (s site) connect(url, who string) *nats.Conn {
	s.t.Helper()
	nc, err := s.tryConnect(url, who)
	if err != nil {
		s.t.Fatalf("connecting as %s: %v", who, err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

func (s site) tryConnect(url, who string) (*nats.Conn, error) {
	s.t.Helper()
	opts := []nats.Option{
		nats.RootCAs(s.path("ca.pem")),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
		s.auth(who),
	}
	if prefix := inboxes[who]; prefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(prefix))
	}
	return nats.Connect(url, opts...)
}

// userOf returns the public key of the user in a credentials file.
func userOf(creds []byte) (string, error) {
	text, err := jwt.ParseDecoratedJWT(creds)
	if err != nil {
		return "", err
	}
	claims, err := jwt.DecodeUserClaims(text)
	if err != nil {
		return "", err
	}
	return claims.Subject, nil
}

var inboxes = map[string]string{"service": "_INBOX_revoked", "orders": "_INBOX_orders", "payments": "_INBOX_payments"}

func (s site) auth(who string) nats.Option {
	s.t.Helper()
	if s.jwt {
		return nats.UserCredentials(s.path(who + ".creds"))
	}
	opt, err := nats.NkeyOptionFromSeed(s.seed(who))
	if err != nil {
		s.t.Fatal(err)
	}
	return opt
}

func (s site) seed(who string) string {
	if who == "orders" || who == "payments" {
		who = "node-" + who
	}
	return s.path("keys/" + who + ".nk")
}

// open opens a subscriber as a node of the service, configured as README.md
// tells users to.
func (s site) open(url, service string) *subscriber.Subscriber {
	s.t.Helper()
	cfg := subscriber.Config{
		Servers: url, CA: s.path("ca.pem"), Service: service, Node: "n1", InboxPrefix: "_INBOX_" + service,
	}
	if s.jwt {
		cfg.Credentials = s.path(service + ".creds")
	} else {
		cfg.NKey = s.seed(service)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	deny, err := subscriber.Open(ctx, cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { deny.Close() })
	return deny
}

func names(t *testing.T) stream.Names {
	t.Helper()
	n, err := stream.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func newJS(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func isPermission(err error) bool {
	return err != nil && strings.Contains(strings.ToLower(err.Error()), "permissions violation")
}
