package revocation

// Hashes are a denylist's hashes of the claims of one token, kept beside a
// token that is checked again and again so that each is computed once. They
// are of use to the instance that made them only, which says what they mean;
// the zero value is of no use to any, and no error either. They must not be
// sent elsewhere or stored. They are not changed once made.
type Hashes struct {
	// Denylist names the instance.
	Denylist uint64
	// Claims has the hash of each claim by the kind that compares it, 0 for a
	// claim that is absent or empty; Groups has those of cognito:groups, in their order.
	Claims [int(KindPool) + 1]uint64
	Groups []uint64
}
