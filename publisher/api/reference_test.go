package api

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/seed-4e8dee1b/revoked/internal/reference"
)

func TestReference(t *testing.T) {
	reference.Compare(t, "api.md", reference.API(t, openAPI,
		"Made from the OpenAPI description, which the service serves at `GET /openapi.yaml`. "+
			"What it all means, with examples: [api.md](../api.md); what each problem type means: [Errors](../api.md#errors). "+
			"`POST /oauth2/revoke` is on the listener for apps, the rest on that for operators and services. "+
			"Every answer has `X-Request-Id`, and all but the description `Cache-Control: no-store`."))
}

// The description names for each operation the role that the code asks for.
func TestRolesAreDescribed(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range (&admin{}).operations() {
		method, path, _ := strings.Cut(r.pattern, " ")
		op := doc.Paths.Value(path).Operations()[method]
		got, _ := op.Extensions[reference.RoleExtension].(string)
		want := ""
		if r.least != 0 {
			want = r.least.String()
		}
		if got != want {
			t.Errorf("openapi.yaml: %s has %s: %q, want %q", r.pattern, reference.RoleExtension, got, want)
		}
	}
}
