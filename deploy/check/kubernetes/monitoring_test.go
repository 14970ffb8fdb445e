package kubernetes_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// sources are the files of the repository that the chart contains by links, by
// their names in the chart.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for pattern, folder := range map[string]string{
		"nginx/api.conf":            "",
		"prometheus/*.rules.yml":    "rules/",
		"grafana/dashboards/*.json": "dashboards/",
	} {
		files, err := filepath.Glob(filepath.Join(root, "deploy", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(file)
			if folder == "" {
				name = "nginx-" + name
			}
			found["files/"+folder+name] = text
		}
	}
	return found
}

// differences names the files of a chart that are not those of the repository.
func differences(c *chart.Chart, want map[string][]byte) []string {
	var found []string
	got := map[string][]byte{}
	for _, f := range c.Files {
		if strings.HasPrefix(f.Name, "files/") {
			got[f.Name] = f.Data
		}
	}
	for name := range maps.Keys(want) {
		if !bytes.Equal(got[name], want[name]) {
			found = append(found, name)
		}
	}
	for name := range maps.Keys(got) {
		if want[name] == nil {
			found = append(found, name)
		}
	}
	return found
}

// The package that helm makes has the files themselves, byte by byte, and what
// it renders is what the chart in the repository does.
func TestPackage(t *testing.T) {
	own, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := chartutil.Save(own, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	unpack := func() *chart.Chart {
		packed, err := loader.LoadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	want := sources(t)
	if found := differences(unpack(), want); len(found) > 0 {
		t.Errorf("in the package these are not the files of the repository: %v", found)
	}
	v := valueSet(t, "everything")
	m, err := renderChart(unpack(), v)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, mustRender(t, v)) {
		t.Error("the package renders something else than the chart in the repository")
	}
	for name := range want {
		packed := unpack()
		at := slices.IndexFunc(packed.Files, func(f *chart.File) bool { return f.Name == name })
		file := packed.Files[at]
		file.Data = append(slices.Clone(file.Data), ' ')
		if found := differences(packed, want); !slices.Equal(found, []string{name}) {
			t.Errorf("of a package with a blank more in %s differ: %v", name, found)
		}
		// What Flux makes of links in a GitRepository, and Git on Windows.
		for _, lost := range [][]byte{nil, []byte("../../../somewhere/" + filepath.Base(name))} {
			packed = unpack()
			packed.Files[at].Data = lost
			if _, err := renderChart(packed, v); err == nil || !strings.Contains(err.Error(), name+" is a link that was lost") {
				t.Errorf("a chart with %q for %s renders: %v", lost, name, err)
			}
		}
		finds(t, "deploy/kubernetes/revoked/"+name, "compared in what helm package makes", "a blank more", "a link that was lost")
	}
}

// What a release publishes is a chart to Helm, of the release's version, which
// runs the images of that version and is otherwise the one in the repository.
func TestReleasedChart(t *testing.T) {
	dir := t.TempDir()
	release := exec.CommandContext(t.Context(), "go", "run", "./internal/release", "-version", "v1.2.3", "chart", dir)
	release.Dir = root
	if out, err := release.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	released, err := loader.LoadFile(filepath.Join(dir, "revoked-1.2.3.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	if err := released.Validate(); err != nil || released.Metadata.Version != "1.2.3" || released.Metadata.AppVersion != "v1.2.3" {
		t.Errorf("%s %s: %v", released.Metadata.Version, released.Metadata.AppVersion, err)
	}
	if found := differences(released, sources(t)); len(found) > 0 {
		t.Errorf("in the release these are not the files of the repository: %v", found)
	}
	v := with(t, valueSet(t, "everything"), `{image: {tag: ""}, gate: {image: {tag: ""}}}`)
	got, err := renderChart(released, v)
	if err != nil {
		t.Fatal(err)
	}
	as := func(doc, version string) string {
		return strings.NewReplacer("revoked-0.1.0", "revoked-"+version, ": devel", ": v"+version, ":devel", ":v"+version).Replace(doc)
	}
	for file, docs := range mustRender(t, v) {
		for i, doc := range docs {
			if i >= len(got[file]) || got[file][i] != as(doc, "1.2.3") {
				t.Errorf("%s, document %d, is not as in the repository", file, i)
			}
			if strings.HasSuffix(file, ".yaml") && got[file][i] == as(doc, "1.2.2") {
				t.Errorf("%s, document %d, is that of any version", file, i)
			}
		}
	}
	finds(t, "deploy/kubernetes/revoked/Chart.yaml", "released by internal/release, loaded by Helm", "manifests of another version")
}

// rules returns the PrometheusRules by the part of the name after the release's.
func rules(t *testing.T, v values) map[string]*monitoring.PrometheusRule {
	t.Helper()
	found := map[string]*monitoring.PrometheusRule{}
	for _, obj := range mustDecode(t, v) {
		if r, ok := obj.(*monitoring.PrometheusRule); ok {
			found[strings.TrimPrefix(r.Name, "demo-revoked-")] = r
		}
	}
	return found
}

func alerts(spec monitoring.PrometheusRuleSpec) (names []string) {
	for _, g := range spec.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				names = append(names, r.Alert)
			}
		}
	}
	return names
}

// The PrometheusRules are the files of deploy/prometheus, rule by rule.
func TestPrometheusRules(t *testing.T) {
	const template = "deploy/kubernetes/revoked/templates/prometheusrule.yaml"
	v := valueSet(t, "everything")
	want, all := map[string]monitoring.PrometheusRuleSpec{}, 0
	for name, text := range sources(t) {
		if file, ok := strings.CutSuffix(filepath.Base(name), ".rules.yml"); ok {
			var spec monitoring.PrometheusRuleSpec
			if err := yaml.UnmarshalStrict(text, &spec); err != nil {
				t.Fatalf("%s as a PrometheusRule: %v", name, err)
			}
			want[file] = spec
			all += len(alerts(spec))
		}
	}
	if all < 18 {
		t.Errorf("there are %d alerts", all)
	}
	compare := func(got map[string]*monitoring.PrometheusRule) (found list) {
		for file, spec := range want {
			if r := got[file]; r == nil {
				found.addf("no PrometheusRule has the rules of %s", file)
			} else if !reflect.DeepEqual(r.Spec, spec) {
				found.addf("%s has the alerts %v, deploy/prometheus %v, or they differ", r.Name, alerts(r.Spec), alerts(spec))
			}
		}
		if len(got) > len(want) {
			found.addf("rules of no file: %v", slices.Sorted(maps.Keys(got)))
		}
		return found
	}
	got := rules(t, v)
	if found := compare(got); len(found) > 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
	for file, r := range got {
		if r.Labels["release"] != "prometheus" {
			t.Errorf("%s has the labels %v", r.Name, r.Labels)
		}
		promtool(t, file, r.Spec)
	}
	for mistake, values := range map[string]string{
		"an alert less":      `monitoring: {prometheusRule: {disabled: [RevocationTicksStopped]}}`,
		"a file less":        `monitoring: {prometheusRule: {disabled: [RevokedProbeFailing, RevokedProbeSlow]}}`,
		"other seconds":      `config: {probe: {interval: 2m}}`,
		"labels in addition": `monitoring: {prometheusRule: {alertLabels: {a: b}}}`,
	} {
		if len(compare(rules(t, with(t, v, values)))) == 0 {
			t.Errorf("%s: nothing is found", mistake)
		}
	}

	// Each of these would be no PrometheusRule.
	for _, doc := range mustRender(t, v)["templates/prometheusrule.yaml"] {
		for field, wrong := range map[string]string{"expr:": "exrp:", "annotations:": "annotation:", "for:": "fro:"} {
			mutated := strings.Replace(doc, " "+field, " "+wrong, 1)
			if _, err := decode(mutated); err == nil || mutated == doc {
				t.Errorf("a rule with %q for %q is read", wrong, field)
			}
		}
	}

	finds(t, template, "compared with deploy/prometheus, promtool", "exrp", "an alert less", "a file less")
}

// promtool has Prometheus read rules, and runs their cases on them.
func promtool(t *testing.T, name string, spec monitoring.PrometheusRuleSpec) {
	t.Helper()
	text, err := yaml.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile(filepath.Join(root, "deploy/prometheus", name+".test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for file, text := range map[string][]byte{name + ".rules.yml": text, name + ".test.yml": cases} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"check", "rules", name + ".rules.yml"}, {"test", "rules", name + ".test.yml"}} {
		cmd := exec.CommandContext(t.Context(), "promtool", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

func TestPrometheusRulesByValues(t *testing.T) {
	base := with(t, valueSet(t, "minimal"), `monitoring: {prometheusRule: {enabled: true}}`)

	labeled := rules(t, with(t, base, `monitoring: {prometheusRule: {alertLabels: {team: identity, severity: page}}}`))
	plain := rules(t, base)
	for file, r := range labeled {
		for i, g := range r.Spec.Groups {
			for j, rule := range g.Rules {
				was := plain[file].Spec.Groups[i].Rules[j]
				if rule.Alert == "" && rule.Labels["team"] != "" || rule.Alert != "" && rule.Labels["team"] != "identity" {
					t.Errorf("%s%s has the labels %v", rule.Record, rule.Alert, rule.Labels)
				}
				if rule.Labels["severity"] != was.Labels["severity"] {
					t.Errorf("%s has the severity %q, want %q", rule.Alert, rule.Labels["severity"], was.Labels["severity"])
				}
			}
		}
	}

	without := rules(t, with(t, base, `monitoring: {prometheusRule: {disabled: [RevokedServiceDown, RevokedGateDown, RevokedProbeFailing, RevokedProbeSlow]}}`))
	if without["probe"] != nil || len(alerts(without["revoked"].Spec)) != len(alerts(plain["revoked"].Spec))-2 || slices.Contains(alerts(without["revoked"].Spec), "RevokedGateDown") {
		t.Errorf("without four alerts there are %v", without)
	}
	if _, err := render(with(t, base, `monitoring: {prometheusRule: {disabled: [RevokedServiceDwon]}}`)); err == nil || !strings.Contains(err.Error(), "there is no alert RevokedServiceDwon") {
		t.Errorf("an alert that does not exist is left out: %v", err)
	}

	for interval, seconds := range map[string]string{"30s": "150", "1m": "300", "1m30s": "450", "10m": "3000", "0s": "300"} {
		r := rules(t, with(t, base, `config: {probe: {interval: `+interval+`}}`))["probe"].Spec.Groups[0].Rules[0]
		if expr := r.Expr.StrVal; !strings.HasSuffix(strings.TrimSpace(expr), "_last_success_timestamp_seconds > "+seconds) {
			t.Errorf("with a probe every %s, %s is\n%s\nwant %s seconds", interval, r.Alert, expr, seconds)
		}
	}
	finds(t, "deploy/kubernetes/revoked/templates/prometheusrule.yaml", "helm template", "RevokedServiceDwon")
}

// The ConfigMaps hold the dashboards of deploy/grafana as they are, with their
// variable for the data source, which Grafana fills in when it shows them.
func TestDashboards(t *testing.T) {
	const template = "templates/dashboards.yaml"
	v := valueSet(t, "everything")
	texts := func(c *chart.Chart) (map[string]string, error) {
		m, err := renderChart(c, v)
		if err != nil {
			return nil, err
		}
		found := map[string]string{}
		for _, doc := range m[template] {
			obj, err := decode(doc)
			if err != nil {
				return nil, err
			}
			cm := obj.(*core.ConfigMap)
			if cm.Labels["grafana_dashboard"] != "1" || cm.Annotations["grafana_folder"] != "Identity" || cm.Annotations["example.com/owner"] != "identity" || cm.Namespace != "grafana" {
				t.Errorf("%s in %s has the labels %v and annotations %v", cm.Name, cm.Namespace, cm.Labels, cm.Annotations)
			}
			maps.Copy(found, cm.Data)
		}
		return found, nil
	}
	own, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for name, text := range sources(t) {
		if strings.HasSuffix(name, ".json") {
			want["revoked-"+filepath.Base(name)] = string(text)
		}
	}
	got, err := texts(own)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("the dashboards are %v, and those of deploy/grafana %v, or they differ", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	for name, text := range got {
		if !strings.Contains(text, `"uid": "${datasource}"`) || !strings.Contains(text, "{{") {
			t.Errorf("%s lacks the variable of the data source or the names of series", name)
		}
	}

	// As a template the names of series would be nothing, or an error.
	at := slices.IndexFunc(own.Templates, func(f *chart.File) bool { return f.Name == template })
	file := own.Templates[at]
	file.Data = bytes.Replace(file.Data, []byte("include \"revoked.file\" (list $ (printf \"files/dashboards/%s.json\" $name))"), []byte("tpl (include \"revoked.file\" (list $ (printf \"files/dashboards/%s.json\" $name))) $"), 1)
	if got, err := texts(own); err == nil && maps.Equal(got, want) {
		t.Error("dashboards that go through tpl are found to be the same")
	}
	for _, obj := range mustDecode(t, with(t, valueSet(t, "minimal"), `monitoring: {dashboards: {enabled: true}}`)) {
		if cm, ok := obj.(*core.ConfigMap); ok && cm.Labels["grafana_dashboard"] != "" && (cm.Namespace != space || len(cm.Annotations) > 0) {
			t.Errorf("%s is in %s with the annotations %v", cm.Name, cm.Namespace, cm.Annotations)
		}
	}
	finds(t, "deploy/kubernetes/revoked/"+template, "compared with deploy/grafana", "dashboards that go through tpl")
}
