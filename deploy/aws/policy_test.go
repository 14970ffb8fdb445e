// Package aws checks that the policies in this folder allow what the revoke
// service calls, and nothing else.
package aws

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unsigned are the operations that IAM does not evaluate: the service calls them
// without credentials (Cognito API Reference, "Unauthenticated and token-authorized
// operations").
var unsigned = []string{"GetTokensFromRefreshToken", "GetUser", "RevokeToken"}

type policy struct {
	Version   string
	Statement []struct {
		Sid, Effect, Resource string
		Action                []string
	}
}

func read(t *testing.T, file string) policy {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	var p policy
	if err := dec.Decode(&p); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

func TestPolicyAllowsExactlyWhatIsCalled(t *testing.T) {
	called := make(map[string]bool)
	sources, err := filepath.Glob("../../publisher/cognito/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("sources of the adapter: %v, %v", sources, err)
	}
	input := regexp.MustCompile(`cip\.(\w+)Input\{`)
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range input.FindAllSubmatch(text, -1) {
			if op := string(m[1]); !slices.Contains(unsigned, op) {
				called["cognito-idp:"+op] = true
			}
		}
	}
	allowed := make(map[string]bool)
	p := read(t, "revoke-service.json")
	for _, s := range p.Statement {
		if s.Effect != "Allow" || !strings.HasPrefix(s.Resource, "arn:aws:cognito-idp:REGION:ACCOUNT:userpool/") {
			t.Errorf("statement %s: effect %q on %q, want Allow on one user pool", s.Sid, s.Effect, s.Resource)
		}
		for _, a := range s.Action {
			if strings.Contains(a, "*") {
				t.Errorf("statement %s: %q is a wildcard", s.Sid, a)
			}
			allowed[a] = true
		}
	}
	if p.Version != "2012-10-17" || !maps.Equal(called, allowed) {
		t.Errorf("version %q, the policy allows %v, the service calls %v",
			p.Version, slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(called)))
	}
}
