package revocation

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// WireVersion is the highest version of the format that this code reads and
// the one that it writes.
const WireVersion = 1

// Message is the payload of one message on the stream or the fast path; the
// format is revocation.proto. Exactly the parts that are set are encoded.
type Message struct {
	// SentAt is when the sender sent this copy, in whole milliseconds of its
	// clock. It serves measurements and the age limit of fast copies.
	SentAt time.Time
	Acts   []Act
	// Beat is set in messages by which a replica of the revoke service shows
	// that it lives.
	Beat *Beat
	// Tick is set in the messages of the server's own scheduler.
	Tick bool
	// Epoch names the stream's history, in ticks only: it is minted when the
	// stream is provisioned.
	Epoch string
	// Unread lists what [Decode] found but cannot read. It is never encoded.
	Unread []Unread
}

// Beat is what a replica of the revoke service says of itself.
type Beat struct {
	ServiceID string // the replica
	Epoch     string // of the stream, minted when it was provisioned
	Version   uint32 // highest format version that the replica writes
	// Accepted is the newest acceptance of a changed history that the replica
	// knows of; zero if it knows of none.
	Accepted Acceptance
}

// Acceptance is an operator's word that the history which a stream has now is
// the one that is meant, although it is not what nodes have followed: after a
// store was restored or made anew on purpose. It counts for nodes whose newest
// message of the lost history is older than At, and for this epoch only.
type Acceptance struct {
	Epoch string
	At    time.Time // whole milliseconds
}

// Unread is an act in a message that this version of the code cannot read.
// Until ExpiresAt + [MaxLeeway] a view without it is incomplete.
type Unread struct {
	ID        ActID  // zero if not even the id could be read
	Kind      Kind   // as on the wire; may be unknown
	Version   uint32 // as on the wire
	ExpiresAt int64  // Unix seconds; 0 if unknown: incomplete until replayed without it
	Err       error  // why; wraps [ErrWire]
}

// ErrWire is wrapped by the errors of [Decode].
var ErrWire = errors.New("revocation: malformed message")

// Field numbers of revocation.proto.
const (
	fieldSentAt protowire.Number = 1
	fieldActs   protowire.Number = 2
	fieldBeat   protowire.Number = 3
	fieldTick   protowire.Number = 4

	fieldActVersion   protowire.Number = 1
	fieldActID        protowire.Number = 2
	fieldActKind      protowire.Number = 3
	fieldActState     protowire.Number = 4
	fieldActExpiresAt protowire.Number = 5
	fieldActPool      protowire.Number = 6
	fieldActTarget    protowire.Number = 7
	fieldActExcept    protowire.Number = 8
	fieldActBasis     protowire.Number = 9
	fieldActCutoff    protowire.Number = 10

	fieldBeatService  protowire.Number = 1
	fieldBeatEpoch    protowire.Number = 2
	fieldBeatVersion  protowire.Number = 3
	fieldBeatAccepted protowire.Number = 4

	fieldTickEpoch protowire.Number = 1

	fieldAcceptanceEpoch protowire.Number = 1
	fieldAcceptanceAt    protowire.Number = 2
)

// Encode returns the wire form of m. The acts must be valid (see
// [Act.Validate]); the caller owns the result.
func (m Message) Encode() []byte {
	var b []byte
	if !m.SentAt.IsZero() {
		b = appendVarint(b, fieldSentAt, uint64(m.SentAt.UnixMilli()))
	}
	for _, a := range m.Acts {
		b = appendBytes(b, fieldActs, a.encode())
	}
	if m.Beat != nil {
		b = protowire.AppendTag(b, fieldBeat, protowire.BytesType)
		b = protowire.AppendBytes(b, m.Beat.encode())
	}
	if m.Tick {
		b = protowire.AppendTag(b, fieldTick, protowire.BytesType)
		b = protowire.AppendBytes(b, appendBytes(nil, fieldTickEpoch, []byte(m.Epoch)))
	}
	return b
}

func (a Act) encode() []byte {
	var b []byte
	b = appendBytes(b, fieldActID, a.ID[:])
	b = appendVarint(b, fieldActKind, uint64(a.Target.Kind))
	b = appendVarint(b, fieldActState, uint64(a.State))
	b = appendVarint(b, fieldActExpiresAt, uint64(a.ExpiresAt))
	b = appendBytes(b, fieldActPool, []byte(a.Target.Pool))
	b = appendBytes(b, fieldActTarget, []byte(a.Target.ID))
	b = appendBytes(b, fieldActExcept, []byte(a.Target.ExceptSession))
	b = appendVarint(b, fieldActBasis, uint64(a.Basis))
	return appendVarint(b, fieldActCutoff, uint64(a.Cutoff))
}

func (beat Beat) encode() []byte {
	var b []byte
	b = appendBytes(b, fieldBeatService, []byte(beat.ServiceID))
	b = appendBytes(b, fieldBeatEpoch, []byte(beat.Epoch))
	b = appendVarint(b, fieldBeatVersion, uint64(beat.Version))
	return appendBytes(b, fieldBeatAccepted, beat.Accepted.encode())
}

func (a Acceptance) encode() []byte {
	b := appendBytes(nil, fieldAcceptanceEpoch, []byte(a.Epoch))
	if a.At.IsZero() {
		return b
	}
	return appendVarint(b, fieldAcceptanceAt, uint64(a.At.UnixMilli()))
}

// appendVarint and appendBytes leave out zero values, as proto3 does.
func appendVarint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}

// Decode reads the payload of one message. It never panics, whatever the
// bytes, and keeps no reference to b.
//
// An act that it cannot read (a kind, state or version of later days, or a
// field that no act may have) is listed in Unread and does not hide the
// others. The error wraps [ErrWire] and means that the message as a whole is
// not readable; the result is then zero.
func Decode(b []byte) (Message, error) {
	var m Message
	if len(b) == 0 {
		return Message{}, fmt.Errorf("%w: empty", ErrWire)
	}
	err := fields(b, func(num protowire.Number, f field) error {
		switch num {
		case fieldSentAt:
			var err error
			m.SentAt, err = f.millis()
			return err
		case fieldActs:
			raw, err := f.bytes()
			if err != nil {
				return err
			}
			a, unread := decodeAct(raw)
			if unread != nil {
				m.Unread = append(m.Unread, *unread)
			} else {
				m.Acts = append(m.Acts, a)
			}
		case fieldBeat:
			raw, err := f.bytes()
			if err != nil {
				return err
			}
			m.Beat, err = decodeBeat(raw)
			return err
		case fieldTick:
			raw, err := f.bytes()
			if err != nil {
				return err
			}
			m.Tick = true
			m.Epoch, err = decodeTick(raw)
			return err
		}
		return nil
	})
	if err != nil {
		return Message{}, err
	}
	return m, nil
}

// decodeAct returns the act, or what is known of one that cannot be read. It
// reads on after a field of the wrong form, because a later version may give
// fields 6 and up another form and write them in any order: its expiry must be
// found all the same.
func decodeAct(b []byte) (Act, *Unread) {
	var a Act
	version := uint64(1)
	basis, state := uint64(0), uint64(0)
	kind := uint64(0)
	var malformed error // the first field of the wrong form
	err := fields(b, func(num protowire.Number, f field) error {
		var err error
		switch num {
		case fieldActVersion:
			version, err = f.varint()
		case fieldActID:
			err = f.id(&a.ID)
		case fieldActKind:
			kind, err = f.varint()
		case fieldActState:
			state, err = f.varint()
		case fieldActExpiresAt:
			a.ExpiresAt, err = f.seconds()
		case fieldActPool:
			a.Target.Pool, err = f.text()
		case fieldActTarget:
			a.Target.ID, err = f.text()
		case fieldActExcept:
			a.Target.ExceptSession, err = f.text()
		case fieldActBasis:
			basis, err = f.varint()
		case fieldActCutoff:
			a.Cutoff, err = f.seconds()
		}
		if malformed == nil {
			malformed = err
		}
		return nil
	})
	a.Target.Kind, a.State, a.Basis = Kind(min(kind, 255)), State(min(state, 255)), Basis(min(basis, 255))
	if err == nil && version > WireVersion {
		err = fmt.Errorf("%w: act of version %d, newest known is %d", ErrWire, version, WireVersion)
	}
	if err == nil {
		err = malformed
	}
	if err == nil {
		if invalid := a.Validate(); invalid != nil {
			err = fmt.Errorf("%w: %w", ErrWire, invalid)
		}
	}
	if err != nil {
		return Act{}, &Unread{
			ID:        a.ID,
			Kind:      a.Target.Kind,
			Version:   uint32(min(version, 1<<32-1)),
			ExpiresAt: a.ExpiresAt,
			Err:       err,
		}
	}
	return a, nil
}

func decodeBeat(b []byte) (*Beat, error) {
	beat := new(Beat)
	err := fields(b, func(num protowire.Number, f field) (err error) {
		switch num {
		case fieldBeatService:
			beat.ServiceID, err = f.text()
		case fieldBeatEpoch:
			beat.Epoch, err = f.text()
		case fieldBeatVersion:
			var v uint64
			v, err = f.varint()
			beat.Version = uint32(min(v, 1<<32-1))
		case fieldBeatAccepted:
			var raw []byte
			if raw, err = f.bytes(); err == nil {
				beat.Accepted, err = decodeAcceptance(raw)
			}
		}
		return err
	})
	return beat, err
}

func decodeAcceptance(b []byte) (Acceptance, error) {
	var a Acceptance
	err := fields(b, func(num protowire.Number, f field) (err error) {
		switch num {
		case fieldAcceptanceEpoch:
			a.Epoch, err = f.text()
		case fieldAcceptanceAt:
			a.At, err = f.millis()
		}
		return err
	})
	return a, err
}

func decodeTick(b []byte) (epoch string, err error) {
	err = fields(b, func(num protowire.Number, f field) (err error) {
		if num == fieldTickEpoch {
			epoch, err = f.text()
		}
		return err
	})
	return epoch, err
}

// field is the undecoded value of one field.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value []byte
}

// fields calls visit for each field of b in order, the unknown ones included.
func fields(b []byte, visit func(protowire.Number, field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %v", ErrWire, protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			return fmt.Errorf("%w: field %d: %v", ErrWire, num, protowire.ParseError(n))
		}
		if err := visit(num, field{num: num, typ: typ, value: b[:n]}); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (f field) varint() (uint64, error) {
	if f.typ != protowire.VarintType {
		return 0, fmt.Errorf("%w: field %d is not a varint", ErrWire, f.num)
	}
	v, _ := protowire.ConsumeVarint(f.value)
	return v, nil
}

// seconds reads a time in Unix seconds and bounds it, so that no arithmetic on
// it can overflow.
func (f field) seconds() (int64, error) {
	v, err := f.varint()
	if err == nil && v >= maxSeconds {
		err = fmt.Errorf("%w: field %d: %d is not a time in Unix seconds", ErrWire, f.num, v)
	}
	if err != nil {
		return 0, err
	}
	return int64(v), nil
}

// millis reads a time in Unix milliseconds, bounded likewise; zero is absent,
// as proto3 has it.
func (f field) millis() (time.Time, error) {
	v, err := f.varint()
	if err == nil && v > maxSeconds*1000 {
		err = fmt.Errorf("%w: field %d: %d is not a time in Unix milliseconds", ErrWire, f.num, v)
	}
	if err != nil || v == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(int64(v)).UTC(), nil
}

func (f field) bytes() ([]byte, error) {
	if f.typ != protowire.BytesType {
		return nil, fmt.Errorf("%w: field %d is not length-delimited", ErrWire, f.num)
	}
	v, _ := protowire.ConsumeBytes(f.value)
	return v, nil
}

func (f field) text() (string, error) {
	v, err := f.bytes()
	if err == nil && !utf8.Valid(v) {
		err = fmt.Errorf("%w: field %d is not UTF-8", ErrWire, f.num)
	}
	return string(v), err
}

func (f field) id(id *ActID) error {
	v, err := f.bytes()
	if err == nil && len(v) != len(id) {
		err = fmt.Errorf("%w: act id of %d bytes, want %d", ErrWire, len(v), len(id))
	}
	if err == nil {
		copy(id[:], v)
	}
	return err
}
