// Package grafana checks the dashboards and what loads them: that they are of
// the shape that Grafana reads, that each panel says what it shows and in which
// unit, and that each query is one and asks for metrics that there are.
package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/seed-4e8dee1b/revoked/internal/metrics"
)

// dashboard has the fields of Grafana's model that ours use (Grafana's
// documentation, "Dashboard JSON model"). There is none for the database id,
// which belongs to one installation.
type dashboard struct {
	UID           string `json:"uid"`
	Title         string `json:"title"`
	Description   string `json:"description"`
	Tags          []string
	SchemaVersion int  `json:"schemaVersion"`
	Version       int  `json:"version"`
	Editable      bool `json:"editable"`
	GraphTooltip  int  `json:"graphTooltip"`
	Refresh       string
	Time          struct{ From, To string }
	Timezone      string
	Templating    struct{ List []variable }
	Panels        []panel
}

type variable struct {
	Name, Label, Type, Query, Definition string
	Datasource                           *reference
	Hide, Refresh, Sort                  int
	Multi                                bool
	IncludeAll                           bool   `json:"includeAll"`
	AllValue                             string `json:"allValue"`
}

type reference struct{ Type, UID string }

type panel struct {
	ID                       int `json:"id"`
	Type, Title, Description string
	Datasource               reference
	GridPos                  struct{ H, W, X, Y int } `json:"gridPos"`
	Collapsed                bool
	Panels                   []panel
	FieldConfig              struct {
		Defaults struct {
			Unit       string
			Min, Max   *float64
			Thresholds *struct {
				Mode  string
				Steps []struct {
					Color string
					Value *float64
				}
			}
			Custom *struct {
				DrawStyle   string  `json:"drawStyle"`
				LineWidth   float64 `json:"lineWidth"`
				FillOpacity float64 `json:"fillOpacity"`
				ShowPoints  string  `json:"showPoints"`
				SpanNulls   bool    `json:"spanNulls"`
				Stacking    struct{ Mode string }
			}
		}
		Overrides []struct{}
	} `json:"fieldConfig"`
	Options struct {
		Legend        *struct{ DisplayMode, Placement string }
		Tooltip       *struct{ Mode, Sort string }
		ReduceOptions *struct {
			Calcs  []string
			Values bool
		} `json:"reduceOptions"`
		ColorMode string `json:"colorMode"`
		GraphMode string `json:"graphMode"`
	}
	Targets []struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
	}
}

func decode(text []byte) (d dashboard, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err = dec.Decode(&d); err == nil && dec.More() {
		err = fmt.Errorf("more than one document")
	}
	if err != nil {
		return d, err
	}
	// To Go a key of other case is the same, to Grafana it is not there.
	known := make(map[string]bool)
	keysOf(reflect.TypeFor[dashboard](), known)
	for _, key := range regexp.MustCompile(`"([^"\\]*)":`).FindAllSubmatch(text, -1) {
		if !known[string(key[1])] {
			return d, fmt.Errorf("unknown field %q", key[1])
		}
	}
	return d, nil
}

// keysOf adds the names of all fields below a type as they are in JSON.
func keysOf(t reflect.Type, known map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("json")
		if name == "" {
			name = strings.ToLower(f.Name[:1]) + f.Name[1:]
		}
		if f.Name == "UID" {
			name = "uid"
		}
		if known[name] {
			continue
		}
		known[name] = true
		keysOf(f.Type, known)
	}
}

func dashboards(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("dashboards/*.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	texts := make(map[string][]byte)
	for _, file := range files {
		if texts[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

func page(t *testing.T) metrics.Page {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	p, err := metrics.Parse(string(text))
	if err != nil || len(p) == 0 {
		t.Fatalf("docs/metrics.md: %d metrics, %v", len(p), err)
	}
	return p
}

func TestDashboards(t *testing.T) {
	known, uids := page(t), make(map[string]bool)
	for file, text := range dashboards(t) {
		t.Run(file, func(t *testing.T) {
			t.Attr("deploy/grafana/"+file, "strict decoding, metrics by name; finds a misspelled field, metric and label")
			d, err := decode(text)
			if err != nil {
				t.Fatal(err)
			}
			if d.UID == "" || uids[d.UID] || d.Title == "" {
				t.Errorf("uid %q, title %q: both are needed, and the uid must be its own", d.UID, d.Title)
			}
			uids[d.UID] = true
			if v := d.Templating.List[0]; v.Type != "datasource" || v.Name != "datasource" || v.Query != "prometheus" {
				t.Errorf("the first variable is %+v, want the data source", v)
			}
			checkPanels(t, d, known)
		})
		t.Run(file+", mistakes", func(t *testing.T) {
			for mistake, change := range map[string][2]string{
				"field":    {`"description"`, `"descriptions"`},
				"case":     {`"gridPos"`, `"gridpos"`},
				"database": {`"uid": "revoked-`, `"id": 7, "uid": "revoked-`},
			} {
				wrong := bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)
				if _, err := decode(wrong); err == nil || bytes.Equal(wrong, text) {
					t.Errorf("a misspelled %s passes", mistake)
				}
			}
			d, err := decode(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range d.Panels {
				for _, target := range p.Targets {
					name := metrics.Selectors(target.Expr)[0].Name
					if known.Check(strings.Replace(target.Expr, name, name+"x", 1)) == nil {
						t.Errorf("%s: a misspelled metric passes", p.Title)
					}
				}
			}
		})
	}
}

func checkPanels(t *testing.T, d dashboard, known metrics.Page) {
	t.Helper()
	ids, titles, taken := make(map[int]bool), make(map[string]bool), make(map[[2]int]string)
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] || titles[p.Title] {
			t.Errorf("panel %d %q: id or title is not its own", p.ID, p.Title)
		}
		ids[p.ID], titles[p.Title] = true, true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, full := taken[[2]int{x, y}]; full || x >= 24 {
					t.Fatalf("panel %q lies on %q or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %q: description, unit, data source ${datasource} and a query are needed", p.Title)
		}
		for _, target := range p.Targets {
			if err := known.Check(target.Expr); err != nil {
				t.Errorf("panel %q: %v", p.Title, err)
			}
		}
	}
}

// variables are what Grafana puts in.
var variables = strings.NewReplacer("$__rate_interval", "1m", "$job", ".*")

// Prometheus reads every query.
func TestQueries(t *testing.T) {
	if os.Getenv("CHECK_DEPLOY") == "" {
		t.Skip("needs promtool; make check-deploy runs it")
	}
	for file, text := range dashboards(t) {
		t.Run(file, func(t *testing.T) {
			t.Attr("deploy/grafana/"+file, "promtool check rules (its queries); finds a bracket too many")
			d, err := decode(text)
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, p := range d.Panels {
				for _, target := range p.Targets {
					all = append(all, variables.Replace(target.Expr))
				}
			}
			if out, err := checkQueries(t, all...); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if out, err := checkQueries(t, all[0]+")"); err == nil {
				t.Errorf("a bracket too many passes:\n%s", out)
			}
		})
	}
}

// checkQueries has promtool read queries, as rules.
func checkQueries(t *testing.T, queries ...string) (string, error) {
	t.Helper()
	type rule struct{ Record, Expr string }
	var rules []rule
	for i, q := range queries {
		rules = append(rules, rule{fmt.Sprintf("q%d", i), q})
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "g", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", file).CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran { //nolint:errorlint // nothing wraps it
		t.Fatalf("%v: apt-get install prometheus", err)
	}
	return string(out), err
}

// provisioning has the fields of Grafana's files for data sources and
// dashboards that ours use (Grafana's documentation, "Provision Grafana").
type provisioning struct {
	APIVersion  int `yaml:"apiVersion"`
	Datasources []struct {
		Name, UID, Type, Access, URL string
		IsDefault                    bool              `yaml:"isDefault"`
		JSONData                     map[string]string `yaml:"jsonData"`
	}
	Providers []struct {
		Name, Type, Folder string
		AllowUIUpdates     bool `yaml:"allowUiUpdates"`
		Options            struct{ Path string }
	}
}

func TestProvisioning(t *testing.T) {
	t.Attr("deploy/grafana/provisioning", "strict decoding; finds a misspelled field")
	read := func(text []byte) (p provisioning, err error) {
		dec := yaml.NewDecoder(bytes.NewReader(text))
		dec.KnownFields(true)
		if err = dec.Decode(&p); err == nil && dec.Decode(new(any)) != io.EOF { //nolint:errorlint // as its documentation says
			err = fmt.Errorf("more than one document")
		}
		return p, err
	}
	for file, misspelled := range map[string][2]string{
		"provisioning/datasources/prometheus.yaml": {"isDefault", "default"},
		"provisioning/dashboards/revoked.yaml":     {"providers", "provider"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := read(text)
		if err != nil || p.APIVersion != 1 || len(p.Datasources)+len(p.Providers) != 1 {
			t.Errorf("%s: %+v, %v", file, p, err)
		}
		for _, d := range p.Datasources {
			if d.Type != "prometheus" || d.UID == "" || d.URL == "" {
				t.Errorf("%s: %+v", file, d)
			}
		}
		if _, err := read(bytes.Replace(text, []byte(misspelled[0]), []byte(misspelled[1]), 1)); err == nil {
			t.Errorf("%s: a misspelled field passes", file)
		}
	}
}
