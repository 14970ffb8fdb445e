package api

import (
	"fmt"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Role is what a caller of the admin API may do. Roles are ordered: each may
// do all that those before it may. The zero value may do nothing.
type Role uint8

// The roles.
const (
	// RoleViewer reads revocations, without the words of operators about
	// them: who revoked, and why.
	RoleViewer Role = iota + 1
	// RoleOperator revokes what one person has: tokens, sessions, users and
	// devices. It lifts revocations of these kinds, and sees who and why.
	RoleOperator
	// RoleAdmin revokes and lifts everything, also of whole clients, groups
	// and pools.
	RoleAdmin
)

var roleNames = [...]string{"none", "viewer", "operator", "admin"}

// String returns the stable name used in configuration.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// ParseRole returns the role with the given name.
func ParseRole(name string) (Role, error) {
	for r := RoleViewer; r <= RoleAdmin; r++ {
		if roleNames[r] == name {
			return r, nil
		}
	}
	return 0, fmt.Errorf("api: unknown role %q (known: viewer, operator, admin)", name)
}

// roleFor returns the least role that may revoke targets of a kind, and lift
// such revocations: a mistake with one of the wider kinds signs out everybody.
func roleFor(kind revocation.Kind) Role {
	switch kind {
	case revocation.KindToken, revocation.KindSession, revocation.KindUser, revocation.KindDevice:
		return RoleOperator
	}
	return RoleAdmin
}
