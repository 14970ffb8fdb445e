package fleet_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

var update = flag.Bool("update", false, "write golden files that are missing or differ")

var (
	at  = time.UnixMilli(1_700_000_000_123).UTC()
	act = revocation.Act{
		ID: revocation.ActID{0xa1, 15: 0x1a}, State: revocation.StateOpen, ExpiresAt: 1_700_086_400,
		Target: revocation.Target{Kind: revocation.KindSession, Pool: "eu-west-1_AbC123", ID: "the-origin"},
	}
)

// full is a report with every field at a size that is seen in practice, but
// for the detail, which is the longest.
func full() fleet.Report {
	return fleet.Report{
		Instance: 1<<64 - 2, Event: fleet.EventHello, State: fleet.StateStale, Policy: fleet.PolicyAskCognito,
		MaxStaleness: time.Minute, Interval: 10 * time.Second, AsOf: at, Sequence: 1 << 40,
		Epoch: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", WireVersion: 1, Acts: 1_000_000, ClockOffset: -3 * time.Millisecond,
		Detail: strings.Repeat("x", 64), Started: at.Add(-time.Hour),
		Receipt: &fleet.Receipt{Probe: 7, Enforced: []byte{0b101, 0, 0, 0, 0, 0, 0, 0x80}, Reason: fleet.ReasonBehind},
	}
}

// reports and probes are what the files testdata/v1/<name>.hex mean. They stay
// as they are: nodes and services of different versions meet.
var (
	reports = map[string]fleet.Report{
		"report-least":   {Instance: 1},
		"report-full":    full(),
		"report-goodbye": {Instance: 2, Event: fleet.EventGoodbye, State: fleet.StateClosed},
	}
	probes = map[string]fleet.Probe{
		"probe-roll-call": {ID: 1, Fleet: 47},
		"probe-acts":      {ID: 1<<64 - 1, Lasts: 30 * time.Second, Sequence: 9, Epoch: "e", Acts: []revocation.Act{act}, Fleet: 1},
	}
)

func TestGolden(t *testing.T) {
	check := func(name string, got []byte, decoded, want any, err error) {
		file := filepath.Join("testdata", "v1", name+".hex")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(hex.EncodeToString(got)+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if golden := readGolden(t, file); !bytes.Equal(got, golden) {
			t.Errorf("%s: Encode writes\n%x\nwant\n%x", file, got, golden)
		}
		if diff := cmp.Diff(want, decoded); diff != "" || err != nil {
			t.Errorf("%s: decoded (-want +got):\n%s%v", file, diff, err)
		}
	}
	for name, r := range reports {
		decoded, err := fleet.DecodeReport(r.Encode())
		check(name, r.Encode(), decoded, r, err)
	}
	for name, p := range probes {
		decoded, err := fleet.DecodeProbe(p.Encode())
		check(name, p.Encode(), decoded, p, err)
	}
	files, err := filepath.Glob("testdata/v1/*")
	if err != nil || len(files) != len(reports)+len(probes) {
		t.Errorf("%d golden files, %v, want %d", len(files), err, len(reports)+len(probes))
	}
}

func readGolden(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return b
}

func TestReportIsSmallWhateverItSays(t *testing.T) {
	r := full()
	r.Event, r.State, r.Policy = 255, 255, 255
	r.MaxStaleness, r.Interval, r.ClockOffset = 1<<63-1, 1<<63-1, -1<<63
	r.Sequence, r.WireVersion, r.Acts = 1<<64-1, 1<<32-1, 1<<64-1
	r.AsOf, r.Started = time.Unix(1<<40, 0), time.Unix(1<<40, 0)
	r.Epoch, r.Detail = strings.Repeat("é", 100), strings.Repeat("x", 63)+"é"
	r.Receipt.Enforced, r.Receipt.Reason = bytes.Repeat([]byte{255}, 100), 255
	b := r.Encode()
	if len(b) > fleet.MaxReport {
		t.Errorf("the largest report has %d bytes, more than %d", len(b), fleet.MaxReport)
	}
	got, err := fleet.DecodeReport(b)
	if err != nil || got.Detail != strings.Repeat("x", 63) || len(got.Epoch) != 40 || got.ClockOffset > 0 {
		t.Errorf("DecodeReport = %+v, %v", got, err)
	}
}

func TestLeaseNeverShrinksByOverflow(t *testing.T) {
	if got := fleet.Lease(time.Minute, 10*time.Second); got != 85*time.Second {
		t.Errorf("Lease = %v, want 85s", got)
	}
	r := fleet.Report{Instance: 1, MaxStaleness: 1<<63 - 1, Interval: 1<<63 - 1}
	r, err := fleet.DecodeReport(r.Encode())
	if lease := fleet.Lease(r.MaxStaleness, r.Interval); err != nil || lease < 24*365*time.Hour {
		t.Errorf("Lease of absurd claims = %v, %v", lease, err)
	}
}

func TestIntervalGrowsWithTheFleet(t *testing.T) {
	for size, want := range map[int]time.Duration{
		-1: 10 * time.Second, 0: 10 * time.Second, 100: 10 * time.Second, 1000: 100 * time.Second, 3000: 5 * time.Minute, 1 << 62: 5 * time.Minute,
	} {
		if got := fleet.Interval(size); got != want {
			t.Errorf("Interval(%d) = %v, want %v", size, got, want)
		}
	}
}

func TestReceiptBits(t *testing.T) {
	var r fleet.Receipt
	r.SetEnforced(0)
	r.SetEnforced(63)
	for i := -1; i < 100; i++ {
		if got, want := r.Enforces(i), i == 0 || i == 63; got != want {
			t.Errorf("Enforces(%d) = %v", i, got)
		}
	}
}

func TestMalformed(t *testing.T) {
	wrongType := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	many := fleet.Probe{ID: 1, Acts: make([]revocation.Act, fleet.MaxProbeActs+1)}
	for i := range many.Acts {
		many.Acts[i] = act
	}
	long := protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), make([]byte, fleet.MaxProbe))
	for name, b := range map[string][]byte{
		"empty": nil, "no id": fleet.Report{}.Encode(), "wrong type": wrongType, "cut": full().Encode()[:5],
		"too long": append(fleet.Report{Instance: 1}.Encode(), long...), "too many acts": many.Encode(),
	} {
		r, err := fleet.DecodeReport(b)
		if !errors.Is(err, fleet.ErrWire) || !reflect.DeepEqual(r, fleet.Report{}) {
			t.Errorf("%s: DecodeReport = %+v, %v", name, r, err)
		}
		p, err := fleet.DecodeProbe(b)
		if !errors.Is(err, fleet.ErrWire) || !reflect.DeepEqual(p, fleet.Probe{}) {
			t.Errorf("%s: DecodeProbe = %+v, %v", name, p, err)
		}
	}
}

// An act of a later version must not shift the bits of the others unnoticed.
func TestUnreadActIsTold(t *testing.T) {
	later := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), revocation.WireVersion+1)
	message := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), later)
	message = append(message, revocation.Message{Acts: []revocation.Act{act}}.Encode()...)
	b := fleet.Probe{ID: 1}.Encode()
	b = protowire.AppendBytes(protowire.AppendTag(b, 5, protowire.BytesType), message)
	if p, err := fleet.DecodeProbe(b); err != nil || !p.Unread || len(p.Acts) != 1 {
		t.Errorf("DecodeProbe = %+v, %v, want one act and Unread", p, err)
	}
}

func FuzzDecode(f *testing.F) {
	for name := range reports {
		f.Add(readGolden(f, filepath.Join("testdata", "v1", name+".hex")))
	}
	for name := range probes {
		f.Add(readGolden(f, filepath.Join("testdata", "v1", name+".hex")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := fleet.DecodeReport(b); err == nil {
			if fleet.Lease(r.MaxStaleness, r.Interval) <= 0 {
				t.Fatalf("lease of %+v is not positive", r)
			}
			if r.Receipt != nil && r.Receipt.Enforced != nil && len(r.Receipt.Enforced) == 0 {
				r.Receipt.Enforced = nil
			}
			again, err := fleet.DecodeReport(r.Encode())
			if diff := cmp.Diff(r, again); diff != "" || err != nil {
				t.Fatalf("DecodeReport(Encode(r)) (-want +got):\n%s%v", diff, err)
			}
		} else if !errors.Is(err, fleet.ErrWire) {
			t.Fatal(err)
		}
		if p, err := fleet.DecodeProbe(b); err == nil {
			p.Unread = false
			again, err := fleet.DecodeProbe(p.Encode())
			if diff := cmp.Diff(p, again); diff != "" || err != nil {
				t.Fatalf("DecodeProbe(Encode(p)) (-want +got):\n%s%v", diff, err)
			}
		} else if !errors.Is(err, fleet.ErrWire) {
			t.Fatal(err)
		}
	})
}

// The file is what other languages would read: it must name every field of the
// code with its number and wire type.
func TestProtoFile(t *testing.T) {
	source, err := os.ReadFile("fleet.proto")
	if err != nil {
		t.Fatal(err)
	}
	wire := map[string]protowire.Type{"fixed64": protowire.Fixed64Type, "string": protowire.BytesType, "bytes": protowire.BytesType, "Receipt": protowire.BytesType}
	fields := map[string]map[protowire.Number]protowire.Type{}
	message := ""
	for line := range strings.Lines(string(source)) {
		if m := regexp.MustCompile(`^message (\w+) `).FindStringSubmatch(line); m != nil {
			message = m[1]
			fields[message] = map[protowire.Number]protowire.Type{}
		} else if strings.HasPrefix(line, "enum") {
			message = ""
		} else if m := regexp.MustCompile(`^  (\w+) \w+ = (\d+);`).FindStringSubmatch(line); m != nil && message != "" {
			var n protowire.Number
			for _, digit := range m[2] {
				n = n*10 + protowire.Number(digit-'0')
			}
			fields[message][n] = wire[m[1]] // numbers and enums are varints: 0
		}
	}
	written := func(b []byte) map[protowire.Number]protowire.Type {
		found := map[protowire.Number]protowire.Type{}
		for len(b) > 0 {
			num, typ, n := protowire.ConsumeField(b)
			found[num] = typ
			b = b[n:]
		}
		return found
	}
	r := full()
	r.Receipt = nil
	rest := full().Encode()[len(r.Encode()):] // the receipt comes last
	body, _ := protowire.ConsumeBytes(rest[1:])
	want := map[string]map[protowire.Number]protowire.Type{
		"Report": written(full().Encode()), "Receipt": written(body), "Probe": written(probes["probe-acts"].Encode()),
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fleet.proto (-code +file):\n%s", diff)
	}
}
