package cognito_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/seed-4e8dee1b/revoked"

// The adapter knows AWS and publisher's interface, nothing else of ours.
func TestImports(t *testing.T) {
	for _, test := range []struct {
		what      []string // arguments of go list
		forbidden []string
		reason    string
	}{
		{
			[]string{"-f", `{{join .Imports "\n"}}`},
			[]string{"github.com/nats-io", module + "/internal/stream", module + "/publisher/cognitotest"},
			"how acts travel is package publisher's business, which links NATS itself",
		},
		{
			[]string{"-deps"},
			[]string{module + "/subscriber", module + "/validator", module + "/internal/denylist", "github.com/lestrrat-go/jwx"},
			"tokens are validated and refused by others",
		},
	} {
		out, err := exec.Command("go", append(append([]string{"list"}, test.what...), ".")...).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for pkg := range strings.FieldsSeq(string(out)) {
			for _, prefix := range test.forbidden {
				if pkg == prefix || strings.HasPrefix(pkg, prefix+"/") {
					t.Errorf("imports %s: %s", pkg, test.reason)
				}
			}
		}
	}
}
