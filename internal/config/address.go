package config

import "net"

// Loopback reports whether only this machine can reach the address host:port.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// AddDebugAddr appends what is wrong with debug_addr, where profiles are
// served; empty is nowhere. insecure says that other machines may have them.
func (l *Problems) AddDebugAddr(addr string, insecure bool) {
	switch _, port, err := net.SplitHostPort(addr); {
	case addr == "" && insecure:
		l.Add("insecure_debug_addr", "true", "is set without debug_addr", "set both or neither")
	case addr == "":
	case err != nil || port == "":
		l.Add("debug_addr", addr, "is not host:port", "set an address such as 127.0.0.1:6060, or leave it out for no profiles")
	case !insecure && !Loopback(addr):
		l.Add("debug_addr", addr, "can be reached from other machines",
			"use 127.0.0.1, or set insecure_debug_addr: whoever gets there sees what the process does and can slow it down")
	}
}
