package api

import (
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// representation is a revocation as the API shows it. Times are RFC 3339 in
// UTC, members that do not apply are absent.
type representation struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Pool string `json:"pool"`
	// Target is the value of the claim that the kind names; absent for a pool.
	Target        string `json:"target,omitempty"`
	ExceptSession string `json:"except_session,omitempty"`
	State         string `json:"state"`

	AcceptedAt    string `json:"accepted_at"`
	Basis         string `json:"basis,omitempty"`
	Cutoff        string `json:"cutoff,omitempty"`
	NotBefore     string `json:"not_before,omitempty"`
	ExpiresAt     string `json:"expires_at"`
	StandingUntil string `json:"standing_until,omitempty"`
	KeepUntil     string `json:"keep_until,omitempty"`

	Denied  *deniedLeg `json:"denied,omitempty"`
	Receipt *receipt   `json:"receipt,omitempty"`
	Cognito cognitoLeg `json:"cognito"`

	// Reason and Operator are for operators, not for viewers.
	Reason   string `json:"reason,omitempty"`
	Operator string `json:"operator,omitempty"`
	Lift     *lift  `json:"lift,omitempty"`
	Note     string `json:"note,omitempty"`
}

// lift tells of the undo.
type lift struct {
	At       string `json:"at"`
	Reason   string `json:"reason,omitempty"`
	Operator string `json:"operator,omitempty"`
}

type deniedLeg struct {
	Sequence uint64 `json:"sequence"`
	At       string `json:"at"`
}

type cognitoLeg struct {
	State    publisher.LegState `json:"state"`
	Attempts int                `json:"attempts,omitempty"`
	NextTry  string             `json:"next_try,omitempty"`
	Code     string             `json:"code,omitempty"`
	DoneAt   string             `json:"done_at,omitempty"`
}

// represent shows a revocation to a caller with the given role.
func represent(s publisher.Status, to Role) representation {
	r := representation{
		ID:            s.Act.ID.String(),
		Kind:          s.Act.Target.Kind.String(),
		Pool:          s.Act.Target.Pool,
		Target:        s.Act.Target.ID,
		ExceptSession: s.Act.Target.ExceptSession,
		State:         s.Act.State.String(),
		AcceptedAt:    moment(s.AcceptedAt),
		Cutoff:        second(s.Act.Cutoff),
		NotBefore:     second(s.NotBefore()),
		ExpiresAt:     second(s.Act.ExpiresAt),
		KeepUntil:     second(s.Floor),
		Cognito:       showLeg(s.Cognito),
		Note:          note(s),
	}
	if s.Act.Basis != revocation.BasisNone {
		r.Basis = s.Act.Basis.String()
	}
	if !s.Lift.At.IsZero() {
		r.Lift = &lift{At: moment(s.Lift.At)}
	}
	if to >= RoleOperator {
		r.Reason, r.Operator = s.Reason, s.Operator
		if r.Lift != nil {
			r.Lift.Reason, r.Lift.Operator = s.Lift.Reason, s.Lift.Operator
		}
	}
	if s.Cognito.State != publisher.LegPending { // else it is extended while pending
		r.StandingUntil = second(s.StandingUntil())
	}
	if s.Denied.Sequence != 0 {
		r.Denied = &deniedLeg{Sequence: s.Denied.Sequence, At: moment(s.Denied.At)}
	}
	return r
}

func showLeg(l publisher.Leg) cognitoLeg {
	return cognitoLeg{State: l.State, Attempts: l.Attempts, NextTry: moment(l.NextTry), Code: l.Code, DoneAt: moment(l.DoneAt)}
}

// note says what an operator could not guess from the members.
func note(s publisher.Status) string {
	switch {
	case s.Act.Target.Kind == revocation.KindUser && s.Cognito.State == publisher.LegPending:
		return "A sign-out that runs late also ends newer sessions at Cognito."
	case s.Act.Target.Kind == revocation.KindSession && s.Cognito.State == publisher.LegNotApplicable:
		return "Cognito cannot end a session that is known by its id only: it is denied until its last refresh token has expired."
	}
	return ""
}

// second formats Unix seconds; 0 is absent.
func second(unix int64) string {
	if unix == 0 {
		return ""
	}
	return moment(time.Unix(unix, 0))
}

// moment formats a time; zero is absent.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
