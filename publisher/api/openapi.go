package api

import (
	_ "embed" // the description is part of the program
	"net/http"
)

// openAPI describes what the service answers: OpenAPI 3.0.3, written by hand
// and held to the truth by tests.
//
//go:embed openapi.yaml
var openAPI []byte

// describe serves GET /openapi.yaml, to everybody: it has nothing but what the
// documentation has.
func (a *admin) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml") // RFC 9512
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(openAPI) //nolint:errcheck // the client may be gone
}
