package gate

import (
	"errors"
	"strings"
	"testing"
)

func TestCleanPath(t *testing.T) {
	good := []struct{ target, want string }{
		{"/", ""},
		{"/orders", "/orders"},
		{"/orders/", "/orders"},
		{"/orders/1?next=/../admin%2f", "/orders/1"},
		{"/a-b_c.d~e/!$&'()*+,=:@", "/a-b_c.d~e/!$&'()*+,=:@"},
		{"/...", "/..."},
		{"/.well-known/x", "/.well-known/x"},
		{"/caf%C3%A9/a%20b", "/café/a b"},
		{"/100%25", "/100%"},
		{"/a%22b", `/a"b`},
	}
	for _, tt := range good {
		if got, err := cleanPath(tt.target); got != tt.want || err != nil {
			t.Errorf("cleanPath(%q) = %q, %v, want %q", tt.target, got, err, tt.want)
		}
	}
	bad := []string{
		"", "*", "orders", "http://host/orders", "//orders", "/a//b", "/a//", "///",
		"/.", "/..", "/a/.", "/a/..", "/a/../admin", "/a/./admin", "/a/%2e%2e/admin", "/a/%2E./admin", "/%2e/admin",
		"/a%2fadmin", "/a%2Fadmin", "/a%5cadmin", `/a\admin`, `/a\..\admin`, "/a%252f..", "/a%252e%252e/admin", "/%25%32e",
		"/a;x=1/admin", "/a/..;/admin", "/a%3b/admin", "/admin%3fx", "/admin%23x", "/admin#x",
		"/%61dmin", "/admi%6E", "/%7euser", "/a%00", "/a%0a", "/a%7f", "/a%", "/a%2", "/a%zz", "/a%u0061",
		"/a b", "/a\tb", "/a\x00", "/café", "/%c0%ae%c0%ae/admin", "/%ff", "/%ed%a0%80", "/a|b", "/a^b", "/a\"b", "/a<b>",
	}
	for _, target := range bad {
		if got, err := cleanPath(target); got != "" || !errors.Is(err, errAmbiguous) {
			t.Errorf("cleanPath(%q) = %q, %v, want errAmbiguous", target, got, err)
		}
	}
}

// FuzzFind looks for a target for which two readers find two rules: the gate's
// reading must be the one that any of the usual ways to decode and normalize
// leads to.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{"/", "/admin/x", "/public/../admin", "/public/%2e%2e/admin", "/ADMIN", "/public//admin", "/public;/../admin", "/%61dmin", "/public/a%2f..%2f..%2fadmin", "/\u212Aey", "/public/%25%32%65", "/%C5%BFhop", "/admin.json", "/admin.", "/admin%20/x", "/.../admin"} {
		f.Add(seed)
	}
	rs := newRules([]Rule{{Path: "/"}, {Path: "/admin"}, {Path: "/public", Anonymous: true}, {Path: "/key"}, {Path: "/shop"}})
	f.Fuzz(func(t *testing.T, target string) {
		r, err := rs.find("GET", target)
		if (r == nil) == (err == nil) {
			t.Fatalf("find(%q) = %v, %v", target, r, err)
		}
		if err != nil {
			return
		}
		for _, read := range readings(target) {
			want := "/"
			switch first, _, _ := strings.Cut(strings.TrimPrefix(read, "/"), "/"); first {
			case "admin", "public", "key", "shop":
				want = "/" + first
			}
			if r.path != want {
				t.Fatalf("find(%q) = the rule of %s, but who reads it as %q serves %s", target, r.path, read, want)
			}
		}
	})
}

// readings are what upstreams of various habits make of a request target.
func readings(target string) []string {
	path, _, _ := strings.Cut(target, "?")
	list := []string{path}
	for range 3 { // decoded once, twice, three times
		decoded := unescape(list[len(list)-1])
		list = append(list, decoded)
	}
	for _, p := range list {
		noParams := ""
		for seg := range strings.SplitSeq(p, "/") {
			name, _, _ := strings.Cut(seg, ";")
			noParams += "/" + name
		}
		list = append(list, strings.ReplaceAll(p, `\`, "/"), noParams[1:])
	}
	for _, p := range list {
		var kept []string
		for seg := range strings.SplitSeq(p, "/") {
			switch {
			case seg == ".." && len(kept) > 0:
				kept = kept[:len(kept)-1]
			case seg == "" || seg == "." || seg == "..":
			default:
				kept = append(kept, seg)
			}
		}
		list = append(list, "/"+strings.Join(kept, "/"))
	}
	for _, p := range list { // without a format
		name := strings.LastIndexByte(p, '/') + 1
		if dot := strings.IndexByte(p[name:], '.'); dot > 0 {
			list = append(list, p[:name+dot])
		}
		if dot := strings.LastIndexByte(p[name:], '.'); dot > 0 {
			list = append(list, p[:name+dot])
		}
	}
	for _, p := range list { // on Windows
		var kept string
		for seg := range strings.SplitSeq(p, "/") {
			if seg = strings.TrimRight(seg, ". "); seg != "" {
				kept += "/" + seg
			}
		}
		list = append(list, kept)
	}
	for _, p := range list {
		list = append(list, strings.ToLower(p), strings.ToLower(strings.ToUpper(p)))
		cut, _, _ := strings.Cut(p, "\x00")
		list = append(list, cut)
	}
	return list
}

func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			out.WriteByte(byte(unhex(s[i+1])<<4 | unhex(s[i+2])))
			i += 2
		} else {
			out.WriteByte(s[i])
		}
	}
	return out.String()
}
