package nats_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/subscriber"
)

// The revoke service and a node run with the credentials that are made for
// them and nothing else, on three servers with TLS.
func TestClusterServesServiceAndNodes(t *testing.T) {
	t.Parallel()
	s := newSite(t, "jwt") // electing the cluster's first leader takes up to 9 s
	servers := s.runCluster()
	url := servers[0].ClientURL() + "," + servers[1].ClientURL() + "," + servers[2].ClientURL()
	s.provision(url)
	s.startService(url)
	// Each node on a server of its own: the accounts span the cluster.
	for _, srv := range servers {
		s.awaitBeat(s.open(srv.ClientURL(), "orders"))
	}
}

// The same on one server, with nkeys.
func TestServerServesServiceAndNodes(t *testing.T) {
	t.Parallel()
	s := newSite(t, "nkey")
	url := s.run(s.options("single.conf", nil)).ClientURL()
	s.provision(url)
	s.startService(url)
	s.awaitBeat(s.open(url, "orders"))
	s.forgetInboxPrefix(url)
}

// forgetInboxPrefix does what everybody does once: the credential is right, and
// no answer arrives. Each of ours says why, and how to mend it.
func (s site) forgetInboxPrefix(url string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	_, err := subscriber.Open(ctx, subscriber.Config{Servers: url, CA: s.path("ca.pem"), NKey: s.seed("orders"), Service: "orders", Node: "n2"})
	if err == nil || !strings.Contains(err.Error(), "Config.InboxPrefix") {
		s.t.Errorf("a node without: %v", err)
	}
	_, _, err = service.Connect(s.t.Context(), service.Config{NATS: service.NATS{URL: url, CA: s.path("ca.pem"), NKey: s.seed("service")}})
	if err == nil || !strings.Contains(err.Error(), "NATS_INBOX_PREFIX") {
		s.t.Errorf("provisioning as the service, without: %v", err)
	}
}

// awaitBeat waits until a node has heard the service, and is live.
func (s site) awaitBeat(node *subscriber.Subscriber) {
	s.t.Helper()
	st := node.Status()
	for end := time.Now().Add(limit); st.Epoch == "" || st.State != subscriber.Live; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("no beat of the service, or not live: %+v", st)
		}
		st = node.Status()
	}
}

func (s site) runCluster() []*server.Server {
	s.t.Helper()
	env := make(map[string]string)
	var ports []string
	for i := range 3 {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.t.Fatal(err)
		}
		ports = append(ports, lis.Addr().String())
		env[fmt.Sprint("NATS_ROUTE_", i+1)] = "nats://" + lis.Addr().String()
		lis.Close()
	}
	var servers []*server.Server
	for i := range 3 {
		env["NATS_SERVER_NAME"], env["NATS_CLUSTER_LISTEN"] = fmt.Sprint("s", i+1), ports[i]
		srv, err := server.NewServer(s.options("cluster.conf", env))
		if err != nil {
			s.t.Fatal(err)
		}
		srv.Start() // ready only once it sees a quorum
		s.t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
		servers = append(servers, srv)
	}
	for _, srv := range servers {
		if !srv.ReadyForConnections(limit) {
			s.t.Fatalf("server %s is not ready", srv.Name())
		}
	}
	return servers
}

// provision does what "revoked provision" does, with a replica on each server.
func (s site) provision(urls string) {
	s.t.Helper()
	js := newJS(s.t, s.connect(urls, "admin"))
	replicas := len(strings.Split(urls, ","))
	for end := time.Now().Add(limit); ; {
		ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Second)
		_, err := stream.Provision(ctx, js, stream.Settings{Names: names(s.t), Replicas: replicas})
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) { // nobody answers until the cluster has a leader
			s.t.Fatal(err)
		}
	}
}

func (s site) startService(url string) {
	s.t.Helper()
	cognito, err := cognitotest.Start(cognitotest.Config{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(cognito.Close)
	demo, err := cognito.SeedDemo()
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := service.Default()
	cfg.PublicAddr, cfg.AdminAddr, cfg.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.APIKey, cfg.ServiceID = "test-key-0123456789", "r1"
	cfg.SealKeys = service.Secret(strings.Repeat("5ea1", 16))
	cfg.NATS = service.NATS{URL: url, CA: s.path("ca.pem"), InboxPrefix: "_INBOX_revoked"}
	if s.jwt {
		cfg.NATS.Creds = s.path("service.creds")
	} else {
		cfg.NATS.NKey = s.seed("service")
	}
	cfg.Pools = []service.Pool{{
		ID: demo.Pool.ID(), Endpoint: cognito.URL(), JWKSURL: demo.Pool.JWKSURL(),
		Clients: []service.Client{{ID: demo.Client.ID}},
	}}
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	svc, err := service.Start(ctx, cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { svc.Close() })
	if err := svc.WaitReady(ctx); err != nil {
		s.t.Fatal(err)
	}
}

func TestOnlyTLS13(t *testing.T) {
	t.Parallel()
	s := newSite(t, "nkey")
	opts := s.options("single.conf", nil)
	srv := s.run(opts)
	_, err := tls.Dial("tcp", srv.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if err == nil {
		t.Error("TLS 1.2 was accepted")
	}
	if opts.TLSConfig.MinVersion != tls.VersionTLS13 || !opts.SyncAlways {
		t.Errorf("minimum of TLS %x, sync always %t", opts.TLSConfig.MinVersion, opts.SyncAlways)
	}
}

// A private key is readable by its owner only, and no run of mint replaces one.
func TestMintKeepsKeys(t *testing.T) {
	for _, mode := range []string{"nkey", "jwt"} {
		t.Run(mode, func(t *testing.T) {
			s := newSite(t, mode)
			before := s.secrets()
			if len(before) < 5 {
				t.Fatalf("%d secret files, want at least 5", len(before))
			}
			if s.jwt {
				s.mint("jwt", "-dir", s.dir)
			} else {
				s.mint("nkeys", "-dir", s.dir)
			}
			s.mint("tls", "-dir", s.dir, "server,127.0.0.1")
			for path, text := range s.secrets() {
				if before[path] != text {
					t.Errorf("%s has changed", path)
				}
			}
		})
	}
}

// secrets returns the files with private keys, and checks who may read them.
func (s site) secrets() map[string]string {
	s.t.Helper()
	found := make(map[string]string)
	for _, pattern := range []string{"keys/*", "*.creds", "*-key.pem"} {
		paths, err := filepath.Glob(s.path(pattern))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, p := range paths {
			info, err := os.Stat(p)
			if err != nil {
				s.t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				s.t.Errorf("%s has mode %v", p, info.Mode())
			}
			text, err := os.ReadFile(p)
			if err != nil {
				s.t.Fatal(err)
			}
			found[p] = string(text)
		}
	}
	return found
}

// A credential that is withdrawn is refused; others are not.
func TestWithdrawnCredential(t *testing.T) {
	t.Parallel()
	s := newSite(t, "jwt")
	text, err := os.ReadFile(s.path("orders.creds"))
	if err != nil {
		t.Fatal(err)
	}
	user, err := userOf(text)
	if err != nil {
		t.Fatal(err)
	}
	s.write("withdrawn", []byte(user+"\n"))
	s.mint("jwt", "-dir", s.dir)
	srv := s.run(s.options("single.conf", nil))
	s.connect(srv.ClientURL(), "payments")
	if nc, err := s.tryConnect(srv.ClientURL(), "orders"); err == nil {
		nc.Close()
		t.Error("the withdrawn credential was accepted")
	} else if !strings.Contains(strings.ToLower(err.Error()), "authorization") {
		t.Errorf("error %v, want one of authorization", err)
	}
}

// A certificate holds for the names that were asked for, and for no other, at
// both ends of a connection. Its authority signs nothing but certificates of
// servers, and is the same after a renewal.
func TestMintCertificates(t *testing.T) {
	s := newSite(t, "nkey")
	ca, cert := s.certificate("ca.pem"), s.certificate("server.pem")
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for name, ok := range map[string]bool{"server": true, "127.0.0.1": true, "other": false} {
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			_, err := cert.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}})
			if (err == nil) != ok {
				t.Errorf("verifying for %s: %v, want success %t", name, err, ok)
			}
		}
	}
	if cert.IsCA || !ca.IsCA || !ca.MaxPathLenZero {
		t.Errorf("the server's certificate may sign (%t), or the authority's another authority (%t)", cert.IsCA, !ca.MaxPathLenZero)
	}
	s.mint("tls", "-dir", s.dir, "server,127.0.0.1", "another")
	if !s.certificate("ca.pem").Equal(ca) || s.certificate("server.pem").Equal(cert) {
		t.Error("a renewal keeps the certificate, or makes another authority")
	}
	if out, err := exec.Command(mint, "tls", "-dir", s.dir, "../server").CombinedOutput(); err == nil {
		t.Errorf("a name that leaves the directory is taken:\n%s", out)
	}
}

func (s site) certificate(name string) *x509.Certificate {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		s.t.Fatalf("%s is not PEM", name)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	return cert
}
