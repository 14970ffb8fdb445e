package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// addressOf returns where a request came from, for limits: the peer, or what
// the proxies before it say, as far as they are trusted. Of an IPv6 address
// only the network counts, of which its owner has every address.
func (p *public) addressOf(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	addr := peer.Addr().Unmap()
	// Each proxy appends the peer that it saw, so the list is believed from
	// the right, for as long as it was written by one of ours.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	if addr.Is6() {
		if network, err := addr.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return addr.String()
}

func (p *public) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p.cfg.TrustedProxies, func(n netip.Prefix) bool { return n.Contains(addr) })
}
