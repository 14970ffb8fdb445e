package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Request names what to revoke: ID or Token, not both.
type Request struct {
	// Kind is "token", "session", "user", "client", "group", "device" or "pool".
	Kind string `json:"kind"`
	// Pool is the user pool id; it may be empty if the service has one pool.
	Pool string `json:"pool,omitempty"`
	// ID is the jti, origin_jti, sub and so on, as Kind says; empty for a pool.
	ID string `json:"id,omitempty"`
	// Token is an access or ID token whose claims name the target and pool.
	// The service verifies its signature; it may have expired.
	Token string `json:"token,omitempty"`
	// Basis is "session" or "token" for kinds that have a choice; empty leaves
	// it to the service.
	Basis string `json:"basis,omitempty"`
	// ExceptSession is the origin_jti of a session to spare, for a user.
	ExceptSession string `json:"except_session,omitempty"`
	// Cutoff is the last second whose tokens are refused; zero is now.
	Cutoff time.Time `json:"cutoff,omitzero"`
	// KeepUntil is when the revocation ends at the earliest; zero leaves it to
	// the service.
	KeepUntil time.Time `json:"keep_until,omitzero"`
	// ExpiresAt is the exp of the token that ID names; zero if unknown. Only
	// with kind "token" and without Token.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Cognito is "skip" if Cognito has been told already, else empty.
	Cognito string `json:"cognito,omitempty"`
	// Wait is for which nodes the answer waits: "all", "majority", a number;
	// empty for none. WaitTimeout bounds that, as a Go duration; empty leaves
	// it to the service.
	Wait        string `json:"wait,omitempty"`
	WaitTimeout string `json:"wait_timeout,omitempty"`
	// Reason is kept with the revocation and shown to operators.
	Reason string `json:"reason,omitempty"`
	// Once is the Idempotency-Key; it may be empty.
	Once string `json:"-"`
}

// Query selects revocations. Empty fields select all.
type Query struct {
	Kind, Pool, ID, State string
	// After is the Next of the page before.
	After string
	// Limit is the size of a page; 0 leaves it to the service.
	Limit int
}

// Page is a part of a list.
type Page struct {
	Revocations []Revocation `json:"revocations"`
	// Next asks for the next page; empty on the last.
	Next string `json:"next,omitempty"`
}

// LineResult is the result of one line of a batch: a revocation or a problem.
type LineResult struct {
	Line       int         `json:"line"`
	Status     int         `json:"status"`
	Revocation *Revocation `json:"revocation"`
	Problem    *Problem    `json:"problem"`
	// Raw is what the service sent. It must not be modified.
	Raw json.RawMessage `json:"-"`
}

// ExplainRequest asks about a token, or the claims of one.
type ExplainRequest struct {
	Token  string          `json:"token,omitempty"`
	Claims json.RawMessage `json:"claims,omitempty"`
}

// Explanation says what nodes do with a token, and why.
type Explanation struct {
	// Verdict is "revoked", "invalid", "unproven" or "accepted".
	Verdict   string         `json:"verdict"`
	Claims    map[string]any `json:"claims"`
	Fails     []string       `json:"fails"`
	RefusedBy []ExplainedAct `json:"refused_by"`
	PassedBy  []ExplainedAct `json:"passed_by"`
	Notes     []string       `json:"notes"`
	// Raw is what the service sent. It must not be modified.
	Raw json.RawMessage `json:"-"`
}

// ExplainedAct is a revocation that has to do with a token. Why is set if it
// does not refuse it.
type ExplainedAct struct {
	ID, Kind, State, Basis string
	Cutoff, Since, Until   Time
	Why, Reason, Operator  string
}

// Revocation is one accepted revocation as the service describes it. Fields
// that the service left out are zero.
type Revocation struct {
	// ID is 32 hexadecimal digits.
	ID string `json:"id"`
	// Kind, Pool and Target say what is refused.
	Kind          string `json:"kind"`
	Pool          string `json:"pool"`
	Target        string `json:"target"`
	ExceptSession string `json:"except_session"`
	// Basis is "session" or "token" for kinds with a cutoff.
	Basis string `json:"basis"`
	// State is "open", "confirmed" (Cognito will mint no more such tokens) or
	// "lifted" (undone).
	State      string `json:"state"`
	AcceptedAt Time   `json:"accepted_at"`
	// Cutoff is the last second whose tokens are refused, for kinds that have one.
	Cutoff Time `json:"cutoff"`
	// NotBefore is when a new sign-in is accepted again, for the same kinds.
	NotBefore Time `json:"not_before"`
	ExpiresAt Time `json:"expires_at"`
	// StandingUntil is when a revocation ends that Cognito has not confirmed.
	StandingUntil Time `json:"standing_until"`
	// KeepUntil is the caller's own end.
	KeepUntil Time `json:"keep_until"`
	// Lift tells of the undo; nil if there was none.
	Lift *Lift `json:"lift"`
	// Denied says where the revocation is in the stream that every node
	// follows; zero as long as it is not there.
	Denied Denied `json:"denied"`
	// Cognito says how far Cognito has been told.
	Cognito Leg `json:"cognito"`
	// Receipt says which nodes enforce it; nil unless that was asked for.
	Receipt *Receipt `json:"receipt"`
	// Reason and Operator as recorded with the request; Note is the service's.
	Reason   string `json:"reason"`
	Operator string `json:"operator"`
	Note     string `json:"note"`

	// Waiting says that the service accepted the revocation (202) without
	// claiming that it is enforced. Only [Client.Revoke] sets it.
	Waiting bool `json:"-"`
	// Raw is what the service sent, with fields that this version does not
	// know. It must not be modified.
	Raw json.RawMessage `json:"-"`
}

// Lift says when, by whom and why a revocation was undone.
type Lift struct {
	At       Time   `json:"at"`
	Operator string `json:"operator"`
	Reason   string `json:"reason"`
}

// Denied is the leg to the nodes.
type Denied struct {
	Sequence uint64 `json:"sequence"`
	At       Time   `json:"at"`
}

// Leg is the leg to Cognito.
type Leg struct {
	// State is "done", "pending", "failed" or "not_applicable".
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	NextTry  Time   `json:"next_try"`
	// Code is the error code of the newest failure.
	Code   string `json:"code"`
	DoneAt Time   `json:"done_at"`
}

// UnmarshalJSON reads the fields that are known and keeps all.
func (r *Revocation) UnmarshalJSON(data []byte) error {
	type fields Revocation // without this method
	var f fields
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	*r = Revocation(f)
	r.Raw = bytes.Clone(data)
	return nil
}

// MarshalJSON returns Raw: what is printed is what the service sent.
func (r Revocation) MarshalJSON() ([]byte, error) {
	if r.Raw == nil {
		return []byte("null"), nil
	}
	return r.Raw, nil
}

// Time is a time of the service. It reads RFC 3339 strings and Unix seconds;
// null and the empty string are zero.
type Time struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Time) UnmarshalJSON(data []byte) error {
	*t = Time{}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return err
	}
	switch v := value.(type) {
	case nil:
		return nil
	case float64:
		// Beyond the year 9999 it is not seconds.
		if v != math.Trunc(v) || v < 0 || v > 253402300799 {
			return fmt.Errorf("client: %v is not a time in Unix seconds", v)
		}
		t.Time = time.Unix(int64(v), 0).UTC()
		return nil
	case string:
		if v == "" {
			return nil
		}
		parsed, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return fmt.Errorf("client: %q is not a time of RFC 3339", v)
		}
		t.Time = parsed.UTC()
		return nil
	default:
		return fmt.Errorf("client: %s is not a time", data)
	}
}

// String formats t as RFC 3339 in UTC with whole seconds; zero is empty.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
