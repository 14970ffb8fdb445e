package revocation_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

var update = flag.Bool("update", false, "write golden files that are missing or differ")

// golden is what the files testdata/wire/v1/<name>.hex mean. When the format
// gets a new version, these files and this table stay as they are: what a
// stream holds must be readable by every later version.
var golden = map[string]revocation.Message{
	"token":          {Acts: []revocation.Act{actOn(revocation.KindToken)}},
	"session":        {Acts: []revocation.Act{actOn(revocation.KindSession)}},
	"user":           {Acts: []revocation.Act{actOn(revocation.KindUser)}},
	"client":         {Acts: []revocation.Act{onTokenBasis(revocation.KindClient)}},
	"group":          {Acts: []revocation.Act{onTokenBasis(revocation.KindGroup)}},
	"device":         {Acts: []revocation.Act{actOn(revocation.KindDevice)}},
	"pool":           {Acts: []revocation.Act{actOn(revocation.KindPool)}},
	"user-except":    {Acts: []revocation.Act{userExcept()}},
	"confirmed":      {Acts: []revocation.Act{inState(revocation.StateConfirmed)}},
	"lifted":         {Acts: []revocation.Act{inState(revocation.StateLifted)}},
	"largest-values": {Acts: []revocation.Act{lastAct()}},
	"fast-copy":      {SentAt: sentAt, Acts: []revocation.Act{actOn(revocation.KindSession)}},
	"batch":          {SentAt: sentAt, Acts: []revocation.Act{actOn(revocation.KindToken), userExcept(), inState(revocation.StateLifted)}},
	"beat":           {SentAt: sentAt, Beat: &revocation.Beat{ServiceID: "replica-1", Epoch: "epoch-1", Version: 1}},
	"beat-empty":     {Beat: &revocation.Beat{}},
	"beat-accepted":  {Beat: &revocation.Beat{ServiceID: "replica-1", Epoch: "epoch-2", Version: 1, Accepted: revocation.Acceptance{Epoch: "epoch-2", At: sentAt}}},
	"tick":           {Tick: true},
	"tick-epoch":     {Tick: true, Epoch: "epoch-1"},
	"sent-at-only":   {SentAt: sentAt},
	"everything":     {SentAt: sentAt, Acts: []revocation.Act{actOn(revocation.KindSession), userExcept()}, Beat: &revocation.Beat{ServiceID: "replica-1", Epoch: "epoch-1", Version: 1}, Tick: true},
}

func onTokenBasis(kind revocation.Kind) revocation.Act {
	a := actOn(kind)
	a.Basis = revocation.BasisToken
	return a
}

func userExcept() revocation.Act {
	a := actOn(revocation.KindUser)
	a.Target.ExceptSession = "the-origin"
	return a
}

func inState(s revocation.State) revocation.Act {
	a := actOn(revocation.KindUser)
	a.State = s
	return a
}

func TestWrittenBytesDoNotChange(t *testing.T) {
	for name, m := range golden {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "wire", "v1", name+".hex")
			if *update {
				writeGolden(t, file, m.Encode())
			}
			want := readGolden(t, file)
			if got := m.Encode(); !bytes.Equal(got, want) {
				t.Errorf("%s: Encode writes\n%x\nwant\n%x\nif meant, it needs a new version, not only -update", file, got, want)
			}
			decode(t, want, m)
		})
	}
}

func TestEveryGoldenFileHasAMeaning(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "wire", "v1", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files: %v, %v", files, err)
	}
	for _, file := range files {
		if _, ok := golden[strings.TrimSuffix(filepath.Base(file), ".hex")]; !ok {
			t.Errorf("%s is not in the table: an old message lost its meaning", file)
		}
	}
}

// A golden file is hexadecimal in lines of 32 bytes.
func writeGolden(t *testing.T, file string, b []byte) {
	t.Helper()
	var text bytes.Buffer
	for len(b) > 0 {
		n := min(len(b), 32)
		text.WriteString(hex.EncodeToString(b[:n]) + "\n")
		b = b[n:]
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGolden(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return b
}
