package revocation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/seed-4e8dee1b/revoked/internal/acttest"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

var sentAt = time.UnixMilli(1_700_000_000_123).UTC()

// decode fails the test if b does not decode to want; errors of unread acts
// are compared with errors.Is.
func decode(t *testing.T, b []byte, want revocation.Message) {
	t.Helper()
	got, err := revocation.Decode(b)
	if err != nil {
		t.Fatalf("Decode(%x): %v", b, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("Decode(%x) (-want +got):\n%s", b, diff)
	}
}

func TestRoundTripOfEachPart(t *testing.T) {
	for name, m := range map[string]revocation.Message{
		"sent at":       {SentAt: sentAt},
		"one act":       {Acts: []revocation.Act{actOn(revocation.KindToken)}},
		"empty beat":    {Beat: &revocation.Beat{}},
		"beat":          {SentAt: sentAt, Beat: &revocation.Beat{ServiceID: "r-1", Epoch: "e", Version: 1<<32 - 1}},
		"tick":          {Tick: true},
		"all at once":   {SentAt: sentAt, Acts: []revocation.Act{actOn(revocation.KindPool), actOn(revocation.KindUser)}, Beat: &revocation.Beat{Epoch: "e"}, Tick: true},
		"same act":      {Acts: []revocation.Act{actOn(revocation.KindUser), actOn(revocation.KindUser)}},
		"last instants": {SentAt: time.UnixMilli(1 << 33 * 1000).UTC(), Acts: []revocation.Act{lastAct()}},
	} {
		t.Run(name, func(t *testing.T) { decode(t, m.Encode(), m) })
	}
}

// lastAct has the largest value in every field.
func lastAct() revocation.Act {
	a := actOn(revocation.KindUser)
	a.State, a.Cutoff, a.ExpiresAt = revocation.StateLifted, 1<<33-1, 1<<33-1
	a.Target.Pool = strings.Repeat("p", revocation.MaxIDLength)
	a.Target.ID = strings.Repeat("é", revocation.MaxIDLength/2)
	a.Target.ExceptSession = strings.Repeat("s", revocation.MaxIDLength)
	return a
}

func TestRoundTripOfHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		acts := acttest.History().Draw(t, "history")
		got, err := revocation.Decode(revocation.Message{SentAt: sentAt, Acts: acts}.Encode())
		want := revocation.Message{SentAt: sentAt, Acts: acts}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("Decode(Encode(x)): %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestSentAtKeepsMilliseconds(t *testing.T) {
	zone := time.FixedZone("", 3600)
	m := revocation.Message{SentAt: sentAt.Add(999 * time.Microsecond).In(zone), Tick: true}
	decode(t, m.Encode(), revocation.Message{SentAt: sentAt, Tick: true})
}

func TestZeroIsAbsent(t *testing.T) {
	b := raw().num(1, 0).text(4, "").bytes()
	decode(t, b, revocation.Message{Tick: true})
	b = raw().num(1, 5).num(1, 0).text(4, "").bytes() // the last one counts
	decode(t, b, revocation.Message{Tick: true})
}

func TestDecodeKeepsNoReference(t *testing.T) {
	m := revocation.Message{Acts: []revocation.Act{actOn(revocation.KindUser)}, Beat: &revocation.Beat{ServiceID: "r-1", Epoch: "e"}}
	b := m.Encode()
	got, err := revocation.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if diff := cmp.Diff(m, got); diff != "" {
		t.Errorf("message changed with the bytes (-want +got):\n%s", diff)
	}
}

// rawMessage writes fields one by one, as a later version or an attacker
// might.
type rawMessage struct{ b []byte }

func raw() *rawMessage { return new(rawMessage) }

func (r *rawMessage) bytes() []byte { return r.b }

func (r *rawMessage) num(field protowire.Number, v uint64) *rawMessage {
	r.b = protowire.AppendTag(r.b, field, protowire.VarintType)
	r.b = protowire.AppendVarint(r.b, v)
	return r
}

func (r *rawMessage) text(field protowire.Number, v string) *rawMessage {
	r.b = protowire.AppendTag(r.b, field, protowire.BytesType)
	r.b = protowire.AppendString(r.b, v)
	return r
}

func (r *rawMessage) message(field protowire.Number, m *rawMessage) *rawMessage {
	return r.text(field, string(m.b))
}

// add appends bytes as they are.
func (r *rawMessage) add(b ...byte) *rawMessage {
	r.b = append(r.b, b...)
	return r
}

// rawAct returns the wire form of actOn(KindUser), to which fields are added:
// of a field that occurs twice, the last counts.
func rawAct() *rawMessage {
	return raw().text(2, string(actID[:])).add(rawActWithoutID().bytes()...)
}

func rawActWithoutID() *rawMessage {
	return raw().
		num(3, 3).num(4, 1).num(5, uint64(end)).
		text(6, pool).text(7, "the-sub").num(9, 1).num(10, uint64(cutoff))
}
