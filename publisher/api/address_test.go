package api

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestAddressOf(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct {
		name, peer string
		forwarded  []string
		trusted    []netip.Prefix
		want       string
	}{
		{"a peer", "192.0.2.7:1234", nil, nil, "192.0.2.7"},
		{"a peer that nobody vouches for", "192.0.2.7:1234", []string{"198.51.100.1"}, proxies, "192.0.2.7"},
		{"a proxy that is not trusted", "10.0.0.1:1", []string{"198.51.100.1"}, nil, "10.0.0.1"},
		{"behind a proxy", "10.0.0.1:1", []string{"198.51.100.1"}, proxies, "198.51.100.1"},
		{"what the caller wrote itself", "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1"}, proxies, "198.51.100.1"},
		{"behind two proxies", "10.0.0.1:1", []string{"203.0.113.9", "198.51.100.1, 10.1.1.1"}, proxies, "198.51.100.1"},
		{"garbage", "10.0.0.1:1", []string{"198.51.100.1, garbage"}, proxies, "10.0.0.1"},
		{"nothing", "10.0.0.1:1", nil, proxies, "10.0.0.1"},
		{"IPv4 in IPv6", "[::ffff:192.0.2.7]:1", nil, nil, "192.0.2.7"},
		{"a network of IPv6", "[2001:db8:1:2:3:4:5:6]:1", nil, nil, "2001:db8:1:2::/64"},
		{"behind a proxy with IPv6", "[fd00::1]:1", []string{"2001:db8:1:2::1"}, proxies, "2001:db8:1:2::/64"},
		{"no address", "@", nil, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &public{cfg: PublicConfig{TrustedProxies: test.trusted}}
			r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
			if got := p.addressOf(r); got != test.want {
				t.Errorf("addressOf(%s, %q) = %q, want %q", test.peer, test.forwarded, got, test.want)
			}
		})
	}
}
