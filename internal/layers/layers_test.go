package layers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed-4e8dee1b/revoked"

// Groups of import paths that several rules forbid.
var (
	nats     = []string{"github.com/nats-io"}
	aws      = []string{"github.com/aws"}
	jwx      = []string{"github.com/lestrrat-go/jwx"}
	grpc     = []string{"google.golang.org/grpc", "github.com/envoyproxy"}
	otelSDK  = []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "go.opentelemetry.io/proto"}
	metrics  = []string{"github.com/prometheus"}
	observe  = slices.Concat([]string{"go.opentelemetry.io"}, metrics)
	testOnly = []string{
		own("internal/natsdev"), own("internal/docs"), own("internal/acttest"), own("internal/faultlink"), own("internal/safebuf"), own("internal/scripttest"), own("internal/verdicts"), own("publisher/cognitotest"),
		"github.com/nats-io/nats-server", "go.uber.org/goleak", "pgregory.net/rapid", "github.com/google/go-cmp",
	}
)

func own(path string) string { return module + "/" + path }

func ownAll(paths ...string) []string {
	for i, p := range paths {
		paths[i] = own(p)
	}
	return paths
}

// rule forbids dependencies of one package.
type rule struct {
	pkg string // below the module; it must exist
	// subtree extends the rule to all packages below pkg, except those in but.
	subtree bool
	but     []string
	// direct limits the rule to what the package itself imports.
	direct bool
	forbid []string // import path prefixes, on whole path elements
	allow  []string // exceptions to forbid
	reason string
}

var rules = []rule{
	{
		pkg:    "revocation",
		forbid: slices.Concat([]string{module, "net/http"}, nats, aws, jwx),
		allow:  ownAll("revocation"),
		reason: "the rules of meaning are shared by all and depend on the standard library and protowire only",
	},
	{
		pkg:    "internal/denylist",
		forbid: slices.Concat([]string{module, "net/http"}, nats, aws, jwx),
		allow:  ownAll("internal/denylist", "revocation"),
		reason: "the denylist is a data structure: where acts come from and who logs is not its business",
	},
	{
		pkg:    "internal/verdicts",
		forbid: slices.Concat([]string{module}, nats, aws, jwx),
		allow:  ownAll("internal/verdicts", "revocation"),
		reason: "the table says what must be so, whatever code decides it",
	},
	{
		pkg:    "internal/docs",
		forbid: slices.Concat([]string{module}, nats, aws, jwx),
		allow:  ownAll("internal/docs"),
		reason: "what the documentation says is compared with names and command lines, whatever they do",
	},
	{
		pkg:    "internal/stream",
		forbid: slices.Concat([]string{module}, testOnly, aws, jwx),
		allow:  ownAll("internal/stream", "revocation"),
		reason: "the stream contract knows neither the denylist nor Cognito",
	},
	{
		pkg:    "internal/fleet",
		forbid: slices.Concat([]string{module, "net/http"}, nats, aws, jwx),
		allow:  ownAll("internal/fleet", "revocation"),
		reason: "nodes and the service share this format and nothing else about enforcement",
	},
	{
		pkg:    "subscriber",
		forbid: slices.Concat(grpc, observe),
		reason: "an API node that follows the stream links no gRPC, Prometheus or OpenTelemetry: it has a hook",
	},
	{
		pkg:     "subscriber",
		subtree: true,
		forbid:  slices.Concat(ownAll("publisher", "validator"), aws, jwx),
		reason:  "the subscriber follows the stream and knows neither JWTs nor who writes acts",
	},
	{
		pkg:    "validator",
		forbid: slices.Concat(grpc, observe),
		reason: "an API node that validates tokens links no gRPC, Prometheus or OpenTelemetry SDK",
	},
	{
		pkg:    "validator/httpauth",
		forbid: slices.Concat(grpc, observe),
		reason: "an API node that speaks HTTP links no gRPC, Prometheus or OpenTelemetry SDK",
	},
	{
		pkg:     "validator",
		subtree: true,
		forbid: slices.Concat(ownAll("publisher", "subscriber", "internal/stream", "internal/denylist"),
			nats, aws),
		reason: "validation asks a one-method interface for revoked tokens and works without the stream",
	},
	{
		pkg:     "publisher",
		subtree: true,
		forbid:  slices.Concat(ownAll("subscriber", "validator", "internal/denylist"), jwx, grpc),
		reason:  "the revoke use case takes small interfaces that cmd fills: it knows no JWT validation and no denylist",
	},
	{
		pkg:     "publisher",
		subtree: true,
		but:     ownAll("publisher/cognito"),
		forbid:  aws,
		reason:  "only publisher/cognito knows AWS types",
	},
	{
		pkg:     "publisher/cognito",
		subtree: true,
		direct:  true,
		forbid:  slices.Concat(ownAll("internal/stream"), nats),
		reason:  "the adapter of the AWS SDK does not know how acts travel",
	},
	{
		pkg:    "publisher/prober",
		forbid: metrics,
		reason: "the prober finds out: who counts and who shows it is not its business",
	},
	{
		pkg:    "internal/faultlink",
		forbid: []string{module},
		allow:  ownAll("internal/faultlink"),
		reason: "a link that breaks knows nothing of who speaks over it",
	},
	{
		pkg:    "publisher/cognitotest",
		forbid: slices.Concat([]string{module}, nats, aws, jwx),
		allow:  ownAll("publisher/cognitotest"),
		reason: "the emulator is a stranger to our code: a mistake made on both sides would be found by no test",
	},
	{
		pkg:    "internal/realpool",
		forbid: slices.Concat(ownAll("internal/service", "publisher", "subscriber"), aws, nats),
		reason: "what Cognito leaves undocumented is asked as an app would, without the AWS SDK or the service",
	},
	{
		pkg:    "internal/testbed",
		forbid: aws,
		reason: "a test's node and user pool need no AWS SDK",
	},
	{
		pkg:    "internal/build",
		forbid: slices.Concat([]string{module, "net/http"}, nats, aws, jwx),
		allow:  ownAll("internal/build", "revocation"),
		reason: "what a binary was made from is told to all of them, the smallest included",
	},
	{
		pkg:    "internal/cli",
		forbid: slices.Concat(ownAll("publisher", "subscriber", "validator", "internal/service", "internal/gate"), aws, jwx),
		reason: "what command lines have in common decides nothing",
	},
	{
		pkg:    "internal/httpserver",
		forbid: slices.Concat([]string{module}, nats, aws, jwx),
		allow:  ownAll("internal/httpserver"),
		reason: "what HTTP servers have in common does not know what is served",
	},
	{
		pkg:    "internal/spans",
		forbid: slices.Concat([]string{module}, nats, aws, jwx, otelSDK),
		allow:  ownAll("internal/spans", "revocation"),
		reason: "what is recorded of our work needs the API of OpenTelemetry only, and decides nothing",
	},
	{
		pkg:     "",
		subtree: true,
		but:     ownAll("internal/otlp", "cmd"),
		forbid:  otelSDK,
		reason:  "the SDK of OpenTelemetry is wired by binaries: libraries use its API",
	},
	{
		pkg:    "internal/natsdev",
		forbid: slices.Concat(ownAll("publisher", "subscriber", "validator"), aws, jwx),
		reason: "the NATS server for tests and development knows no Cognito",
	},
	{
		pkg:    "internal/lateview",
		forbid: slices.Concat(ownAll("publisher", "validator"), testOnly, aws, jwx),
		reason: "a denylist that comes late knows neither who asks it nor who revokes",
	},
	{
		pkg:    "internal/gate",
		forbid: slices.Concat(ownAll("publisher", "internal/service"), testOnly, aws),
		reason: "the gate is a small binary beside a proxy: it links no AWS SDK, no server and nothing that revokes",
	},
	{
		pkg:    "cmd/revoked-gate",
		forbid: slices.Concat(ownAll("publisher", "internal/service"), testOnly, aws),
		reason: "the gate is a small binary beside a proxy: it links no AWS SDK, no server and nothing that revokes",
	},
	{
		pkg:    "validator/extauthz",
		direct: true,
		forbid: ownAll("validator", "internal"),
		reason: "extauthz translates a protocol: who decides is handed to it",
	},
	{
		pkg:     "",
		subtree: true,
		but:     ownAll("validator/extauthz", "validator/grpcauth", "internal/gate", "cmd/revoked-gate"),
		direct:  true,
		forbid:  grpc,
		reason:  "gRPC weighs 4 MB: only its transports and the gate link it",
	},
	{
		pkg:     "",
		subtree: true,
		but:     ownAll("validator"),
		direct:  true,
		forbid:  jwx,
		reason:  "jwx v2 is no longer maintained upstream: one package uses it, so that one package is to be changed",
	},
	{
		pkg:     "",
		subtree: true,
		but:     ownAll("publisher/cognito", "cmd"),
		direct:  true,
		forbid:  aws,
		reason:  "AWS types and errors are translated by publisher/cognito and wired in cmd",
	},
	{
		pkg:     "",
		subtree: true,
		but:     ownAll("internal", "publisher/cognitotest", "cmd/revoked-dev"),
		direct:  true,
		forbid:  testOnly,
		reason:  "test helpers, the emulator and the embedded server are for tests and revoked-dev",
	},
}

// graph maps an import path to what that package imports.
type graph map[string][]string

func TestLayers(t *testing.T) {
	imports := load(t)
	for _, r := range rules {
		covered := false
		for _, pkg := range slices.Sorted(maps.Keys(imports)) {
			if !r.covers(pkg) {
				continue
			}
			covered = true
			for _, prefix := range r.forbid {
				if way := r.way(imports, pkg, prefix); way != nil {
					t.Errorf("%s must not depend on %s: %s\n\tit does: %s",
						pkg, prefix, r.reason, strings.Join(way, " -> "))
				}
			}
		}
		if !covered {
			t.Errorf("the rule for %q covers no package: if it was moved or removed, change the rule with it", r.pkg)
		}
	}
}

func TestWay(t *testing.T) {
	imports := graph{
		"a":      {"b", "c"},
		"b":      {"c", "bad/ok"},
		"bad/ok": {"d"},
		"c":      nil,
		"d":      {"bad/x"},
		"bad/x":  nil,
	}
	tests := []struct {
		name string
		rule rule
		want string
	}{
		{"through others", rule{allow: []string{"bad/ok"}}, "a b bad/ok d bad/x"},
		{"nearest", rule{}, "a b bad/ok"},
		{"direct imports only", rule{direct: true}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(tt.rule.way(imports, "a", "bad"), " "); got != tt.want {
				t.Errorf("way from a to bad = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		path, prefix string
		want         bool
	}{
		{"a/b", "a/b", true},
		{"a/b/c", "a/b", true},
		{"a/bc", "a/b", false},
		{"a", "a/b", false},
	}
	for _, tt := range tests {
		if got := matches(tt.path, []string{tt.prefix}); got != tt.want {
			t.Errorf("matches(%q, %q) = %v, want %v", tt.path, tt.prefix, got, tt.want)
		}
	}
}

func (r rule) covers(path string) bool {
	root := module
	if r.pkg != "" {
		root = own(r.pkg)
	}
	if path == root {
		return !matches(path, r.but)
	}
	return r.subtree && matches(path, []string{root}) && !matches(path, r.but)
}

// matches reports whether path is one of the prefixes or lies below one.
func matches(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool {
		return path == p || strings.HasPrefix(path, p+"/")
	})
}

// way returns the shortest chain of imports from pkg to a package at or below
// prefix that r does not allow, and nil if there is none.
func (r rule) way(imports graph, pkg, prefix string) []string {
	seen := map[string]bool{pkg: true}
	for queue := [][]string{{pkg}}; len(queue) > 0; queue = queue[1:] {
		chain := queue[0]
		for _, imp := range imports[chain[len(chain)-1]] {
			if seen[imp] {
				continue
			}
			seen[imp] = true
			next := append(slices.Clone(chain), imp)
			if matches(imp, []string{prefix}) && !matches(imp, r.allow) {
				return next
			}
			if !r.direct {
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// load returns the imports of the module's packages and of all that they
// depend on, without tests.
func load(t *testing.T) graph {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	imports := make(graph)
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return imports
		}
		if err != nil {
			t.Fatalf("decoding the output of %v: %v", cmd, err)
		}
		imports[p.ImportPath] = p.Imports
	}
}
