package gate

import (
	"errors"
	"fmt"
	"testing"
)

func TestFind(t *testing.T) {
	rs := newRules([]Rule{
		{Path: "/"},
		{Path: "/login", Exact: true, Anonymous: true},
		{Path: "/orders", Methods: []string{"GET"}, Scopes: []string{"read"}},
		{Path: "/orders", Methods: []string{"POST", "PUT"}, Scopes: []string{"write"}},
		{Path: "/orders.v2", Scopes: []string{"v2"}},
		{Path: "/orders/export", Scopes: []string{"export"}},
		{Path: "/orders/export", Methods: []string{"DELETE"}, Scopes: []string{"delete"}},
	})
	tests := []struct {
		method, target string
		path, scope    string
		err            error
	}{
		{"GET", "/", "/", "", nil},
		{"GET", "/x/y", "/", "", nil},
		{"GET", "/login", "/login", "", nil},
		{"GET", "/login/", "/login", "", nil},
		{"GET", "/login/x", "/", "", nil}, // exact
		{"GET", "/orders", "/orders", "read", nil},
		{"GET", "/orders/1?x=/", "/orders", "read", nil},
		{"PUT", "/orders/1", "/orders", "write", nil},
		{"GET", "/ordersX", "/", "", nil}, // whole segments
		{"DELETE", "/orders/1", "", "", errNoRule},
		{"HEAD", "/orders/1", "", "", errNoRule},
		{"POST", "/orders/export/1", "/orders/export", "export", nil},
		{"DELETE", "/orders/export/1", "/orders/export", "delete", nil},
		{"GET", "/Orders", "", "", errAmbiguous},
		{"GET", "/ORDERS/export", "", "", errAmbiguous},
		{"GET", "/orders/Export", "", "", errAmbiguous},
		{"GET", "/LOGIN", "", "", errAmbiguous},
		{"GET", "/Other", "/", "", nil},
		{"GET", "/Login/x", "/", "", nil},             // "/" in either case
		{"GET", "/order%C5%BF", "", "", errAmbiguous}, // its upper case is ORDERS
		{"GET", "/log%C4%B1n", "", "", errAmbiguous},
		{"GET", "/login.", "", "", errAmbiguous},
		{"GET", "/orders%20", "", "", errAmbiguous},
		{"GET", "/orders.%20./1", "", "", errAmbiguous},
		{"GET", "/.../orders", "", "", errAmbiguous},
		{"GET", "/.../x", "/", "", nil},
		{"GET", "/Acme%20Inc.", "/", "", nil},
		{"GET", "/orders.json", "", "", errAmbiguous},
		{"GET", "/orders.tar.gz", "", "", errAmbiguous},
		{"GET", "/orders.v2.json", "", "", errAmbiguous},
		{"GET", "/orders%20.json", "", "", errAmbiguous},
		{"GET", "/orders/export.csv", "", "", errAmbiguous},
		{"GET", "/orders/1.json", "/orders", "read", nil},
		{"GET", "/orders/.env", "/orders", "read", nil},
		{"GET", "/index.html", "/", "", nil},
		{"GET", "/orders.v2", "/orders.v2", "v2", nil}, // has a rule of its own
		{"GET", "/orders.v2/1", "/orders.v2", "v2", nil},
		{"get", "/orders", "", "", errAmbiguous},
		{"", "/orders", "", "", errAmbiguous},
		{"GET", "/orders/../login", "", "", errAmbiguous},
	}
	for _, tt := range tests {
		r, err := rs.find(tt.method, tt.target)
		if !errors.Is(err, tt.err) || (r == nil) == (err == nil) {
			t.Errorf("find(%s %s) = %v, %v, want error %v", tt.method, tt.target, r, err, tt.err)
			continue
		}
		if r == nil {
			continue
		}
		scope := ""
		if len(r.scopes) > 0 {
			scope = r.scopes[0]
		}
		if r.path != tt.path || scope != tt.scope {
			t.Errorf("find(%s %s) = rule of %s with scope %q, want %s with %q", tt.method, tt.target, r.path, scope, tt.path, tt.scope)
		}
	}
	if _, err := newRules([]Rule{{Path: "/a"}}).find("GET", "/b"); !errors.Is(err, errNoRule) {
		t.Errorf("without a rule for the root, find(/b) = %v, want errNoRule", err)
	}
}

func TestHeaderText(t *testing.T) {
	for in, want := range map[string]string{
		"":               "",
		"plain-Text_1":   "plain-Text_1",
		"a b":            "a b",
		" a ":            "%20a%20",
		"a,b":            "a%2Cb",
		"50%":            "50%25",
		"a\r\nX-Evil: 1": "a%0D%0AX-Evil: 1",
		"é":              "%C3%A9",
		"\x00\x7f":       "%00%7F",
	} {
		if got := headerText(in, ","); got != want {
			t.Errorf("headerText(%q) = %q, want %q", in, got, want)
		}
	}
	if got := headerText("a,b", ""); got != "a,b" {
		t.Errorf("headerText without separators = %q, want a,b", got)
	}
}

// Each rule has a label of its own in metrics, as long as there are few.
func TestRuleLabels(t *testing.T) {
	configured := []Rule{
		{Path: "/"},
		{Path: "/login"},
		{Path: "/login", Exact: true},
		{Path: "/orders", Methods: []string{"GET", "HEAD"}},
		{Path: "/orders"},
		{Path: "/orders", Methods: []string{"POST"}, Exact: true},
	}
	for i, want := range []string{"/", "/login", "/login (exact)", "GET,HEAD /orders", "/orders", "POST /orders (exact)"} {
		if got := configured[i].label(i); got != want {
			t.Errorf("label of %+v = %q, want %q", configured[i], got, want)
		}
	}
	for len(configured) < 3*maxRuleLabels {
		configured = append(configured, Rule{Path: fmt.Sprint("/", len(configured))})
	}
	rs, labels := newRules(configured), make(map[string]int)
	for _, list := range rs.prefix {
		for _, r := range list {
			labels[r.label]++
		}
	}
	for _, list := range rs.exact {
		for _, r := range list {
			labels[r.label]++
		}
	}
	if len(labels) != maxRuleLabels+1 || labels[otherRules] != 2*maxRuleLabels {
		t.Errorf("%d labels, %d rules of %q; want %d and %d of it", len(labels), labels[otherRules], otherRules, maxRuleLabels+1, 2*maxRuleLabels)
	}
}
