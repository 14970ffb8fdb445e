package kubernetes_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	network "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// The kinds that a release may consist of: those that whoever owns a namespace
// may make, and nothing that grants rights.
var kinds = []string{
	"ConfigMap", "Deployment", "Ingress", "Job", "NetworkPolicy", "Pod", "PodDisruptionBudget", "PodMonitor",
	"PrometheusRule", "Service", "ServiceAccount", "ServiceMonitor", "StatefulSet",
}

// ownership finds what needs an administrator of the cluster, what "helm
// template | kubectl apply" would put elsewhere, and what lacks the labels and
// annotations that a company asks for.
func ownership(objects []runtime.Object) (found list) {
	for _, obj := range objects {
		kind := obj.GetObjectKind().GroupVersionKind().Kind
		m, err := meta.Accessor(obj)
		if err != nil {
			found.addf("%s: %v", kind, err)
			continue
		}
		name := kind + "/" + m.GetName()
		if !slices.Contains(kinds, kind) {
			found.addf("%s: only an administrator may make it", name)
		}
		dashboard := m.GetLabels()["grafana_dashboard"] != ""
		if m.GetNamespace() != space && (!dashboard || m.GetNamespace() != "grafana") {
			found.addf("%s is in the namespace %q", name, m.GetNamespace())
		}
		if m.GetLabels()["example.com/cost-center"] != "4711" || m.GetAnnotations()["reloader.stakater.com/auto"] != "true" {
			found.addf("%s lacks common labels or annotations", name)
		}
	}
	for _, p := range podsOf(objects) {
		if p.labels["example.com/cost-center"] != "4711" {
			found.addf("the pods of %s lack the common labels", p.name)
		}
		if strings.HasSuffix(p.name, "-example") {
			continue // to copy from
		}
		if len(p.spec.NodeSelector) == 0 || len(p.spec.Tolerations) == 0 || p.spec.PriorityClassName == "" || len(p.spec.ImagePullSecrets) == 0 {
			found.addf("%s may be scheduled, evicted and pulled otherwise than the values say", p.name)
		}
		for _, c := range p.containers() {
			if c.Resources.Limits.StorageEphemeral().IsZero() {
				found.addf("%s: container %s: the limits are not those of the values", p.name, c.Name)
			}
		}
	}
	return found
}

func TestOwnership(t *testing.T) {
	v := valueSet(t, "everything")
	m := mustRender(t, v)
	if found := ownership(mustDecode(t, v)); len(found) > 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
	// GitOps compares what it renders with what it rendered.
	if again := mustRender(t, v); !reflect.DeepEqual(m, again) {
		t.Error("rendered twice the chart is not the same")
	}
	var mistakes []string
	for _, tt := range []struct{ file, old, new, want string }{
		{"templates/serviceaccount.yaml", "kind: ServiceAccount", "kind: Namespace", "only an administrator"},
		{"templates/workload.yaml", "\n  namespace: auth", "", `is in the namespace ""`},
		{"templates/services.yaml", "example.com/cost-center", "cost-center", "lacks common labels"},
		{"templates/tests.yaml", "nodeSelector:", "securityContext:", "may be scheduled"},
		{"templates/tests.yaml", "ephemeral-storage", "storage", "not those of the values"},
	} {
		mutated := manifests{}
		for _, doc := range m[tt.file] {
			doc = strings.Replace(doc, "\nautomountServiceAccountToken: false", "", 1) // of a ServiceAccount
			if tt.old == "nodeSelector:" {
				doc = strings.Replace(doc, "  nodeSelector:\n    kubernetes.io/os: linux\n", "", 1)
			}
			mutated[tt.file] = append(mutated[tt.file], strings.ReplaceAll(doc, tt.old, tt.new))
		}
		objects, err := decodeAll(mutated)
		if err != nil {
			t.Errorf("%q for %q: %v", tt.new, tt.old, err)
			continue
		}
		if found := strings.Join(ownership(objects), "\n"); !strings.Contains(found, tt.want) {
			t.Errorf("%s with %q for %q: found %q, want %q", tt.file, tt.new, tt.old, found, tt.want)
		}
		mistakes = append(mistakes, strings.TrimSpace(fmt.Sprintf("%s without %s", tt.file[len("templates/"):], strings.TrimSpace(tt.old))))
	}
	finds(t, "deploy/kubernetes/revoked", "who owns a namespace may install it", mistakes...)
}

// What a value adds never takes the place of what the chart needs.
func TestCommonLabelsSelectNothing(t *testing.T) {
	v := with(t, valueSet(t, "everything"), `
commonLabels: {app.kubernetes.io/component: other, revoked-listener: other, app.kubernetes.io/name: other}
podLabels: {app.kubernetes.io/instance: other}
`)
	if found := problems(mustDecode(t, v)); len(found) > 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
}

// openShift are values for a platform that gives each namespace users of its
// own, and whose DNS pods listen on another port than their Service.
const openShift = `
securityContext: {runAsUser: 0, runAsGroup: 0, fsGroup: 0}
networkPolicy: {dnsPorts: [5353]}
`

func TestOpenShift(t *testing.T) {
	check := func(objects []runtime.Object) (found list) {
		for _, p := range podsOf(objects) {
			if s := p.spec.SecurityContext; s == nil || s.RunAsUser != nil || s.RunAsGroup != nil || s.FSGroup != nil {
				found.addf("%s names a user or a group", p.name)
			}
			for _, c := range p.containers() {
				if s := c.SecurityContext; s == nil || s.RunAsUser != nil || s.RunAsGroup != nil {
					found.addf("%s: container %s names a user or a group", p.name, c.Name)
				}
			}
			checkSecurity(&found, p)
		}
		for _, obj := range objects {
			o, ok := obj.(*network.NetworkPolicy)
			if !ok {
				continue
			}
			var out []int32
			for _, rule := range o.Spec.Egress {
				out = append(out, ports(&found, o.Name, rule.Ports)...)
			}
			if !slices.Contains(out, 5353) || slices.Contains(out, 53) {
				found.addf("NetworkPolicy/%s lets out to the ports %v", o.Name, out)
			}
		}
		return found
	}
	everything := valueSet(t, "everything")
	if found := check(mustDecode(t, with(t, everything, openShift))); len(found) > 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
	if found := check(mustDecode(t, everything)); len(found) == 0 {
		t.Error("users and ports of other platforms pass")
	}

	// The gate in the chart of another takes them as well.
	own, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	parent := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "orders", Version: "1.0.0", Dependencies: []*chart.Dependency{{Name: "revoked", Version: own.Metadata.Version}}},
		Templates: []*chart.File{{Name: "templates/pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nspec:\n  initContainers:\n    {{- include \"revoked.gate.initContainer\" .Subcharts.revoked | nindent 4 }}\n")}},
	}
	parent.AddDependency(own)
	m, err := renderChart(parent, parse(t, `
revoked:
  enabled: false
  securityContext: {runAsUser: 0, runAsGroup: 0, fsGroup: 0}
  gate:
    enabled: true
    env: {HTTPS_PROXY: "http://proxy:3128"}
    extraVolumeMounts: [{name: proxy, mountPath: /etc/proxy, readOnly: true}]
    config: {nats: {url: "nats://n"}, pools: [{id: e-1_A}], rules: [{path: /}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	obj, err := decode(m["templates/pod.yaml"][0])
	if err != nil {
		t.Fatal(err)
	}
	gate := obj.(*core.Pod).Spec.InitContainers[0]
	if gate.SecurityContext.RunAsUser != nil || !slices.ContainsFunc(gate.Env, func(e core.EnvVar) bool { return e.Name == "HTTPS_PROXY" }) ||
		!slices.ContainsFunc(gate.VolumeMounts, func(m core.VolumeMount) bool { return m.Name == "proxy" }) {
		t.Errorf("the gate in another chart is %+v", gate)
	}
	finds(t, "deploy/kubernetes/revoked/values.yaml", "a platform with users of its own", "runAsUser", "port 53")
}

// The authority of NATS may come from a ConfigMap of the company's, also where
// no credential is asked for.
func TestAuthorityFromConfigMap(t *testing.T) {
	const bundle = "secrets: {nats: {ca: bundle.pem, caConfigMap: company-ca}}\nprovision: {enabled: true, secret: {ca: bundle.pem, caConfigMap: company-ca}}\ngate: {secret: {ca: bundle.pem, caConfigMap: company-ca}}\n"
	check := func(v values) list {
		objects := mustDecode(t, v)
		found := list(problems(objects))
		for _, p := range podsOf(objects) {
			for _, c := range p.containers() {
				if len(c.Args) == 0 || c.Args[0] != "serve" && c.Args[0] != "provision" {
					continue
				}
				at := slices.IndexFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "NATS_CA" })
				from := sourcesOf(p, "bundle.pem")
				if at < 0 || c.Env[at].Value != "/run/revoked/secrets/nats-ca.pem" || !slices.Equal(from, []string{"ConfigMap company-ca as nats-ca.pem"}) {
					found.addf("%s takes the authority from %v", p.name, from)
				}
			}
		}
		return found
	}
	v := with(t, valueSet(t, "everything"), bundle)
	for name, more := range map[string]string{
		"with a credential": "replicas: 2",
		"without":           "secrets: {nats: {secretName: \"\"}}\nprovision: {secret: {secretName: \"\"}}\ngate: {secret: {secretName: \"\"}}\n",
	} {
		if found := check(with(t, v, more)); len(found) > 0 {
			t.Errorf("%s:\n%s", name, strings.Join(found, "\n"))
		}
	}
	if found := check(with(t, v, `gate: {secret: {caConfigMap: ""}}`)); len(found) != 1 {
		t.Errorf("with the authority of the gate in its Secret are found: %v", found)
	}
	finds(t, "deploy/kubernetes/revoked/values.yaml", "the authority from a ConfigMap", "one in a Secret")
}

// sourcesOf says where the projected volumes of a pod have a key from.
func sourcesOf(p pod, key string) (found []string) {
	add := func(from string, items []core.KeyToPath) {
		for _, item := range items {
			if item.Key == key {
				found = append(found, from+" as "+item.Path)
			}
		}
	}
	for _, v := range p.spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			if s.ConfigMap != nil {
				add("ConfigMap "+s.ConfigMap.Name, s.ConfigMap.Items)
			}
			if s.Secret != nil {
				add("Secret "+s.Secret.Name, s.Secret.Items)
			}
		}
	}
	return found
}

// What helm test would run is not rendered where nobody runs it.
func TestWithoutTests(t *testing.T) {
	base := valueSet(t, "minimal")
	if got := mustRender(t, base)["templates/tests.yaml"]; len(got) != 2 {
		t.Errorf("%d documents, want a test and its policy", len(got))
	}
	if got := mustRender(t, with(t, base, `tests: {nats: {enabled: false}}`))["templates/tests.yaml"]; len(got) != 0 {
		t.Errorf("without tests there are %q", got)
	}
}
