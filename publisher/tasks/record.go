package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// recordFormat is the version of the format below. A replica leaves tasks of a
// later one alone: rewriting them, it would drop what it does not know.
const recordFormat = 1

// record is a task as it is stored. What is left out is zero.
type record struct {
	Format int `json:"format"`
	// Act is a message with the newest copy, in the wire format.
	Act        []byte        `json:"act"`
	AcceptedAt time.Time     `json:"accepted_at"`
	Sequence   uint64        `json:"sequence,omitempty"`
	DeniedAt   time.Time     `json:"denied_at,omitzero"`
	Cognito    recordLeg     `json:"cognito"`
	Reason     string        `json:"reason,omitempty"`
	Operator   string        `json:"operator,omitempty"`
	Floor      int64         `json:"floor,omitempty"`
	Lift       recordLift    `json:"lift,omitzero"`
	Once       *recordOnce   `json:"once,omitempty"`
	KeepUntil  int64         `json:"keep_until"`
	Due        time.Time     `json:"due,omitzero"`
	Trace      string        `json:"trace,omitempty"`
	Grant      *sealedRecord `json:"grant,omitempty"`
	// Owner is the replica that stored this version, and has the first turn.
	Owner string `json:"owner"`
	// Put tells the attempts of one Put, which are equal, from those of others.
	Put string `json:"put"`
}

type recordLeg struct {
	State    publisher.LegState `json:"state"`
	Attempts int                `json:"attempts,omitempty"`
	NextTry  time.Time          `json:"next_try,omitzero"`
	Code     string             `json:"code,omitempty"`
	DoneAt   time.Time          `json:"done_at,omitzero"`
}

type recordLift struct {
	At       time.Time `json:"at,omitzero"`
	Reason   string    `json:"reason,omitempty"`
	Operator string    `json:"operator,omitempty"`
}

// recordOnce has two hashes.
type recordOnce struct {
	Key     []byte `json:"key"`
	Request []byte `json:"request"`
}

// sealedRecord is a grant with its tokens sealed.
type sealedRecord struct {
	Client string `json:"client"`
	Key    string `json:"key"`
	Tokens []byte `json:"tokens"`
}

// tokens is what is sealed.
type tokens struct {
	Refresh string `json:"refresh"`
	Access  string `json:"access,omitempty"`
	Fresh   bool   `json:"fresh,omitempty"`
}

// newRecord is the task as this replica stores it. kept is the sealed grant of
// the version before, for a task whose grant this replica can't open.
func newRecord(t publisher.Task, keys Keys, kept *sealedRecord) (record, error) {
	r := record{
		Format:     recordFormat,
		Act:        revocation.Message{Acts: []revocation.Act{t.Act}}.Encode(),
		AcceptedAt: t.AcceptedAt,
		Sequence:   t.Denied.Sequence,
		DeniedAt:   t.Denied.At,
		Cognito:    recordLeg(t.Cognito),
		Reason:     t.Reason,
		Operator:   t.Operator,
		Floor:      t.Floor,
		Lift:       recordLift(t.Lift),
		KeepUntil:  t.KeepUntil,
		Due:        t.Due,
		Trace:      t.Trace,
	}
	if !t.Once.IsZero() {
		r.Once = &recordOnce{Key: t.Once.Key[:], Request: t.Once.Request[:]}
	}
	switch {
	case t.Grant.Sealed:
		if kept == nil {
			return record{}, fmt.Errorf("tasks: task %s has lost its sealed grant", t.Act.ID)
		}
		r.Grant = kept
	case t.Grant != publisher.Grant{}:
		text, err := json.Marshal(tokens{t.Grant.RefreshToken, t.Grant.AccessToken, t.Grant.Fresh})
		if err != nil {
			return record{}, errors.New("tasks: a grant can't be encoded") // err may show it
		}
		r.Grant = &sealedRecord{Client: t.Grant.ClientID}
		r.Grant.Key, r.Grant.Tokens = keys.seal(bindingOf(t.Act, t.Grant.ClientID), text)
	}
	return r, nil
}

func bindingOf(a revocation.Act, client string) binding {
	return binding{act: a.ID, pool: a.Target.Pool, client: client}
}

// decodeRecord reads a stored task, but not what is sealed.
func decodeRecord(text []byte) (record, revocation.Act, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, revocation.Act{}, errors.New("tasks: a stored task is not a JSON object")
	}
	if r.Format != recordFormat {
		return record{}, revocation.Act{}, fmt.Errorf("tasks: a stored task has the format %d, and this version reads %d", r.Format, recordFormat)
	}
	m, err := revocation.Decode(r.Act)
	switch {
	case err != nil:
		return record{}, revocation.Act{}, fmt.Errorf("tasks: a stored task: %w", err)
	case len(m.Acts) != 1 || len(m.Unread) != 0:
		return record{}, revocation.Act{}, errors.New("tasks: a stored task has an act that this version can't read")
	}
	return r, m.Acts[0], nil
}

// task returns the task of a record, opening what is sealed if it can.
func (r record) task(a revocation.Act, version uint64, keys Keys) publisher.Task {
	t := publisher.Task{
		Status: publisher.Status{
			Act:        a,
			AcceptedAt: r.AcceptedAt,
			Denied:     publisher.Denied{Sequence: r.Sequence, At: r.DeniedAt},
			Cognito:    publisher.Leg(r.Cognito),
			Reason:     r.Reason,
			Operator:   r.Operator,
			Floor:      r.Floor,
			Lift:       publisher.Lift(r.Lift),
		},
		KeepUntil: r.KeepUntil,
		Due:       r.Due,
		Trace:     r.Trace,
		Version:   version,
	}
	if r.Once != nil {
		copy(t.Once.Key[:], r.Once.Key)
		copy(t.Once.Request[:], r.Once.Request)
	}
	if r.Grant == nil {
		return t
	}
	t.Grant = publisher.Grant{ClientID: r.Grant.Client, Sealed: true}
	text, err := keys.open(bindingOf(a, r.Grant.Client), r.Grant.Key, r.Grant.Tokens)
	if err != nil {
		return t
	}
	var opened tokens
	if err := json.Unmarshal(text, &opened); err != nil {
		return t
	}
	t.Grant = publisher.Grant{
		ClientID: r.Grant.Client, RefreshToken: opened.Refresh, AccessToken: opened.Access, Fresh: opened.Fresh,
	}
	return t
}
