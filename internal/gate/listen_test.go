package gate

import (
	"net"
	"net/netip"
	"testing"
)

func TestTrusts(t *testing.T) {
	l := &guarded{trusted: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"10.1.2.3:1": true, "[::ffff:10.1.2.3]:1": true, "10.2.2.3:1": false, "192.168.1.1:1": false,
		"[fd00::1]:1": true, "[fe80::1%eth0]:1": false, "[2001:db8::1]:1": false,
	} {
		peer := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))
		if got := l.trusts(peer); got != want {
			t.Errorf("trusts(%s) = %v, want %v", addr, got, want)
		}
	}
	if !l.trusts(&net.UnixAddr{Name: "@", Net: "unix"}) {
		t.Error("a peer on a unix socket is not trusted")
	}
}
