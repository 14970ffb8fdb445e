package fleet

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// ErrWire is wrapped by the errors of [DecodeReport] and [DecodeProbe].
var ErrWire = errors.New("fleet: malformed message")

// maxMillis bounds every time and duration: no arithmetic on one overflows.
const maxMillis = 1 << 43 // the year 2248

// Field numbers of fleet.proto.
const (
	fieldInstance     protowire.Number = 1
	fieldEvent        protowire.Number = 2
	fieldState        protowire.Number = 3
	fieldPolicy       protowire.Number = 4
	fieldMaxStaleness protowire.Number = 5
	fieldInterval     protowire.Number = 6
	fieldAsOf         protowire.Number = 7
	fieldSequence     protowire.Number = 8
	fieldEpoch        protowire.Number = 9
	fieldWireVersion  protowire.Number = 10
	fieldActs         protowire.Number = 11
	fieldClockOffset  protowire.Number = 12
	fieldDetail       protowire.Number = 13
	fieldStarted      protowire.Number = 14
	fieldReceipt      protowire.Number = 15

	fieldReceiptProbe    protowire.Number = 1
	fieldReceiptEnforced protowire.Number = 2
	fieldReceiptReason   protowire.Number = 3

	fieldProbeID       protowire.Number = 1
	fieldProbeLasts    protowire.Number = 2
	fieldProbeSequence protowire.Number = 3
	fieldProbeEpoch    protowire.Number = 4
	fieldProbeActs     protowire.Number = 5
	fieldProbeFleet    protowire.Number = 6
)

// Encode returns the wire form of r, of at most [MaxReport] bytes.
func (r Report) Encode() []byte {
	var b []byte
	b = appendFixed(b, fieldInstance, r.Instance)
	b = appendVarint(b, fieldEvent, uint64(r.Event))
	b = appendVarint(b, fieldState, uint64(r.State))
	b = appendVarint(b, fieldPolicy, uint64(r.Policy))
	b = appendVarint(b, fieldMaxStaleness, millis(r.MaxStaleness))
	b = appendVarint(b, fieldInterval, millis(r.Interval))
	b = appendVarint(b, fieldAsOf, unixMillis(r.AsOf))
	b = appendVarint(b, fieldSequence, r.Sequence)
	b = appendText(b, fieldEpoch, r.Epoch, maxEpoch)
	b = appendVarint(b, fieldWireVersion, uint64(r.WireVersion))
	b = appendVarint(b, fieldActs, r.Acts)
	b = appendVarint(b, fieldClockOffset, protowire.EncodeZigZag(clampMillis(r.ClockOffset)))
	b = appendText(b, fieldDetail, r.Detail, maxDetail)
	b = appendVarint(b, fieldStarted, unixMillis(r.Started))
	if r.Receipt != nil {
		b = protowire.AppendTag(b, fieldReceipt, protowire.BytesType)
		b = protowire.AppendBytes(b, r.Receipt.encode())
	}
	return b
}

func (r Receipt) encode() []byte {
	var b []byte
	b = appendFixed(b, fieldReceiptProbe, r.Probe)
	if len(r.Enforced) > 0 {
		b = protowire.AppendTag(b, fieldReceiptEnforced, protowire.BytesType)
		b = protowire.AppendBytes(b, r.Enforced[:min(len(r.Enforced), MaxProbeActs/8)])
	}
	return appendVarint(b, fieldReceiptReason, uint64(r.Reason))
}

// Encode returns the wire form of p. The acts must be valid, and at most
// [MaxProbeActs].
func (p Probe) Encode() []byte {
	var b []byte
	b = appendFixed(b, fieldProbeID, p.ID)
	b = appendVarint(b, fieldProbeLasts, millis(p.Lasts))
	b = appendVarint(b, fieldProbeSequence, p.Sequence)
	b = appendText(b, fieldProbeEpoch, p.Epoch, maxEpoch)
	if len(p.Acts) > 0 {
		b = protowire.AppendTag(b, fieldProbeActs, protowire.BytesType)
		b = protowire.AppendBytes(b, revocation.Message{Acts: p.Acts}.Encode())
	}
	return appendVarint(b, fieldProbeFleet, uint64(p.Fleet))
}

// The append functions leave out zero values, as proto3 does.

func appendVarint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func appendFixed(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendFixed64(protowire.AppendTag(b, num, protowire.Fixed64Type), v)
}

// appendText cuts s to whole characters within limit.
func appendText(b []byte, num protowire.Number, s string, limit int) []byte {
	for len(s) > limit {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

func millis(d time.Duration) uint64 { return uint64(max(0, clampMillis(d))) }

func clampMillis(d time.Duration) int64 {
	return min(max(d.Milliseconds(), -maxMillis+1), maxMillis-1)
}

func unixMillis(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(min(max(t.UnixMilli(), 0), maxMillis-1))
}

// DecodeReport reads a report. It keeps no reference to b; on an error the
// report is zero.
func DecodeReport(b []byte) (Report, error) {
	var r Report
	d := decoder{limit: MaxReport}
	d.message(b, func(num protowire.Number, f value) {
		switch num {
		case fieldInstance:
			r.Instance = d.fixed(f)
		case fieldEvent:
			r.Event = Event(d.small(f))
		case fieldState:
			r.State = State(d.small(f))
		case fieldPolicy:
			r.Policy = Policy(d.small(f))
		case fieldMaxStaleness:
			r.MaxStaleness = d.duration(f)
		case fieldInterval:
			r.Interval = d.duration(f)
		case fieldAsOf:
			r.AsOf = d.time(f)
		case fieldSequence:
			r.Sequence = d.varint(f)
		case fieldEpoch:
			r.Epoch = d.text(f, maxEpoch)
		case fieldWireVersion:
			r.WireVersion = uint32(min(d.varint(f), 1<<32-1))
		case fieldActs:
			r.Acts = d.varint(f)
		case fieldClockOffset:
			r.ClockOffset = d.signed(f)
		case fieldDetail:
			r.Detail = d.text(f, maxDetail)
		case fieldStarted:
			r.Started = d.time(f)
		case fieldReceipt:
			r.Receipt = d.receipt(f)
		}
	})
	if d.err == nil && r.Instance == 0 {
		d.err = fmt.Errorf("%w: report without instance", ErrWire)
	}
	if d.err != nil {
		return Report{}, d.err
	}
	return r, nil
}

// DecodeProbe reads a probe. It keeps no reference to b; on an error the probe
// is zero.
func DecodeProbe(b []byte) (Probe, error) {
	var p Probe
	d := decoder{limit: MaxProbe}
	d.message(b, func(num protowire.Number, f value) {
		switch num {
		case fieldProbeID:
			p.ID = d.fixed(f)
		case fieldProbeLasts:
			p.Lasts = min(d.duration(f), MaxProbeLife)
		case fieldProbeSequence:
			p.Sequence = d.varint(f)
		case fieldProbeEpoch:
			p.Epoch = d.text(f, maxEpoch)
		case fieldProbeActs:
			p.Acts, p.Unread = d.acts(f)
		case fieldProbeFleet:
			p.Fleet = uint32(min(d.varint(f), 1<<32-1))
		}
	})
	if d.err == nil && p.ID == 0 {
		d.err = fmt.Errorf("%w: probe without id", ErrWire)
	}
	if d.err != nil {
		return Probe{}, d.err
	}
	return p, nil
}

// value is the undecoded value of one field.
type value struct {
	num protowire.Number
	typ protowire.Type
	raw []byte
}

// decoder reads one message and remembers the first thing that is wrong.
type decoder struct {
	limit int // bytes
	err   error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrWire}, args...)...)
	}
}

// message calls visit for each field of b, the unknown ones included.
func (d *decoder) message(b []byte, visit func(protowire.Number, value)) {
	if len(b) > d.limit {
		d.fail("%d bytes, more than %d", len(b), d.limit)
	}
	for len(b) > 0 && d.err == nil {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			d.fail("%v", protowire.ParseError(n))
			return
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			d.fail("%v", protowire.ParseError(n))
			return
		}
		visit(num, value{num, typ, b[:n]})
		b = b[n:]
	}
}

// is checks the wire type of a field.
func (d *decoder) is(f value, typ protowire.Type) bool {
	if f.typ != typ {
		d.fail("field %d has wire type %d", f.num, f.typ)
	}
	return f.typ == typ
}

func (d *decoder) varint(f value) uint64 {
	if !d.is(f, protowire.VarintType) {
		return 0
	}
	v, _ := protowire.ConsumeVarint(f.raw)
	return v
}

func (d *decoder) small(f value) uint8 { return uint8(min(d.varint(f), 255)) }

func (d *decoder) fixed(f value) uint64 {
	if !d.is(f, protowire.Fixed64Type) {
		return 0
	}
	v, _ := protowire.ConsumeFixed64(f.raw)
	return v
}

func (d *decoder) bytes(f value) []byte {
	if !d.is(f, protowire.BytesType) {
		return nil
	}
	v, _ := protowire.ConsumeBytes(f.raw)
	return v
}

func (d *decoder) millis(f value) int64 {
	v := d.varint(f)
	if v >= maxMillis {
		d.fail("field %d: %d is not a time in milliseconds", f.num, v)
		return 0
	}
	return int64(v)
}

func (d *decoder) duration(f value) time.Duration {
	// 2^43 ms fit into a Duration's 2^63 ns.
	return time.Duration(d.millis(f)) * time.Millisecond
}

func (d *decoder) signed(f value) time.Duration {
	v := protowire.DecodeZigZag(d.varint(f))
	if v >= maxMillis || v <= -maxMillis {
		d.fail("field %d: %d is not a duration in milliseconds", f.num, v)
		return 0
	}
	return time.Duration(v) * time.Millisecond
}

func (d *decoder) time(f value) time.Time {
	ms := d.millis(f)
	if ms == 0 { // proto3: zero is absent
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (d *decoder) text(f value, limit int) string {
	v := d.bytes(f)
	if len(v) > limit || !utf8.Valid(v) {
		d.fail("field %d is not text of at most %d bytes", f.num, limit)
		return ""
	}
	return string(v)
}

func (d *decoder) receipt(f value) *Receipt {
	r := new(Receipt)
	d.message(d.bytes(f), func(num protowire.Number, f value) {
		switch num {
		case fieldReceiptProbe:
			r.Probe = d.fixed(f)
		case fieldReceiptEnforced:
			v := d.bytes(f)
			if len(v) > MaxProbeActs/8 {
				d.fail("receipt for more than %d acts", MaxProbeActs)
				return
			}
			r.Enforced = append([]byte(nil), v...)
		case fieldReceiptReason:
			r.Reason = Reason(d.small(f))
		}
	})
	return r
}

func (d *decoder) acts(f value) ([]revocation.Act, bool) {
	m, err := revocation.Decode(d.bytes(f))
	switch {
	case d.err != nil:
	case err != nil:
		d.fail("acts: %v", err)
	case len(m.Acts)+len(m.Unread) > MaxProbeActs:
		d.fail("%d acts, more than %d", len(m.Acts)+len(m.Unread), MaxProbeActs)
	default:
		return m.Acts, len(m.Unread) > 0
	}
	return nil, false
}
