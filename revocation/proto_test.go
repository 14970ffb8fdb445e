package revocation_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/seed-4e8dee1b/revoked/revocation"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// The lines of revocation.proto that matter: one declaration each.
var (
	protoComment = regexp.MustCompile(`//.*`)
	protoOpen    = regexp.MustCompile(`^(message|enum) (\w+) \{(\})?$`)
	protoField   = regexp.MustCompile(`^(repeated )?(\w+) (\w+) = (\d+);$`)
	protoValue   = regexp.MustCompile(`^(\w+) = (\d+);$`)
	protoIgnored = regexp.MustCompile(`^(|\}|syntax = "proto3";|package .*;|option go_package = .*;)$`)
)

// parseProto reads revocation.proto into a descriptor, without protoc: the
// file uses a few constructs only, and any other fails the test.
func parseProto(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	source, err := os.ReadFile("revocation.proto")
	if err != nil {
		t.Fatal(err)
	}
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("revocation.proto"), Package: proto.String("revoked.v1"), Syntax: proto.String("proto3"),
	}
	for line := range strings.Lines(string(source)) {
		line = strings.TrimSpace(protoComment.ReplaceAllString(line, ""))
		if m := protoOpen.FindStringSubmatch(line); m != nil && m[1] == "message" {
			file.MessageType = append(file.MessageType, &descriptorpb.DescriptorProto{Name: &m[2]})
		} else if m != nil {
			file.EnumType = append(file.EnumType, &descriptorpb.EnumDescriptorProto{Name: &m[2]})
		} else if m := protoField.FindStringSubmatch(line); m != nil {
			message := file.MessageType[len(file.MessageType)-1]
			message.Field = append(message.Field, fieldOf(t, m[1] != "", m[2], m[3], m[4]))
		} else if m := protoValue.FindStringSubmatch(line); m != nil {
			enum := file.EnumType[len(file.EnumType)-1]
			enum.Value = append(enum.Value, &descriptorpb.EnumValueDescriptorProto{Name: &m[1], Number: number(t, m[2])})
		} else if !protoIgnored.MatchString(line) {
			t.Fatalf("revocation.proto: line %q is not understood by this test", line)
		}
	}
	descriptor, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatalf("revocation.proto: %v", err)
	}
	return descriptor
}

func fieldOf(t *testing.T, repeated bool, typ, name, num string) *descriptorpb.FieldDescriptorProto {
	t.Helper()
	field := &descriptorpb.FieldDescriptorProto{
		Name: &name, Number: number(t, num), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	if repeated {
		field.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	if scalar, ok := descriptorpb.FieldDescriptorProto_Type_value["TYPE_"+strings.ToUpper(typ)]; ok {
		field.Type = descriptorpb.FieldDescriptorProto_Type(scalar).Enum()
	} else {
		field.TypeName = proto.String(".revoked.v1." + typ) // message or enum: protodesc finds out
	}
	return field
}

func number(t *testing.T, s string) *int32 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return proto.Int32(int32(n))
}

func TestProtoFileDescribesWhatEncodeWrites(t *testing.T) {
	m := dynamicpb.NewMessage(parseProto(t).Messages().ByName("Message"))
	ours := golden["everything"].Encode()
	if err := proto.Unmarshal(ours, m); err != nil {
		t.Fatalf("decoding with revocation.proto: %v", err)
	}
	got, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	// Protocol Buffers' JSON: 64-bit numbers are strings, bytes base64.
	const want = `{
		"sent_at_ms": "1700000000123",
		"acts": [{
			"id": "oQAAAAAAAAAAAAAAAAAAGg==", "kind": "KIND_SESSION", "state": "STATE_OPEN",
			"expires_at": "1700086400", "pool": "eu-west-1_AbC123", "target": "the-origin"
		}, {
			"id": "oQAAAAAAAAAAAAAAAAAAGg==", "kind": "KIND_USER", "state": "STATE_OPEN",
			"expires_at": "1700086400", "pool": "eu-west-1_AbC123", "target": "the-sub",
			"except_session": "the-origin", "basis": "BASIS_SESSION", "cutoff": "1700000000"
		}],
		"beat": {"service_id": "replica-1", "epoch": "epoch-1", "version": 1},
		"tick": {}
	}`
	if diff := cmp.Diff(decodeClaims(t, want), decodeClaims(t, string(got))); diff != "" {
		t.Errorf("read by revocation.proto (-want +got):\n%s", diff)
	}
	// Unknown fields would be written last; a field of another form too.
	theirs, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil || string(theirs) != string(ours) {
		t.Errorf("written by revocation.proto:\n%x, %v\nwritten by Encode:\n%x", theirs, err, ours)
	}
}

// Fields that came after the golden file "everything".
func TestProtoFileDescribesLaterFields(t *testing.T) {
	for name, want := range map[string]string{
		"tick-epoch": `{"tick": {"epoch": "epoch-1"}}`,
		"beat-accepted": `{"beat": {"service_id": "replica-1", "epoch": "epoch-2", "version": 1,
			"accepted": {"epoch": "epoch-2", "at_ms": "1700000000123"}}}`,
	} {
		m := dynamicpb.NewMessage(parseProto(t).Messages().ByName("Message"))
		if err := proto.Unmarshal(golden[name].Encode(), m); err != nil {
			t.Fatalf("%s: decoding with revocation.proto: %v", name, err)
		}
		got, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decodeClaims(t, want), decodeClaims(t, string(got))); diff != "" {
			t.Errorf("%s read by revocation.proto (-want +got):\n%s", name, diff)
		}
	}
}

// A field that is in the file and not in the code would be skipped in silence.
func TestProtoFileHasNoFieldThatDecodeDoesNotRead(t *testing.T) {
	file := parseProto(t)
	fields := make(map[string][]string)
	for i := range file.Messages().Len() {
		message := file.Messages().Get(i)
		name := string(message.Name())
		fields[name] = []string{}
		for j := range message.Fields().Len() {
			fields[name] = append(fields[name], string(message.Fields().Get(j).Name()))
		}
	}
	// All but version of Act are in TestProtoFileDescribesWhatEncodeWrites;
	// version is never written while it is 1.
	want := map[string][]string{
		"Message": {"sent_at_ms", "acts", "beat", "tick"},
		"Act":     {"version", "id", "kind", "state", "expires_at", "pool", "target", "except_session", "basis", "cutoff"},
		"Beat":    {"service_id", "epoch", "version", "accepted"},
		"Tick":    {"epoch"},
		// In TestProtoFileDescribesLaterFields.
		"Acceptance": {"epoch", "at_ms"},
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields of revocation.proto (-want +got):\n%s", diff)
	}

	act := dynamicpb.NewMessage(file.Messages().ByName("Act"))
	if err := proto.Unmarshal(rawAct().bytes(), act); err != nil {
		t.Fatal(err)
	}
	act.Set(act.Descriptor().Fields().ByName("version"), protoreflect.ValueOfUint32(revocation.WireVersion+1))
	b, err := proto.Marshal(act)
	if err != nil {
		t.Fatal(err)
	}
	m, err := revocation.Decode(raw().text(2, string(b)).bytes())
	if err != nil || len(m.Unread) != 1 || m.Unread[0].Version != revocation.WireVersion+1 {
		t.Errorf("act of version %d: %+v, %v, want one unread act", revocation.WireVersion+1, m, err)
	}
}

func TestProtoFileHasTheNumbersOfTheVocabulary(t *testing.T) {
	enums := parseProto(t).Enums()
	for enum, name := range map[string]func(n int) (string, bool){
		"Kind":  func(n int) (string, bool) { k := revocation.Kind(n); return k.String(), k.Valid() },
		"State": func(n int) (string, bool) { s := revocation.State(n); return s.String(), s.Valid() },
		"Basis": func(n int) (string, bool) {
			b := revocation.Basis(n)
			return b.String(), n <= int(revocation.BasisToken)
		},
	} {
		values := enums.ByName(protoreflect.Name(enum)).Values()
		got, want := make(map[int]string), make(map[int]string)
		for i := range values.Len() {
			got[int(values.Get(i).Number())] = string(values.Get(i).Name())
		}
		want[0] = strings.ToUpper(enum) + "_UNSPECIFIED"
		for n := range 256 {
			if stable, valid := name(n); valid {
				want[n] = strings.ToUpper(enum + "_" + stable)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("enum %s (-code +proto):\n%s", enum, diff)
		}
	}
}
