package audit

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// Outcome is how an operation ended. Its value is a stable name.
type Outcome string

// The outcomes.
const (
	// Intended: it is about to be done. An entry with the same request id says
	// how it ended; without one the process died in between.
	Intended Outcome = "intended"
	// Accepted: it was done.
	Accepted Outcome = "accepted"
	// Refused: the caller may not do it, or asked for nonsense. Nothing happened.
	Refused Outcome = "refused"
	// Failed: the service could not do it, or not all of it.
	Failed Outcome = "failed"
)

// Entry is one operation. The field tags are the format of the stream, of the
// API and of the export; members are added, never changed.
type Entry struct {
	// ID is random; copies of an entry share it.
	ID string `json:"id"`
	// Time is when the operation ended, by the replica's clock.
	Time time.Time `json:"time"`
	// Replica of the revoke service that was asked.
	Replica string `json:"replica"`
	// Actor is the id of an API key or the sub of a token; empty if nobody
	// was recognized. Role is what it may do.
	Actor string `json:"actor,omitempty"`
	Role  string `json:"role,omitempty"`
	// From is the address that the connection came from.
	From string `json:"from,omitempty"`
	// Request is the X-Request-Id of the request.
	Request string `json:"request,omitempty"`
	// Operation is a stable name such as "revoke".
	Operation string  `json:"operation"`
	Outcome   Outcome `json:"outcome"`
	// Problem is why it was refused or has failed: a stable name.
	Problem string `json:"problem,omitempty"`

	// Act, Kind, Pool and Target say what it was done to.
	Act    string `json:"act,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Pool   string `json:"pool,omitempty"`
	Target string `json:"target,omitempty"`
	// Reason is the operator's, as kept with the act.
	Reason string `json:"reason,omitempty"`
}

// maxField bounds each text of an entry, in bytes: what was refused may be of
// any length.
const maxField = 512

// encode returns the entry as it is stored.
func (e Entry) encode() ([]byte, error) {
	for _, s := range []*string{
		&e.Replica, &e.Actor, &e.Role, &e.From, &e.Request, &e.Operation, &e.Problem, &e.Act, &e.Kind, &e.Pool, &e.Target, &e.Reason,
	} {
		for len(*s) > maxField {
			_, size := utf8.DecodeLastRuneInString(*s)
			*s = (*s)[:len(*s)-size]
		}
	}
	e.Time = e.Time.UTC()
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("audit: encoding an entry: %w", err)
	}
	return b, nil
}
