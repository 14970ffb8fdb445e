package kubernetes_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
)

// decoder reads a manifest as the API server does with fieldValidation=Strict:
// an unknown field and one that is there twice are errors.
var decoder = func() runtime.Decoder {
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, monitoring.AddToScheme} {
		if err := add(types); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(types, serializer.EnableStrict).UniversalDeserializer()
}()

func decode(doc string) (runtime.Object, error) {
	obj, _, err := decoder.Decode([]byte(doc), nil, nil)
	return obj, err
}

func decodeAll(m manifests) ([]runtime.Object, error) {
	var all []runtime.Object
	for _, doc := range m.yaml() {
		obj, err := decode(doc)
		if err != nil {
			name := regexp.MustCompile(`(?m)^kind: \w+\nmetadata:\n  name: .*`).FindString(doc)
			return nil, fmt.Errorf("%w in %q", err, name)
		}
		all = append(all, obj)
	}
	return all, nil
}

// firstField is the first field below spec; of an object without spec, that
// below data, or the first at all that is not in metadata.
var (
	firstField = regexp.MustCompile(`(?m)^spec:\n(?:\s*#.*\n)*  (\w+):`)
	topField   = regexp.MustCompile(`(?m)^(data|automountServiceAccountToken):`)
)

// misspell doubles a letter of the first field of a manifest.
func misspell(doc string) (mutated, field string) {
	re, prefix := firstField, "spec."
	at := re.FindStringSubmatchIndex(doc)
	if at == nil {
		re, prefix = topField, ""
		at = re.FindStringSubmatchIndex(doc)
	}
	if at == nil {
		return doc, ""
	}
	name := doc[at[2]:at[3]]
	wrong := name[:len(name)-2] + name[len(name)-1:] + name[len(name)-2:len(name)-1] // replicas: replicsa
	return doc[:at[2]] + wrong + doc[at[3]:], prefix + wrong
}

func TestManifestsAreKubernetes(t *testing.T) {
	for name, v := range valueSets(t) {
		if _, err := decodeAll(mustRender(t, v)); err != nil {
			t.Errorf("with the values %s: %v", name, err)
		}
	}
	m := mustRender(t, valueSet(t, "everything"))
	for _, file := range m.files() {
		if !strings.HasSuffix(file, ".yaml") {
			continue
		}
		var fields []string
		for _, doc := range m[file] {
			mutated, field := misspell(doc)
			_, err := decode(mutated)
			if err == nil || !strings.Contains(err.Error(), "unknown field") || !strings.Contains(err.Error(), field) {
				t.Errorf("%s with %q is read: %v", file, field, err)
			}
			fields = append(fields, field)
		}
		finds(t, "deploy/kubernetes/revoked/"+file, "client-go, strict", fields...)
	}
}
