package revocation_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestMalformedMessagesGiveNothing(t *testing.T) {
	fixed32 := func(field protowire.Number) []byte {
		return protowire.AppendFixed32(protowire.AppendTag(nil, field, protowire.Fixed32Type), 7)
	}
	for name, bad := range map[string][]byte{
		"sent_at_ms is text":      raw().text(1, "now").bytes(),
		"sent_at_ms past 2242":    raw().num(1, 1<<33*1000+1).bytes(),
		"sent_at_ms negative":     raw().num(1, 1<<64-1).bytes(),
		"acts is a varint":        raw().num(2, 1).bytes(),
		"acts is fixed32":         fixed32(2),
		"beat is a varint":        raw().num(3, 1).bytes(),
		"tick is a varint":        raw().num(4, 1).bytes(),
		"beat's service is a num": raw().message(3, raw().num(1, 1)).bytes(),
		"beat's epoch is bad":     raw().message(3, raw().text(2, "\xff")).bytes(),
		"beat's version is text":  raw().message(3, raw().text(3, "1")).bytes(),
		"tick's epoch is a num":   raw().message(4, raw().num(1, 1)).bytes(),
		"accepted is a varint":    raw().message(3, raw().num(4, 1)).bytes(),
		"accepted epoch is bad":   raw().message(3, raw().message(4, raw().text(1, "\xff"))).bytes(),
		"accepted past 2242":      raw().message(3, raw().message(4, raw().num(2, 1<<33*1000+1))).bytes(),
		"beat is truncated":       raw().text(3, "\x0a\x05r").bytes(),
		"field number 0":          {0x00, 0x00},
		"reserved wire type 6":    {0x0e},
		"reserved wire type 7":    {0x0f},
		"end of no group":         protowire.AppendTag(nil, 1, protowire.EndGroupType),
		"varint of 11 bytes":      append([]byte{0x08}, bytes.Repeat([]byte{0x80}, 10)...),
		"length past the end":     {0x12, 0x7f},
		"length of 2^63":          {0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	} {
		t.Run(name, func(t *testing.T) {
			refuseWire(t, bad)
			refuseWire(t, append(golden["everything"].Encode(), bad...))
		})
	}
	t.Run("empty", func(t *testing.T) { refuseWire(t, nil) })
}

// refuseWire checks that the whole message is refused.
func refuseWire(t *testing.T, b []byte) {
	t.Helper()
	m, err := revocation.Decode(b)
	if !errors.Is(err, revocation.ErrWire) {
		t.Errorf("Decode(%x) = %v, want ErrWire", b, err)
	}
	if diff := cmp.Diff(revocation.Message{}, m); diff != "" {
		t.Errorf("Decode(%x) returns a message with its error:\n%s", b, diff)
	}
}

// A message cut off between two fields is a valid, shorter message: proto3 has
// no length. At every other byte the cut must be noticed.
func TestTruncatedMessagesAreNoticed(t *testing.T) {
	m := golden["everything"]
	whole := m.Encode()
	boundary := make(map[int]bool)
	for at := 0; at < len(whole); {
		at += protowireFieldLen(t, whole[at:])
		boundary[at] = true
	}
	for n := range whole {
		switch got, err := revocation.Decode(whole[:n]); {
		case boundary[n]:
			if err != nil || len(got.Unread) > 0 {
				t.Errorf("first %d bytes, whole fields: %+v, %v", n, got, err)
			}
		case err == nil:
			t.Errorf("first %d of %d bytes decode to %+v", n, len(whole), got)
		}
	}
}

func protowireFieldLen(t *testing.T, b []byte) int {
	t.Helper()
	_, _, n := protowire.ConsumeField(b)
	if n < 0 {
		t.Fatal(protowire.ParseError(n))
	}
	return n
}

// The largest message that the stream takes, filled with nothing but tags,
// must not cost more than its size.
func TestLargeMessages(t *testing.T) {
	const size = 64 << 10
	m, err := revocation.Decode(bytes.Repeat([]byte{0x12, 0x00}, size/2)) // empty acts
	if err != nil || len(m.Acts) != 0 || len(m.Unread) != size/2 {
		t.Errorf("%d empty acts: %d acts, %d unread, %v", size/2, len(m.Acts), len(m.Unread), err)
	}
	refuseWire(t, bytes.Repeat(protowire.AppendTag(nil, 9, protowire.StartGroupType), size))
}
