package nats_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// The server itself reads our files, as "nats-server -t" does, and finds a
// misspelled key in a copy.
func TestSyntax(t *testing.T) {
	cluster := map[string]string{
		"NATS_SERVER_NAME": "s1", "NATS_CLUSTER_LISTEN": "127.0.0.1:6222", "NATS_ROUTE_1": "nats://127.0.0.1:6222",
		"NATS_ROUTE_2": "nats://127.0.0.1:6223", "NATS_ROUTE_3": "nats://127.0.0.1:6224",
	}
	for _, tt := range []struct {
		file, read, from, to string
	}{
		{"single.conf", "single.conf", "sync_interval", "sync_intervall"},
		{"cluster.conf", "cluster.conf", "min_version", "min_versions"},
		{"accounts.conf", "single.conf", "exports", "exprots"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Attr("deploy/nats/"+tt.file, "nats-server's parser, and what users must not do (TestForbidden); finds a misspelled key")
			s := newSite(t, "nkey")
			s.options(tt.read, cluster) // which fails the test if the server refuses it
			text, err := os.ReadFile(s.path(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			broken := bytes.Replace(text, []byte(tt.from), []byte(tt.to), 1)
			if bytes.Equal(broken, text) {
				t.Fatalf("%s has no %q to replace", tt.file, tt.from)
			}
			s.write(tt.file, broken)
			if err := s.parse(tt.read, cluster); err == nil || !strings.Contains(err.Error(), tt.to) {
				t.Errorf("with %q for %q: %v", tt.to, tt.from, err)
			}
		})
	}
}

// parse returns what the server says of a configuration file.
func (s site) parse(file string, env map[string]string) error {
	s.t.Helper()
	defer s.environ(env)()
	_, err := server.ProcessConfigFile(s.path(file))
	return err
}
