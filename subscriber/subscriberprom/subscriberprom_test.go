package subscriberprom_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/seed-4e8dee1b/revoked/internal/testbed"
	"github.com/seed-4e8dee1b/revoked/subscriber"
	"github.com/seed-4e8dee1b/revoked/subscriber/subscriberprom"
)

func TestCollector(t *testing.T) {
	bed := testbed.New(t, subscriber.Config{})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(subscriberprom.New(bed.Denylist))
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	bed.RevokeSession(t, bed.Claims(t, bed.SignIn(t)))
	got := gather(t, registry)
	for name, want := range map[string]float64{
		"revocation_view_state live":             1,
		"revocation_view_state stale":            0,
		"revocation_view_stale no_tick":          0,
		"revocation_view_acts session":           1,
		"revocation_view_acts pool":              0,
		"revocation_view_max_acts ":              10_000_000,
		"revocation_view_max_staleness_seconds ": 60,
		"revocation_view_lag_messages ":          0,
		"revocation_propagation_seconds live":    0,
		"revocation_propagation_seconds fast":    1,
		"revocation_events_total history_change": 0,
		"revocation_events_total unreadable_act": 0,
		"revocation_filter_false_positive_rate ": 0, // with one act
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s = %v (present %t), want %v", name, value, ok, want)
		}
	}
	if age, ok := got["revocation_view_age_seconds "]; !ok || age > 60 {
		t.Errorf("age %v (present %t), want at most MaxStaleness", age, ok)
	}
	for _, name := range []string{"revocation_view_sequence ", "revocation_events_total act", "revocation_filter_fill ", "revocation_view_bytes "} {
		if got[name] <= 0 {
			t.Errorf("%s = %v, want more than 0", name, got[name])
		}
	}
	bed.Denylist.Close()
	if got := gather(t, registry); got["revocation_view_state closed"] != 1 || got["revocation_view_state live"] != 0 {
		t.Errorf("after Close: %v", got)
	}
}

// gather returns values by name and labels.
func gather(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			values[f.GetName()+" "+strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}
