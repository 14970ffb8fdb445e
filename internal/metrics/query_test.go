package metrics_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/internal/metrics"
)

func TestSelectors(t *testing.T) {
	for expr, want := range map[string][]metrics.Selector{
		`up == 0`: {{Name: "up"}},
		`histogram_quantile(0.99, sum by (job, le) (rate(a_seconds_bucket{path!="fast", le="1e3"}[10m]))) > 1e-3`: {{Name: "a_seconds_bucket", Labels: []string{"path", "le"}}},
		`sum without (kind) (a) / on (job) group_left (b) c:d:e and d offset 5m`:                                  {{Name: "a"}, {Name: "c:d:e"}, {Name: "d"}},
		`a{x="up{y=1}", z='1'} or absent(b{job="c"})`:                                                             {{Name: "a", Labels: []string{"x", "z"}}, {Name: "b", Labels: []string{"job"}}},
		`1 - 0.5`: nil,
	} {
		if diff := cmp.Diff(want, metrics.Selectors(expr)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", expr, diff)
		}
	}
}

func TestCheckFindsWhatIsMisspelled(t *testing.T) {
	page, err := metrics.Parse("| `revocation_x_seconds` | histogram | `path` | a | |\n| `revocation_y` | gauge | | b | |\n")
	if err != nil {
		t.Fatal(err)
	}
	for expr, fine := range map[string]bool{
		`revocation_y`: true,
		`rate(revocation_x_seconds_bucket{le="1",path="p",job="j"}[5m])`: true,
		`up{job="x"} + recorded`:           true,
		`revocation_x_seconds`:             false,
		`revocation_y_sum`:                 false,
		`revocation_z`:                     false,
		`revokation_y`:                     false,
		`revocation_y{path="p"}`:           false,
		`revocation_x_seconds_sum{le="1"}`: false,
		`1 + 1`:                            false,
	} {
		if err := page.Check(expr, "recorded"); (err == nil) != fine {
			t.Errorf("Check(%s) = %v, want fine = %t", expr, err, fine)
		}
	}
}
