package validator_test

import (
	"slices"
	"testing"

	"github.com/seed-4e8dee1b/revoked/validator"
)

// reporting is a denylist that reports to the revoke service.
type reporting struct {
	denylist
	declared []string
}

func (r *reporting) DeclareStalePolicy(name string) { r.declared = append(r.declared, name) }

// A receipt counts on what a silent node may serve, so every route says it.
func TestRoutesDeclareTheirPolicy(t *testing.T) {
	deny := &reporting{}
	cfg := validator.Config{
		Pools:    []validator.Pool{{ID: poolID, ClientIDs: []string{clientID}}},
		Denylist: deny,
	}
	v := open(t, cfg)
	cfg.ReportOnly = true
	only := open(t, cfg)
	for _, route := range []validator.RouteConfig{
		{Validator: v},
		{Validator: v, StalePolicy: validator.FailOpen},
		{Validator: only},
		{Validator: only, StalePolicy: validator.FailOpen},
	} {
		if _, err := validator.NewRoute(route); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"fail-closed", "fail-open", "report-only", "report-only"}; !slices.Equal(deny.declared, want) {
		t.Errorf("declared %q, want %q", deny.declared, want)
	}
	if _, err := validator.NewRoute(validator.RouteConfig{Validator: v, Scopes: []string{"a b"}}); err == nil || len(deny.declared) != 4 {
		t.Errorf("a wrong route: error %v, declared %q; want an error and nothing declared", err, deny.declared)
	}
}
