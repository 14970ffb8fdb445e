package validatorprom_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/seed-4e8dee1b/revoked/internal/testbed"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
	"github.com/seed-4e8dee1b/revoked/validator/validatorprom"
)

func TestCollectors(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(validatorprom.New(bed.Validator))
	routes := make(map[string]*httpauth.Auth)
	for _, name := range []string{"orders", "catalog"} {
		auth, err := httpauth.New(httpauth.Config{Validator: bed.Validator, StalePolicy: validator.FailOpen})
		if err != nil {
			t.Fatal(err)
		}
		routes[name] = auth
		registry.MustRegister(validatorprom.NewRoute(name, auth))
	}
	token := bed.SignIn(t)
	get := func(route string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		routes[route].Middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	}
	get("orders")
	get("orders")
	get("catalog")
	bed.RevokeSession(t, bed.Claims(t, token))
	get("orders")

	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			text[f.GetName()+" "+strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"revocation_decisions_total ok":                     4, // one by the test itself
		"revocation_decisions_total revoked":                1,
		"revocation_decisions_total stale":                  0,
		"revocation_route_decisions_total ok orders":        2,
		"revocation_route_decisions_total revoked orders":   1,
		"revocation_route_decisions_total ok catalog":       1,
		"revocation_route_served_stale_total orders":        0,
		"revocation_route_broken_glass_total catalog":       0,
		"revocation_route_break_glass catalog":              0,
		"revocation_jwks_fetches_total ok " + bed.Pool.ID(): 1,
		"revocation_jwks_keys " + bed.Pool.ID() + " usable": 2,
		"revocation_token_cache_entries ":                   1,
		"revocation_tokens_without_origin_jti_total ":       0,
	} {
		if got, ok := text[name]; !ok || got != want {
			t.Errorf("%s = %v (present %t), want %v", name, got, ok, want)
		}
	}
}
