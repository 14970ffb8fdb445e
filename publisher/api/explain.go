package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Examiner says what a validator finds about a token before it asks the
// denylist. Whether an API takes its app client and scopes, only that API
// knows.
type Examiner interface {
	// Examine verifies a token. The error wraps [ErrUnavailable].
	Examine(ctx context.Context, token string) (Examined, error)
	// ExamineClaims takes claims for verified.
	ExamineClaims(claims map[string]any) Examined
}

// Examined is a token, as far as it could be read.
type Examined struct {
	// Token is known only if Known is set: claims of a token that nobody of
	// ours has signed are worth nothing.
	Token revocation.Token
	Known bool
	// ID says that it is an ID token.
	ID bool
	// Fails are the checks that it fails, by the names that validators count
	// them by, such as "expired".
	Fails []string
}

// Denylist is the service's own. A *subscriber.Subscriber is one.
type Denylist interface {
	// Check returns nil, or an error that wraps [revocation.ErrRevoked] or
	// [revocation.ErrStale].
	Check(tok revocation.Token) error
	// Refusals returns the acts that refuse tok, all of them.
	Refusals(tok revocation.Token) []revocation.Act
}

// maxPassed bounds the acts that are looked at which may have been meant for a
// token and don't refuse it.
const maxPassed = 100

// The verdicts of an explanation.
const (
	verdictRevoked  = "revoked"  // at least one act refuses it
	verdictInvalid  = "invalid"  // a check before the denylist fails
	verdictUnproven = "unproven" // the denylist is stale
	verdictAccepted = "accepted"
)

// explanation says what nodes do with a token, and why.
type explanation struct {
	Verdict   string           `json:"verdict"`
	Claims    *explainedClaims `json:"claims,omitempty"`
	Fails     []string         `json:"fails"`
	RefusedBy []explainedAct   `json:"refused_by"`
	PassedBy  []explainedAct   `json:"passed_by"`
	Notes     []string         `json:"notes"`
}

// explainedClaims are those by which acts find a token, never the token.
type explainedClaims struct {
	Pool      string   `json:"pool"`
	Use       string   `json:"token_use,omitempty"`
	JTI       string   `json:"jti,omitempty"`
	OriginJTI string   `json:"origin_jti,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	DeviceKey string   `json:"device_key,omitempty"`
	Groups    []string `json:"groups,omitempty"`
	IssuedAt  string   `json:"issued_at,omitempty"`
	AuthTime  string   `json:"auth_time,omitempty"`
	ExpiresAt string   `json:"expires_at,omitempty"`
}

// explainedAct is an act that has to do with a token.
type explainedAct struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	State  string `json:"state"`
	Basis  string `json:"basis,omitempty"`
	Cutoff string `json:"cutoff,omitempty"`
	// Since is when it was accepted; absent if only the denylist knows it.
	Since string `json:"since,omitempty"`
	Until string `json:"until"`
	// Why it does not refuse the token, from a fixed set.
	Why string `json:"why,omitempty"`
	// Reason and Operator are for operators, not for viewers.
	Reason   string `json:"reason,omitempty"`
	Operator string `json:"operator,omitempty"`
}

// explain serves POST /v1/explain.
func (a *admin) explain(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), maxWork)
	defer cancel()
	e, err := a.carryOutExplain(ctx, w, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	writeJSON(w, "application/json", http.StatusOK, e)
}

func (a *admin) carryOutExplain(ctx context.Context, w http.ResponseWriter, r *http.Request) (explanation, error) {
	body, err := readJSON(w, r)
	if err != nil {
		return explanation{}, err
	}
	ex, err := a.examine(ctx, body)
	if err != nil {
		return explanation{}, err
	}
	e := explanation{
		Verdict: verdictAccepted, Fails: append([]string{}, ex.Fails...),
		RefusedBy: []explainedAct{}, PassedBy: []explainedAct{}, Notes: []string{},
	}
	if len(e.Fails) > 0 {
		e.Verdict = verdictInvalid
	}
	if !ex.Known {
		e.Notes = append(e.Notes, "The claims can't be trusted, so no revocation was looked for.")
		return e, nil
	}
	e.Claims = claimsOf(ex)
	e.Notes = append(e.Notes, notesOn(ex)...)
	if err := a.explainActs(ctx, &e, ex.Token, callerOf(r).role); err != nil {
		return explanation{}, err
	}
	switch check := a.cfg.Denylist.Check(ex.Token); {
	case len(e.RefusedBy) > 0:
		e.Verdict = verdictRevoked
	case check != nil && e.Verdict == verdictAccepted:
		e.Verdict = verdictUnproven
		e.Notes = append(e.Notes, "The service's own denylist is stale: a revocation that it has not seen may refuse the token.")
	}
	return e, nil
}

// examine reads the body: a token, or the claims of one.
func (a *admin) examine(ctx context.Context, body []byte) (Examined, error) {
	members, broken := readMembers(body, []string{"token", "claims"})
	switch {
	case broken != nil:
		return Examined{}, broken
	case len(members) != 1:
		return Examined{}, unprocessable(ProblemInvalidField, "token", "Give either token or claims.")
	}
	if text, given := members["claims"]; given {
		claims := make(map[string]any)
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&claims); err != nil || claims == nil {
			return Examined{}, malformed("claims", "The member is not a JSON object.")
		}
		return a.cfg.Examiner.ExamineClaims(claims), nil
	}
	token, broken := textOf(members, "token")
	if broken != nil {
		return Examined{}, broken
	}
	if detail := wrongText(token); detail != "" {
		return Examined{}, unprocessable(ProblemInvalidField, "token", detail)
	}
	return a.cfg.Examiner.Examine(ctx, token)
}

// explainActs fills in the acts that refuse the token, and those that name
// something of it and don't.
func (a *admin) explainActs(ctx context.Context, e *explanation, tok revocation.Token, to Role) error {
	known, err := a.cfg.Revoker.List(ctx, publisher.Query{Pool: tok.Pool, IDs: idsOf(tok), Limit: maxPassed})
	if err != nil {
		return err
	}
	refusing := make(map[revocation.ActID]bool)
	for _, act := range a.cfg.Denylist.Refusals(tok) {
		refusing[act.ID] = true
		s := publisher.Status{Act: act}
		if i := slices.IndexFunc(known, func(k publisher.Status) bool { return k.Act.ID == act.ID }); i >= 0 {
			s = known[i]
		} else if found, err := a.cfg.Revoker.Get(ctx, act.ID); err == nil {
			s = found
		} else if !errors.Is(err, publisher.ErrNotFound) {
			return err
		}
		s.Act = act // what is in force, not what is known of it elsewhere
		e.RefusedBy = append(e.RefusedBy, explainAct(s, to, ""))
	}
	now := time.Now().Unix()
	for _, s := range known {
		if why := whyNot(s.Act, tok, now); why != "" && !refusing[s.Act.ID] {
			e.PassedBy = append(e.PassedBy, explainAct(s, to, why))
		}
	}
	return nil
}

func explainAct(s publisher.Status, to Role, why string) explainedAct {
	shown := represent(s, to)
	return explainedAct{
		ID: shown.ID, Kind: shown.Kind, State: shown.State, Basis: shown.Basis, Cutoff: shown.Cutoff,
		Since: shown.AcceptedAt, Until: shown.ExpiresAt, Why: why, Reason: shown.Reason, Operator: shown.Operator,
	}
}

// idsOf are the ids by which acts can name the token; "" is that of its pool.
func idsOf(tok revocation.Token) []string {
	ids := []string{""}
	for _, id := range append([]string{tok.JTI, tok.OriginJTI, tok.Subject, tok.ClientID, tok.DeviceKey}, tok.Groups...) {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// whyNot says why an act that is on a token does not refuse it; "" if the act
// is not on the token at all.
func whyNot(act revocation.Act, tok revocation.Token, now int64) string {
	names := act
	names.State, names.Target.ExceptSession = revocation.StateOpen, ""
	if names.Target.Kind.HasCutoff() {
		names.Basis, names.Cutoff = revocation.BasisToken, max(tok.IssuedAt, 1)
	}
	excepted := act
	excepted.State, excepted.Target.ExceptSession = revocation.StateOpen, ""
	switch {
	case !names.Refuses(tok):
		return ""
	case act.State == revocation.StateLifted:
		return "lifted"
	case act.Expired(now):
		return "ended"
	case act.Refuses(tok):
		return "not_in_force_here" // the service's denylist lags behind
	case excepted.Refuses(tok):
		return "session_excepted"
	case act.Basis == revocation.BasisSession:
		return "signed_in_later"
	}
	return "issued_later"
}

func claimsOf(ex Examined) *explainedClaims {
	tok := ex.Token
	c := &explainedClaims{
		Pool: tok.Pool, Use: "access", JTI: tok.JTI, OriginJTI: tok.OriginJTI, Subject: tok.Subject,
		ClientID: tok.ClientID, DeviceKey: tok.DeviceKey, Groups: tok.Groups,
		IssuedAt: second(tok.IssuedAt), AuthTime: second(tok.AuthTime), ExpiresAt: second(tok.ExpiresAt),
	}
	if ex.ID {
		c.Use = "id"
	}
	return c
}

// notesOn says which kinds of revocation can't reach a token.
func notesOn(ex Examined) []string {
	var notes []string
	if ex.Token.JTI == "" {
		notes = append(notes, "The token has no jti: it can't be revoked by itself.")
	}
	if ex.Token.OriginJTI == "" {
		notes = append(notes, "The token has no origin_jti: no revocation of a session refuses it. Is token revocation on for the app client?")
	}
	if ex.ID {
		notes = append(notes, "It is an ID token, which has no device_key: no revocation of a device refuses it.")
	}
	return notes
}
