package kubernetes_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// limit bounds every wait for a process. Nothing takes nearly as long.
const limit = 60 * time.Second

// broker is nats-server with the files of deploy/nats, and the credentials that
// mint makes for them.
type broker struct {
	t    *testing.T
	dir  string
	port int
}

// newBroker prepares a server that does not run yet.
func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir(), port: freePorts(t, 1)[0]}
	text, err := os.ReadFile(filepath.Join(root, "deploy/nats/single.conf"))
	if err != nil {
		t.Fatal(err)
	}
	b.write("single.conf", text)
	for _, args := range [][]string{{"jwt", "-dir", b.dir}, {"node", "-dir", b.dir, "-service", "orders", "orders"}} {
		if out, err := exec.CommandContext(t.Context(), binary(t, "mint"), args...).CombinedOutput(); err != nil {
			t.Fatalf("mint %v: %v\n%s", args, err, out)
		}
	}
	b.certificate()
	return b
}

func (b *broker) write(name string, text []byte) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// certificate makes one for loopback that is its own authority.
func (b *broker) certificate() {
	b.t.Helper()
	check := func(err error) {
		if err != nil {
			b.t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "revoked check"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	check(err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	b.write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	b.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// start runs the server until the test ends.
func (b *broker) start() {
	b.t.Helper()
	for name, value := range map[string]string{
		"NATS_LISTEN": "127.0.0.1:" + strconv.Itoa(b.port), "NATS_STORE_DIR": b.t.TempDir(),
		"NATS_CERT": filepath.Join(b.dir, "cert.pem"), "NATS_KEY": filepath.Join(b.dir, "key.pem"),
	} {
		b.t.Setenv(name, value)
	}
	opts, err := server.ProcessConfigFile(filepath.Join(b.dir, "single.conf"))
	if err != nil {
		b.t.Fatal(err)
	}
	opts.NoLog, opts.NoSigs = true, true
	srv, err := server.NewServer(opts)
	if err != nil {
		b.t.Fatal(err)
	}
	srv.Start()
	b.t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(limit) {
		b.t.Fatal("nats-server is not ready")
	}
}

// freePorts returns ports that nobody listens on.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var free []int
	for range n {
		ln, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close() // all at once, so that they differ
		free = append(free, ln.Addr().(*net.TCPAddr).Port)
	}
	return free
}
