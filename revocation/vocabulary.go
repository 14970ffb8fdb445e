package revocation

import (
	"fmt"
	"time"
)

// MaxLeeway is added to the end of every act, by nodes and by the TTL of its
// stream message, because validators accept a token for a while after its exp.
// A validator whose allowed clock skew is above MaxLeeway must not start: it
// would accept a token whose act is already forgotten.
const MaxLeeway = 5 * time.Minute

// MaxIDLength is the longest target id, session id or pool id, in bytes.
const MaxIDLength = 256

// maxSeconds bounds every NumericDate that is accepted (exclusive): the year
// 2242. Larger values are mistakes (milliseconds) or attacks on arithmetic.
const maxSeconds = 1 << 33

// Kind says which claim of a token an act names. The numbers are those of the
// wire format and never change.
type Kind uint8

// The kinds of target, with the claim that is compared. Cognito puts the
// client into client_id of an access token and into aud of an ID token, and
// device_key into access tokens only (Cognito Developer Guide, "Understanding
// the access token", "Understanding the identity token").
const (
	KindToken   Kind = 1 // jti: one token
	KindSession Kind = 2 // origin_jti: all tokens of one sign-in, kept over refresh
	KindUser    Kind = 3 // sub, by cutoff
	KindClient  Kind = 4 // client_id or aud, by cutoff
	KindGroup   Kind = 5 // each element of cognito:groups, by cutoff
	KindDevice  Kind = 6 // device_key, by cutoff
	KindPool    Kind = 7 // every token of the pool, by cutoff
)

// Kinds lists every kind in the order of the wire numbers.
func Kinds() []Kind {
	return []Kind{KindToken, KindSession, KindUser, KindClient, KindGroup, KindDevice, KindPool}
}

var kindNames = [...]string{"", "token", "session", "user", "client", "group", "device", "pool"}

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool { return k >= KindToken && k <= KindPool }

// HasCutoff reports whether acts of this kind refuse by issue time rather
// than by identity alone.
func (k Kind) HasCutoff() bool { return k >= KindUser && k <= KindPool }

// String returns the stable name used in the API, the CLI and metrics.
func (k Kind) String() string {
	if k.Valid() {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind returns the kind with the given stable name.
func ParseKind(name string) (Kind, error) {
	for k := KindToken; k.Valid(); k++ {
		if kindNames[k] == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("revocation: unknown kind %q (known: token, session, user, client, group, device, pool)", name)
}

// Basis says which times of a token a cutoff is compared with.
type Basis uint8

// The bases. Acts on a token or a session have none.
const (
	// BasisNone is the basis of acts without a cutoff.
	BasisNone Basis = 0
	// BasisSession refuses if auth_time or iat is at or before the cutoff.
	// Cognito keeps auth_time over a refresh, so a fresh token of an old
	// session is refused too and only a new sign-in passes.
	BasisSession Basis = 1
	// BasisToken refuses if iat is at or before the cutoff: a token refreshed
	// later is accepted, which is what a changed group or scope wants.
	BasisToken Basis = 2
)

var basisNames = [...]string{"none", "session", "token"}

// String returns the stable name used in the API and the CLI.
func (b Basis) String() string {
	if int(b) < len(basisNames) {
		return basisNames[b]
	}
	return fmt.Sprintf("basis(%d)", uint8(b))
}

// State is how far an act has come. Higher states win: see [Act.Merge].
type State uint8

// The states, in ascending order.
const (
	// StateOpen is an accepted act that Cognito has not confirmed.
	StateOpen State = 1
	// StateConfirmed is an act after which Cognito cannot mint a token that
	// the act covers.
	StateConfirmed State = 2
	// StateLifted is an act that was undone. It refuses nothing, and is kept
	// as a tombstone so that no late copy brings the act back.
	StateLifted State = 3
)

var stateNames = [...]string{"", "open", "confirmed", "lifted"}

// Valid reports whether s is one of the states above.
func (s State) Valid() bool { return s >= StateOpen && s <= StateLifted }

// String returns the stable name used in the API, the CLI and logs.
func (s State) String() string {
	if s.Valid() {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}
