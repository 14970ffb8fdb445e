package revocation

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ActID identifies one act. It is random and carries no meaning.
type ActID [16]byte

// NewActID returns a fresh id from the operating system's random source.
func NewActID() ActID {
	var id ActID
	rand.Read(id[:]) // crypto/rand.Read never returns an error (Go 1.24)
	return id
}

var errActID = errors.New("revocation: act id is not 32 lower-case hexadecimal digits")

// ParseActID reads the 32 hexadecimal digits that [ActID.String] writes. The
// error does not repeat s, which may be a token that was pasted by mistake.
func ParseActID(s string) (ActID, error) {
	var id ActID
	if len(s) != 2*len(id) || strings.ToLower(s) != s {
		return ActID{}, errActID
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ActID{}, errActID
	}
	return id, nil
}

// IsZero reports whether id is the zero value, which is never the id of an act.
func (id ActID) IsZero() bool { return id == ActID{} }

// String returns id as 32 lower-case hexadecimal digits.
func (id ActID) String() string { return hex.EncodeToString(id[:]) }

// Target is what an act refuses.
type Target struct {
	Kind Kind
	// Pool is the user pool id ("eu-west-1_AbC123") that scopes the target.
	Pool string
	// ID is the value of the claim that Kind names, compared byte for byte.
	// It is empty for [KindPool] only.
	ID string
	// ExceptSession is the origin_jti of a session that the act spares:
	// "sign out everywhere else". Only for [KindUser]; else empty.
	ExceptSession string
}

// Act is one copy of an accepted revocation of one target. All copies of an
// act carry the same ID, Target, Basis and Cutoff; State and ExpiresAt differ
// and are merged by [Act.Merge].
type Act struct {
	ID     ActID
	State  State
	Target Target
	// Basis says what Cutoff is compared with; [BasisNone] if the kind has no
	// cutoff.
	Basis Basis
	// Cutoff is in Unix seconds of Cognito's clock, inclusive: iat counts
	// whole seconds, so a token issued within the second of the cutoff is
	// refused.
	Cutoff int64
	// ExpiresAt is the Unix second, without leeway, after which no token that
	// the act covers can exist. From ExpiresAt + [MaxLeeway] on the act
	// refuses nothing and may be forgotten.
	ExpiresAt int64
}

// Merge returns the join of two copies of one act: the higher state wins, and
// within one state the larger expiry. The rest of an act never changes; the
// receiver's is kept. Merge is commutative, associative and idempotent in
// (State, ExpiresAt). A confirmed copy may end before an open one that it
// hides: whoever keeps a lifted act as a tombstone must remember the latest
// expiry of any copy beside the merge.
func (a Act) Merge(b Act) Act {
	if b.State > a.State || b.State == a.State && b.ExpiresAt > a.ExpiresAt {
		a.State, a.ExpiresAt = b.State, b.ExpiresAt
	}
	return a
}

// Expired reports whether the act has ended at now (Unix seconds): no token
// that it covers can be accepted any more, by a validator whose skew is within
// [MaxLeeway].
func (a Act) Expired(now int64) bool {
	return now >= a.ExpiresAt+int64(MaxLeeway/time.Second)
}

// Refuses reports whether the act, if not expired, refuses tok. It is the
// specification that every index over acts must agree with.
func (a Act) Refuses(tok Token) bool {
	return a.State != StateLifted && a.Target.Pool == tok.Pool && a.matches(tok) && a.cuts(tok)
}

// matches reports whether tok carries the claim value that the target names.
// An empty claim matches nothing.
func (a Act) matches(tok Token) bool {
	id := a.Target.ID
	switch a.Target.Kind {
	case KindToken:
		return id != "" && id == tok.JTI
	case KindSession:
		return id != "" && id == tok.OriginJTI
	case KindUser:
		return id != "" && id == tok.Subject && !a.Target.spares(tok)
	case KindClient:
		return id != "" && id == tok.ClientID
	case KindGroup:
		for _, g := range tok.Groups {
			if id != "" && id == g {
				return true
			}
		}
	case KindDevice:
		return id != "" && id == tok.DeviceKey
	case KindPool:
		return true
	}
	return false
}

// spares reports whether tok belongs to the session that the target excepts.
func (t Target) spares(tok Token) bool {
	return t.ExceptSession != "" && t.ExceptSession == tok.OriginJTI
}

// cuts applies the cutoff, inclusively. A token with neither time is refused:
// nothing proves that it was issued later.
func (a Act) cuts(tok Token) bool {
	if !a.Target.Kind.HasCutoff() {
		return true
	}
	return Cuts(a.Basis, a.Cutoff, tok)
}

// Cuts reports whether a cutoff (Unix seconds, inclusive) on the given basis
// refuses a token with tok's times. Indexes over acts use it so that the rule
// stands once.
func Cuts(basis Basis, cutoff int64, tok Token) bool {
	if tok.IssuedAt == 0 && (basis == BasisToken || tok.AuthTime == 0) {
		return true
	}
	if tok.IssuedAt != 0 && tok.IssuedAt <= cutoff {
		return true
	}
	return basis == BasisSession && tok.AuthTime != 0 && tok.AuthTime <= cutoff
}

// Validate returns an error that names the first field that no act may have.
func (a Act) Validate() error {
	switch {
	case a.ID.IsZero():
		return fmt.Errorf("revocation: act without id")
	case !a.State.Valid():
		return fmt.Errorf("revocation: act %s: unknown state %d", a.ID, a.State)
	case a.ExpiresAt <= 0 || a.ExpiresAt >= maxSeconds:
		return fmt.Errorf("revocation: act %s: expiry %d is not a time in Unix seconds", a.ID, a.ExpiresAt)
	}
	if err := a.Target.Validate(); err != nil {
		return fmt.Errorf("revocation: act %s: %w", a.ID, err)
	}
	return a.validateCutoff()
}

func (a Act) validateCutoff() error {
	if !a.Target.Kind.HasCutoff() {
		if a.Basis != BasisNone || a.Cutoff != 0 {
			return fmt.Errorf("revocation: act %s: kind %s has no cutoff", a.ID, a.Target.Kind)
		}
		return nil
	}
	switch {
	case a.Basis != BasisSession && a.Basis != BasisToken:
		return fmt.Errorf("revocation: act %s: unknown basis %d", a.ID, a.Basis)
	case a.Target.Kind == KindUser && a.Basis != BasisSession:
		return fmt.Errorf("revocation: act %s: kind user takes the session basis only", a.ID)
	case a.Cutoff <= 0 || a.Cutoff >= maxSeconds:
		return fmt.Errorf("revocation: act %s: cutoff %d is not a time in Unix seconds", a.ID, a.Cutoff)
	}
	return nil
}

// Validate returns an error that names the first field that no target may have.
func (t Target) Validate() error {
	if !t.Kind.Valid() {
		return fmt.Errorf("unknown kind %d", t.Kind)
	}
	if err := validateID("pool", t.Pool); err != nil {
		return err
	}
	if t.Kind == KindPool {
		if t.ID != "" {
			return fmt.Errorf("kind pool takes no id beside the pool")
		}
	} else if err := validateID("id", t.ID); err != nil {
		return err
	}
	if t.ExceptSession == "" {
		return nil
	}
	if t.Kind != KindUser {
		return fmt.Errorf("except_session goes with kind user only, not %s", t.Kind)
	}
	return validateID("except_session", t.ExceptSession)
}

// validateID checks an opaque id. Control characters are refused because no
// claim of Cognito's has them and logs and terminals would show them.
func validateID(field, id string) error {
	if id == "" {
		return fmt.Errorf("%s is empty", field)
	}
	if len(id) > MaxIDLength {
		return fmt.Errorf("%s is %d bytes long, more than %d", field, len(id), MaxIDLength)
	}
	if !utf8.ValidString(id) {
		return fmt.Errorf("%s is not UTF-8", field)
	}
	for i, r := range id {
		if unicode.IsControl(r) { // C1 too: terminals obey U+009B
			return fmt.Errorf("%s has a control character at byte %d", field, i)
		}
	}
	return nil
}

// Witness returns a token at the limits of the act: an act that is in force
// refuses it, and for a cutoff no later token is refused.
func (a Act) Witness() Token {
	tok := Token{Pool: a.Target.Pool}
	switch a.Target.Kind {
	case KindToken:
		tok.JTI = a.Target.ID
	case KindSession:
		tok.OriginJTI = a.Target.ID
	case KindUser:
		tok.Subject = a.Target.ID
	case KindClient:
		tok.ClientID = a.Target.ID
	case KindGroup:
		tok.Groups = []string{a.Target.ID}
	case KindDevice:
		tok.DeviceKey = a.Target.ID
	}
	if a.Target.Kind.HasCutoff() {
		tok.IssuedAt, tok.AuthTime = a.Cutoff, a.Cutoff
	}
	return tok
}
