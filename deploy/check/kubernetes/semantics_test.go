package kubernetes_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
)

func mustDecode(t *testing.T, v values) []runtime.Object {
	t.Helper()
	objects, err := decodeAll(mustRender(t, v))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// The parts of a release fit together, and each mistake of the table is found.
func TestPartsFit(t *testing.T) {
	for name, v := range valueSets(t) {
		if found := problems(mustDecode(t, v)); len(found) > 0 {
			t.Errorf("with the values %s:\n%s", name, strings.Join(found, "\n"))
		}
	}
	m := mustRender(t, valueSet(t, "everything"))
	mistakes := map[string][]string{} // by file
	for _, tt := range []struct{ file, old, new, want string }{
		{"templates/workload.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "the root file system can be written"},
		{"templates/workload.yaml", "drop: [ALL]", "drop: []", "pod security: unrestricted capabilities"},
		{"templates/workload.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "pod security: runAsNonRoot"},
		{"templates/workload.yaml", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "token of the service account"},
		{"templates/workload.yaml", "GOMEMLIMIT, value: 921MiB", "GOMEMLIMIT, value: 1024MiB", "GOMEMLIMIT is 1024MiB"},
		{"templates/workload.yaml", "memory: 1Gi", "memory: 2Gi", "GOMEMLIMIT is 921MiB"},
		{"templates/workload.yaml", "/run/revoked/secrets/seal-keys", "/run/secrets/seal-keys", "where nothing is mounted"},
		{"templates/workload.yaml", "name: data, mountPath", "name: date, mountPath", "mounts the volume date"},
		{"templates/workload.yaml", "path: /livez, port: metrics", "path: /livez, port: health", "a probe of the port health"},
		{"templates/workload.yaml", "containerPort: 9081", "containerPort: 8081", "let in to the ports"},
		{"templates/services.yaml", "targetPort: admin", "targetPort: operators", "has no port operators"},
		{"templates/services.yaml", "app.kubernetes.io/component: service", "app.kubernetes.io/component: server", "selects 0 pods"},
		{"templates/services.yaml", "clusterIP: None", "clusterIP: 10.0.0.1", "no headless Service"},
		{"templates/ingress.yaml", "path: /oauth2/revoke", "path: /", "and to more than that"},
		{"templates/ingress.yaml", "pathType: Exact", "pathType: Prefix", "and to more than that"},
		{"templates/ingress.yaml", "port: {name: public}", "port: {name: admin}", "port admin for apps"},
		{"templates/ingress.yaml", "name: demo-revoked-public", "name: demo-revoked-admin", "Service demo-revoked-admin with the port public"},
		{"templates/poddisruptionbudget.yaml", "app.kubernetes.io/component: service", "app.kubernetes.io/component: gate", "PodDisruptionBudget/demo-revoked selects 0 pods"},
		{"templates/networkpolicy.yaml", "port: 9080", "port: 8080", "let in to the ports"},
		{"templates/networkpolicy.yaml", "port: 4223", "port: 4224", "not to 4223"},
		{"templates/networkpolicy.yaml", "port: 443", "port: 444", "not to 443"},
		{"templates/provision.yaml", "port: 4222", "port: 4242", "not to 4222"},
		{"templates/provision.yaml", "matchLabels:\n      app.kubernetes.io/name: revoked", "matchLabels:\n      app.kubernetes.io/name: provision", "selects no pod"},
		{"templates/tests.yaml", "name: demo-revoked}", "name: demo}", "there is no ConfigMap demo"},
		{"templates/monitoring.yaml", "replacement: gate", "replacement: revoked-gate", "no alert is about its job"},
		{"templates/monitoring.yaml", "replacement: revoked}", "replacement: service}", "no alert is about its job"},
		{"templates/monitoring.yaml", "port: metrics", "port: metric", "has no port metric"},
		{"templates/monitoring.yaml", "revoked-listener: metrics", "revoked-listener: all", "selects 0 Services"},
		{"templates/monitoring.yaml", "port: gate-metrics", "port: gate", "has no port gate"},
		{"templates/example.yaml", "path: /livez, port: gate-metrics", "path: /readyz, port: gate-metrics", "the liveness probe is not GET /livez"},
		{"templates/example.yaml", "name: tmp, mountPath: /tmp", "name: config, mountPath: /tmp", "mounts the volume config"},
		{"templates/gate.yaml", "name: demo-revoked-gate", "name: demo-gate", "there is no ConfigMap demo-revoked-gate"},
	} {
		mutated := manifests{}
		changed := false
		for file, docs := range m {
			for _, doc := range docs {
				if file == tt.file && strings.Contains(doc, tt.old) {
					doc, changed = strings.ReplaceAll(doc, tt.old, tt.new), true
				}
				mutated[file] = append(mutated[file], doc)
			}
		}
		if !changed {
			t.Errorf("%s has no %q", tt.file, tt.old)
			continue
		}
		objects, err := decodeAll(mutated)
		if err != nil {
			t.Errorf("%q for %q: %v", tt.new, tt.old, err)
			continue
		}
		found := strings.Join(problems(objects), "\n")
		if !strings.Contains(found, tt.want) {
			t.Errorf("%s with %q for %q: found %q, want %q", tt.file, tt.new, tt.old, found, tt.want)
			continue
		}
		mistakes[tt.file] = append(mistakes[tt.file], strings.Join(strings.Fields(tt.new), " "))
	}
	for file, found := range mistakes {
		finds(t, "deploy/kubernetes/revoked/"+file, "parts compared", found...)
	}
}
