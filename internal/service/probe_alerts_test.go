package service_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
)

// alertPace is how many times faster than in production all goes: the prober
// runs each second, and so what the rules say of a minute is said of a second.
const alertPace = 60

// fastProof is the bound of the histogram that is next to what
// "within 5 s" is at that pace, 83 ms.
const fastProof = "0.1"

// alertRules are the rules of a file. Further fields are an error: they would
// get lost.
type alertRules struct {
	Groups []struct {
		Name     string
		Interval string `yaml:",omitempty"`
		Rules    []alertRule
	}
}

type alertRule struct {
	Alert, Expr string
	For         string `yaml:",omitempty"`
	Labels      map[string]string
	Annotations map[string]string
}

var (
	windowOf  = regexp.MustCompile(`\[(\w+)\]`)
	secondsOf = regexp.MustCompile(`(time\(\) - \w+ > )(\d+)\b`)
)

// pacedRules returns the prober's rules at the pace, after a change of each.
func pacedRules(t *testing.T, change func(*alertRule)) []byte {
	t.Helper()
	text, err := os.ReadFile("../../deploy/prometheus/probe.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules alertRules
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	var windows, seconds, bounds int
	paced := func(duration string) string {
		d, err := model.ParseDuration(duration)
		if err != nil {
			t.Fatal(err)
		}
		return (d / alertPace).String()
	}
	for g := range rules.Groups {
		if rules.Groups[g].Interval != "" {
			rules.Groups[g].Interval = paced(rules.Groups[g].Interval)
		}
		for i := range rules.Groups[g].Rules {
			r := &rules.Groups[g].Rules[i]
			if r.For != "" {
				r.For = paced(r.For)
			}
			r.Expr = windowOf.ReplaceAllStringFunc(r.Expr, func(s string) string {
				windows++
				return "[" + paced(strings.Trim(s, "[]")) + "]"
			})
			r.Expr = secondsOf.ReplaceAllStringFunc(r.Expr, func(s string) string {
				seconds++
				parts := secondsOf.FindStringSubmatch(s)
				n, err := strconv.ParseFloat(parts[2], 64)
				if err != nil {
					t.Fatal(err)
				}
				return parts[1] + strconv.FormatFloat(n/alertPace, 'g', -1, 64)
			})
			const bound = `le=~"5|5\\.0"`
			bounds += strings.Count(r.Expr, bound)
			r.Expr = strings.ReplaceAll(r.Expr, bound, `le="`+fastProof+`"`)
			change(r)
		}
	}
	if windows == 0 || seconds == 0 || bounds == 0 {
		t.Fatalf("probe.rules.yml has %d windows, %d ages and %d bounds of proofs that this test understands, want some of each", windows, seconds, bounds)
	}
	text, err = yaml.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// firing is a time during which an alert was firing.
type firing struct {
	alert, severity, service, planted string
	from, to                          time.Time // rounded up to a resolution
}

func (f firing) String() string {
	return strings.TrimSpace(f.alert + " (" + f.severity + ") " + f.service)
}

// alertRun is what happened, and what Prometheus made of it.
type alertRun struct {
	prometheus                    *prometheus
	well, slow, silent, mend, end time.Time // from when on the link was so
}

// firings asks Prometheus, so that none between two looks is missed.
func (r *alertRun) firings() (all []firing) {
	for _, s := range r.prometheus.between(r.well, r.end, `ALERTS{alertstate="firing"}`) {
		f := firing{alert: s.labels["alertname"], severity: s.labels["severity"], service: s.labels["service"], planted: s.labels["planted"]}
		for i, p := range s.points {
			if i == 0 || p.at.Sub(f.to) > resolution {
				f.from = p.at
			}
			f.to = p.at
			if i == len(s.points)-1 || s.points[i+1].at.Sub(p.at) > resolution {
				all = append(all, f)
			}
		}
	}
	slices.SortFunc(all, func(a, b firing) int { return a.from.Compare(b.from) })
	return all
}

const (
	badRuns   = `sum without (result) (revoked_service_probe_runs_total{result!="enforced"})`
	slowNodes = `revoked_service_probe_enforce_seconds_count - ignoring (le) revoked_service_probe_enforce_seconds_bucket{le="` + fastProof + `"}`
	lateNodes = slowNodes + ` + revoked_service_probe_missed_total`
)

// grew returns when a counter first was more than it was at from; zero if it
// never was. service is "" for one that has none.
func (r *alertRun) grew(from time.Time, counter, service string) time.Time {
	for _, s := range r.prometheus.between(from, r.end, counter) {
		if s.labels["service"] != service {
			continue
		}
		for _, p := range s.points {
			if p.value > s.points[0].value {
				return p.at
			}
		}
	}
	return time.Time{}
}

// wrong returns what the alerts of rules with that label have wrong: one that
// fires before what it is about has happened once, be it by the load of the
// machine, or that does not fire when it must.
func (r *alertRun) wrong(planted string) (all []string) {
	firings := slices.DeleteFunc(r.firings(), func(f firing) bool { return f.planted != planted })
	for _, f := range firings {
		counter := lateNodes
		if f.alert == "RevokedProbeFailing" {
			counter = badRuns
		}
		if cause := r.grew(r.well, counter, f.service); cause.IsZero() || cause.After(f.from) {
			all = append(all, f.String()+" fires without a cause")
		}
	}
	for _, want := range []firing{
		{alert: "RevokedProbeSlow", severity: "critical", service: "orders", from: r.slow, to: r.silent},
		{alert: "RevokedProbeSlow", severity: "warning", service: "orders", from: r.slow, to: r.silent},
		{alert: "RevokedProbeFailing", severity: "critical", from: r.silent, to: r.mend},
		{alert: "RevokedProbeFailing", severity: "warning", from: r.silent, to: r.mend},
	} {
		if !slices.ContainsFunc(firings, func(f firing) bool {
			return f.alert == want.alert && f.severity == want.severity && f.service == want.service &&
				f.from.Before(want.to.Add(resolution)) && f.to.After(want.from)
		}) {
			all = append(all, want.String()+" does not fire")
		}
	}
	return all
}

// String is the timeline.
func (r *alertRun) String() string {
	type event struct {
		at   time.Time
		text string
	}
	events := []event{
		{r.well, "Prometheus scrapes, all is well"},
		{r.slow, "the link of orders delivers 200 ms later"},
		{r.silent, "the link of orders swallows everything"},
		{r.mend, "the link of orders is well"},
		{r.end, "no alert is firing or pending"},
	}
	for _, service := range []string{"orders", "payments"} {
		first := r.grew(r.well, slowNodes, service)
		if !first.IsZero() && first.Before(r.slow) { // by the load of the machine
			events = append(events, event{first, "a proof of " + service + " above " + fastProof + " s"})
			first = r.grew(r.slow, slowNodes, service)
		}
		if !first.IsZero() {
			events = append(events, event{first, "the histogram moves: a proof of " + service + " above " + fastProof + " s"})
		}
		if at := r.grew(r.well, "revoked_service_probe_missed_total", service); !at.IsZero() {
			events = append(events, event{at, "a node of " + service + " is missed"})
		}
	}
	for _, f := range r.firings() {
		if f.planted == "" {
			events = append(events, event{f.from, f.String() + " fires"}, event{f.to, f.String() + " has fired for the last time"})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	var text strings.Builder
	for _, e := range events {
		fmt.Fprintf(&text, "%6.1f s  %s\n", e.at.Sub(r.well).Seconds(), e.text)
	}
	return text.String()
}

// A real Prometheus with the rules of deploy/prometheus, at alertPace: while all
// is well nothing fires, a link that is 200 ms slower makes RevokedProbeSlow
// fire for its service, one that swallows everything RevokedProbeFailing, and
// both resolve.
func TestAlertsOfTheProber(t *testing.T) {
	if os.Getenv("CHECK_DEPLOY") == "" {
		t.Skip("needs prometheus and two minutes; make check-deploy runs it")
	}
	t.Attr("deploy/prometheus/probe.rules.yml", "prometheus, over a slow and a dead link; finds a misspelled result and bucket")
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Fatal("prometheus is not installed: run make check-deploy")
	}
	b := newStoppedBench(t)
	b.provision()
	link := b.openNodeOverLink(t)
	waitFor(t, "both services to enforce a canary", func() bool {
		p := b.probed()
		return p.within["orders"] > 0 && p.within["payments"] > 0 && p.missing["orders"]+p.missing["payments"] == 0
	})

	metrics, err := url.Parse(b.svc.MetricsURL())
	if err != nil {
		t.Fatal(err)
	}
	run := &alertRun{prometheus: runPrometheus(t, metrics.Host, map[string][]byte{
		"probe.rules.yml": pacedRules(t, func(*alertRule) {}),
		// The same with mistakes.
		"planted.rules.yml": pacedRules(t, func(r *alertRule) {
			r.Labels["planted"] = "misspelled"
			r.Expr = strings.NewReplacer(`result!="enforced"`, `result!="enforce"`, `le="0.1"`, `le="0.10"`).Replace(r.Expr)
		}),
	})}
	run.prometheus.await("a scrape", lateNodes, 2)
	run.well = time.Now()
	before := b.probed()
	// So many that the windows of the critical alerts are full of them.
	run.prometheus.await("an hour of runs, at the pace",
		fmt.Sprintf(`revoked_service_probe_runs_total{result="enforced"} >= %v`, before.runs["enforced"]+3600/alertPace), 1)

	run.slow = time.Now()
	link.Set(faultlink.Mode{Delay: 200 * time.Millisecond})
	before = b.probed()
	waitFor(t, "a run that begins after the change", func() bool { return b.probed().count["orders"] > before.count["orders"] })
	before = b.probed()
	// Each alert is there twice, by severity.
	run.prometheus.await("RevokedProbeSlow", `ALERTS{alertname="RevokedProbeSlow", alertstate="firing", service="orders", planted=""}`, 2)
	after := b.probed()
	if after.within["orders"] != before.within["orders"] || after.count["orders"] == before.count["orders"] || after.within["payments"] == before.within["payments"] {
		t.Errorf("within %s s are %v and then %v, of %v and then %v; want none more of orders and some more of payments",
			fastProof, before.within, after.within, before.count, after.count)
	}

	run.silent = time.Now()
	link.Set(faultlink.Mode{Frozen: true})
	run.prometheus.await("RevokedProbeFailing", `ALERTS{alertname="RevokedProbeFailing", alertstate="firing", planted=""}`, 2)

	run.mend = time.Now()
	link.Set(faultlink.Mode{})
	run.prometheus.await("all alerts to resolve", `ALERTS{planted=""}`, 0)
	run.end = time.Now()

	t.Logf("%d times faster than in production:\n%v", alertPace, run)
	for _, problem := range run.wrong("") {
		t.Error(problem)
	}
	found := strings.Join(run.wrong("misspelled"), "\n")
	for _, want := range []string{"RevokedProbeFailing (critical) fires without a cause", "RevokedProbeSlow (critical) orders does not fire"} {
		if !strings.Contains(found, want) {
			t.Errorf("of rules with two mistakes nobody finds that %s:\n%s", want, found)
		}
	}
}
