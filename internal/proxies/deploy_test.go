//go:build linux

package proxies_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/seed-4e8dee1b/revoked/internal/gate"
)

var identityHeaders = []string{
	"X-Auth-Subject", "X-Auth-Username", "X-Auth-Client", "X-Auth-Pool", "X-Auth-Session",
	"X-Auth-Scopes", "X-Auth-Groups", "X-Auth-Expires",
}

func TestGateFileLoads(t *testing.T) {
	t.Attr("deploy/gate/gate.yaml", "the gate's own loader; finds a misspelled key, with its line")
	environ := map[string]string{"NATS_URL": "nats://localhost:4222"}
	misspelled := write(t, filepath.Join(t.TempDir(), "gate.yaml"), file(t, "gate/gate.yaml", map[string]string{"stale_policy": "stale_polcy"}))
	if _, err := gate.Load(misspelled, environ); err == nil || !strings.Contains(err.Error(), `unknown key "stale_polcy"`) {
		t.Errorf("with a misspelled key: %v", err)
	}
	cfg, err := gate.Load("../../deploy/gate/gate.yaml", environ)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.ForwardAuth.Listen) == 0 || len(cfg.ExtAuthz.Listen) == 0 || len(cfg.Check.Listen) == 0 {
		t.Errorf("deploy/gate/gate.yaml does not serve every interface: %+v", cfg)
	}
}

// A proxy that does not take an identity header from the gate leaves that of
// the client.
func TestEveryProxySetsEveryIdentityHeader(t *testing.T) {
	for _, name := range []string{"nginx/api.conf", "caddy/Caddyfile", "traefik/dynamic.yaml", "haproxy/haproxy.cfg"} {
		text := strings.ToLower(file(t, name, nil))
		for _, header := range identityHeaders {
			if !strings.Contains(text, strings.ToLower(header)) {
				t.Errorf("deploy/%s does not name %s", name, header)
			}
		}
	}
	for _, name := range []string{"traefik/dynamic.yaml", "haproxy/haproxy.cfg"} { // only read, by TestSyntax
		if !strings.Contains(file(t, name, nil), "NOT RUN") {
			t.Errorf("deploy/%s does not say that no test runs it", name)
		}
	}
	if err := yaml.Unmarshal([]byte(file(t, "traefik/dynamic.yaml", nil)), new(map[string]any)); err != nil {
		t.Errorf("deploy/traefik/dynamic.yaml: %v", err)
	}
	// Traefik has no pattern: each spelling with "_" is removed by its name.
	traefik := file(t, "traefik/dynamic.yaml", nil)
	for _, header := range identityHeaders {
		name := strings.TrimPrefix(header, "X-Auth-")
		for _, prefix := range []string{"X_Auth_", "X_Auth-", "X-Auth_"} {
			if !strings.Contains(traefik, prefix+name+`: ""`) {
				t.Errorf("deploy/traefik/dynamic.yaml does not remove %s%s", prefix, name)
			}
		}
	}
}

// Envoy itself can't be had everywhere; its types can. They refuse unknown
// fields, and values that Envoy would refuse.
func TestEnvoyConfiguration(t *testing.T) {
	t.Attr("deploy/envoy/envoy.yaml", "Envoy's own types; finds a misspelled field, a port beyond its range, an empty prefix")
	raw, err := os.ReadFile(filepath.Join("../../deploy/envoy/envoy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkEnvoy(raw); err != nil {
		t.Fatalf("deploy/envoy/envoy.yaml: %v", err)
	}
	for from, to := range map[string]string{
		"failure_mode_allow":    "failure_mode_alow",       // a field of the filter
		"port_value: 9011":      "port_value: 90110",       // a value beyond its range
		"stat_prefix: api":      "stat_prefix: ''",         // inside of an Any
		"transport_api_version": "x",                       // likewise
		"ServiceUnavailable":    "ServiceUnavailableAtAll", // no such status
	} {
		broken := bytes.ReplaceAll(raw, []byte(from), []byte(to))
		if bytes.Equal(raw, broken) || checkEnvoy(broken) == nil {
			t.Errorf("with %q for %q the file is still accepted", to, from)
		}
	}
	if bytes.Contains(raw, []byte("failure_mode_allow: true")) {
		t.Error("Envoy would let everybody in while the gate is down")
	}
}

func checkEnvoy(raw []byte) error {
	var tree any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return err
	}
	doc, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	var boot bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(doc, &boot); err != nil {
		return err
	}
	return validateAll(boot.ProtoReflect())
}

// validateAll validates a message and every message in it, also those that are
// packed.
func validateAll(m protoreflect.Message) error {
	if packed, ok := m.Interface().(*anypb.Any); ok {
		inner, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		return validateAll(inner.ProtoReflect())
	}
	if v, ok := m.Interface().(interface{ ValidateAll() error }); ok {
		if err := v.ValidateAll(); err != nil {
			return err
		}
	}
	var first error
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		for _, inner := range messages(field, value) {
			if first = validateAll(inner.ProtoReflect()); first != nil {
				return false
			}
		}
		return true
	})
	return first
}

// messages returns the messages that a field holds.
func messages(field protoreflect.FieldDescriptor, value protoreflect.Value) []proto.Message {
	var found []proto.Message
	switch {
	case field.IsMap():
		if field.MapValue().Message() != nil {
			value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				found = append(found, v.Message().Interface())
				return true
			})
		}
	case field.Message() == nil:
	case field.IsList():
		for i := range value.List().Len() {
			found = append(found, value.List().Get(i).Message().Interface())
		}
	default:
		found = append(found, value.Message().Interface())
	}
	return found
}
