package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"
)

// writeNkeys makes a key for each role that accounts.conf names ($ADMIN,
// $NODE_ORDERS, ...) and assigns the public keys in keys.conf.
func writeNkeys(s store, roles []string) error {
	if len(roles) == 0 {
		roles = []string{"admin", "service", "system", "node-orders", "node-payments"}
	}
	var b strings.Builder
	b.WriteString("# Public keys, written by mint. The private ones are in keys/.\n")
	slices.Sort(roles)
	for _, role := range slices.Compact(roles) {
		if err := checkName("role", role); err != nil {
			return err
		}
		pair, err := s.key(role, nkeys.PrefixByteUser)
		if err != nil {
			return err
		}
		public, err := pair.PublicKey()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s: %s\n", strings.ToUpper(strings.ReplaceAll(role, "-", "_")), public)
	}
	if err := s.write("keys.conf", []byte(b.String()), 0o644); err != nil {
		return err
	}
	return s.write("auth.conf", []byte("include \"accounts.conf\"\n"), 0o644)
}
