package revocation_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestUnknownFieldsAreSkipped(t *testing.T) {
	group := protowire.AppendTag(nil, 1000, protowire.StartGroupType)
	group = protowire.AppendTag(group, 1, protowire.Fixed64Type)
	group = protowire.AppendFixed64(group, 7)
	group = protowire.AppendTag(group, 1000, protowire.EndGroupType)
	later := func(r *rawMessage) *rawMessage {
		r.num(99, 1<<63).text(100, "later\xff").add(group...)
		r.add(protowire.AppendFixed32(protowire.AppendTag(nil, 101, protowire.Fixed32Type), 7)...)
		return r
	}
	beat := raw().text(1, "r-1").text(2, "e").num(3, 1)
	b := later(raw()).message(2, later(rawAct())).message(3, later(beat)).message(4, later(raw())).bytes()
	decode(t, b, revocation.Message{
		Acts: []revocation.Act{actOn(revocation.KindUser)},
		Beat: &revocation.Beat{ServiceID: "r-1", Epoch: "e", Version: 1},
		Tick: true,
	})
}

// A node that cannot read an act must know for how long its view is
// incomplete, and must still enforce the acts beside it.
func TestUnreadActsAreNamedAndHideNoOther(t *testing.T) {
	malformed, invalid := revocation.ErrWire, cmpopts.AnyError
	whole := revocation.Unread{ID: actID, Kind: revocation.KindUser, Version: 1, ExpiresAt: end}
	edit := func(f func(*revocation.Unread)) revocation.Unread {
		u := whole
		f(&u)
		return u
	}
	tag := func(field protowire.Number, typ protowire.Type) []byte { return protowire.AppendTag(nil, field, typ) }
	for _, test := range []struct {
		name string
		act  *rawMessage
		want revocation.Unread
		err  error
	}{
		{"later version", rawAct().num(1, 2), edit(func(u *revocation.Unread) { u.Version = 2 }), malformed},
		{"much later version", rawAct().num(1, 1<<40), edit(func(u *revocation.Unread) { u.Version = 1<<32 - 1 }), malformed},
		{"later kind", rawAct().num(3, 8), edit(func(u *revocation.Unread) { u.Kind = 8 }), invalid},
		{"kind that wraps to a known one", rawAct().num(3, 256+3), edit(func(u *revocation.Unread) { u.Kind = 255 }), invalid},
		{"later version and kind", rawAct().num(1, 2).num(3, 9), edit(func(u *revocation.Unread) { u.Version, u.Kind = 2, 9 }), malformed},
		{"later state", rawAct().num(4, 4), whole, invalid},
		{"state that wraps to a known one", rawAct().num(4, 256+1), whole, invalid},
		{"later basis", rawAct().num(9, 3), whole, invalid},
		{"basis that wraps to a known one", rawAct().num(9, 256+1), whole, invalid},
		{"no id", rawActWithoutID(), edit(func(u *revocation.Unread) { u.ID = revocation.ActID{} }), invalid},
		{"short id", rawActWithoutID().text(2, "short"), edit(func(u *revocation.Unread) { u.ID = revocation.ActID{} }), malformed},
		{"zero id", rawAct().text(2, strings.Repeat("\x00", 16)), edit(func(u *revocation.Unread) { u.ID = revocation.ActID{} }), invalid},
		{"absent expiry", rawAct().num(5, 0), edit(func(u *revocation.Unread) { u.ExpiresAt = 0 }), invalid},
		{"expiry at the bound", rawAct().num(5, 1<<33), edit(func(u *revocation.Unread) { u.ExpiresAt = 0 }), malformed},
		{"negative expiry", rawAct().num(5, 1<<64-1), edit(func(u *revocation.Unread) { u.ExpiresAt = 0 }), malformed},
		{"cutoff at the bound", rawAct().num(10, 1<<33), whole, malformed},
		{"empty act", raw(), revocation.Unread{Version: 1}, invalid},
		{"long target", rawAct().text(7, strings.Repeat("x", revocation.MaxIDLength+1)), whole, invalid},
		{"target not UTF-8", rawAct().text(7, "\xc3\x28"), whole, malformed},
		{"pool not UTF-8", rawAct().text(6, "\xff"), whole, malformed},
		{"exception not UTF-8", rawAct().text(8, "\xff"), whole, malformed},
		{"control character", rawAct().text(7, "a\x1b[31m"), whole, invalid},
		{"target is a varint", rawAct().num(7, 1), whole, malformed},
		{"kind is text", rawAct().text(3, "user"), edit(func(u *revocation.Unread) { u.Kind = 0 }), malformed},
		{"state is fixed32", rawAct().add(tag(4, protowire.Fixed32Type)...).add(1, 0, 0, 0), whole, malformed},
		{"id is a varint", rawAct().num(2, 1), whole, malformed},
		{"truncated inside", rawAct().add(tag(7, protowire.BytesType)...).add(200), whole, malformed},
		{"tag alone", rawAct().add(tag(7, protowire.BytesType)...), whole, malformed},
		{"field number 0", rawAct().add(0, 0), whole, malformed},
		{"group without end", rawAct().add(tag(99, protowire.StartGroupType)...), whole, malformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, after := actOn(revocation.KindToken), actOn(revocation.KindPool)
			b := revocation.Message{Acts: []revocation.Act{before}}.Encode()
			b = append(b, raw().message(2, test.act).bytes()...)
			b = append(b, revocation.Message{Acts: []revocation.Act{after}}.Encode()...)
			test.want.Err = test.err
			decode(t, b, revocation.Message{
				Acts:   []revocation.Act{before, after},
				Unread: []revocation.Unread{test.want},
			})
		})
	}
}

// A later version may give the fields from 6 on any form, and may write them
// before the five that every version can read.
func TestLaterVersionsAreTimedWhateverTheirOtherFieldsHold(t *testing.T) {
	act := raw().num(7, 1).text(10, "soon").num(2, 9).text(9, "").
		num(1, 2).text(2, string(actID[:])).num(3, 3).num(4, 1).num(5, uint64(end))
	got, err := revocation.Decode(raw().message(2, act).bytes())
	if err != nil || len(got.Unread) != 1 {
		t.Fatalf("Decode = %+v, %v, want one unread act", got, err)
	}
	u := got.Unread[0]
	if u.ID != actID || u.Kind != revocation.KindUser || u.Version != 2 || u.ExpiresAt != end {
		t.Errorf("unread act is %+v, want version 2 of act %s on a user until %d", u, actID, end)
	}
	if !strings.Contains(u.Err.Error(), "version 2") {
		t.Errorf("Err = %v, want it to name version 2, the cause of the rest", u.Err)
	}
}

func TestUnreadIsNeverEncoded(t *testing.T) {
	m := revocation.Message{Tick: true, Unread: []revocation.Unread{{ID: actID, ExpiresAt: end}}}
	decode(t, m.Encode(), revocation.Message{Tick: true})
}
