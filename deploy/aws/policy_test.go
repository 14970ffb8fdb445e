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
	check(t, "revoke-service.json", "arn:aws:cognito-idp:REGION:ACCOUNT:userpool/", signed(t), map[string]string{
		`"Effect"`:                 `"Efect"`,
		"cognito-idp:ListUsers":    "cognito-idp:ListUser",
		"cognito-idp:AdminGetUser": "cognito-idp:*",
		"userpool/":                "*",
	})
}

// What role_arn needs besides is one call of package awsconfig.
func TestPolicyForAnotherAccountAllowsOneRole(t *testing.T) {
	t.Attr("deploy/aws/assume-role.json", "one action on one role; finds a misspelled field, another action, a wildcard")
	check(t, "assume-role.json", "arn:aws:iam::ACCOUNT:role/revoked", map[string]bool{"sts:AssumeRole": true}, map[string]string{
		`"Effect"`:       `"Efect"`,
		"sts:AssumeRole": "sts:*",
		"ACCOUNT":        "*",
	})
}

// check compares a policy with what is called, and shows that it would notice
// each of these replacements.
func check(t *testing.T, file, resource string, called map[string]bool, mistakes map[string]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if found := problems(p, resource, called); len(found) > 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
	for from, to := range mistakes {
		broken := bytes.Replace(text, []byte(from), []byte(to), 1)
		if bytes.Equal(broken, text) {
			t.Errorf("the policy has no %q to replace", from)
		} else if p, err := decode(broken); err == nil && len(problems(p, resource, called)) == 0 {
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

// problems returns what is wrong with a policy for who calls these actions on
// resources that begin like that.
func problems(p policy, resource string, called map[string]bool) (found []string) {
	allowed := make(map[string]bool)
	for _, s := range p.Statement {
		if s.Effect != "Allow" || !strings.HasPrefix(s.Resource, resource) || strings.Contains(s.Resource, "*") {
			found = append(found, fmt.Sprintf("statement %s: effect %q on %q, want Allow on %s", s.Sid, s.Effect, s.Resource, resource))
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
