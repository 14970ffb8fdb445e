// Package aws checks that the policies in this folder allow what the revoke
// service calls, and nothing else.
package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
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

func decode(text []byte) (p policy, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return p, dec.Decode(&p)
}

func TestPolicyAllowsExactlyWhatIsCalled(t *testing.T) {
	t.Attr("deploy/aws/revoke-service.json", "the operations that the code signs; finds a misspelled field, an action too many, too few, a wildcard")
	text, err := os.ReadFile("revoke-service.json")
	if err != nil {
		t.Fatal(err)
	}
	called := signed(t)
	p, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if found := problems(p, called); len(found) > 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
	for from, to := range map[string]string{
		`"Effect"`:                 `"Efect"`,
		"cognito-idp:ListUsers":    "cognito-idp:ListUser",
		"cognito-idp:AdminGetUser": "cognito-idp:*",
		"userpool/":                "*",
	} {
		broken := bytes.Replace(text, []byte(from), []byte(to), 1)
		if bytes.Equal(broken, text) {
			t.Errorf("the policy has no %q to replace", from)
		} else if p, err := decode(broken); err == nil && len(problems(p, called)) == 0 {
			t.Errorf("with %q for %q nothing is found", to, from)
		}
	}
}

// signed returns the actions that the service needs.
func signed(t *testing.T) map[string]bool {
	t.Helper()
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
	return called
}

// problems returns what is wrong with a policy for who calls these actions.
func problems(p policy, called map[string]bool) (found []string) {
	allowed := make(map[string]bool)
	for _, s := range p.Statement {
		if s.Effect != "Allow" || !strings.HasPrefix(s.Resource, "arn:aws:cognito-idp:REGION:ACCOUNT:userpool/") {
			found = append(found, fmt.Sprintf("statement %s: effect %q on %q, want Allow on one user pool", s.Sid, s.Effect, s.Resource))
		}
		for _, a := range s.Action {
			if strings.Contains(a, "*") {
				found = append(found, fmt.Sprintf("statement %s: %q is a wildcard", s.Sid, a))
			}
			allowed[a] = true
		}
	}
	if p.Version != "2012-10-17" || !maps.Equal(called, allowed) {
		found = append(found, fmt.Sprintf("version %q, the policy allows %v, the service calls %v",
			p.Version, slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(called))))
	}
	return found
}
