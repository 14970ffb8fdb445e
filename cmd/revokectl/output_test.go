package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// FuzzPrintable: nothing that is printed controls the terminal, and JSON keeps
// its meaning.
func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"", "sub-1", "\x1b[2J", "a\tb\nc", "\u202e", "\u009b31m", "\U000e0041", "\xff", "é 漢 🙂", `\x1b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := printable(s); strings.ContainsFunc(got, unprintable) {
			t.Errorf("printable(%q) = %q", s, got)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got := printableJSON(text)
		if strings.ContainsFunc(string(got), unprintable) {
			t.Errorf("printableJSON(%q) = %q", text, got)
		}
		var before, after string
		if err := json.Unmarshal(text, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(got, &after); err != nil {
			t.Fatalf("printableJSON(%q) = %q: %v", text, got, err)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("printableJSON(%q) changes the value (-before +after):\n%s", text, diff)
		}
	})
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func TestRefuseTokens(t *testing.T) {
	tests := []struct {
		arg    string
		refuse bool
	}{
		{"eyJh.eyJz.c2ln", true},
		{"eyJh.eyJz.", true}, // unsigned
		{"eyJh.k.i.c.t", true},
		{"eyJh.k.i.c", true},
		{"--token=eyJh.eyJz.c2ln", true},
		{"Bearer eyJh.eyJz.c2ln", true},
		{`{"token":"eyJh.eyJz.c2ln"}`, true},
		{"eyJh", false},
		{"eyJh.txt", false},
		{"keyJh.eyJz.c2ln", false},
		{"tokens/eyJh.jwt", false},
		{"8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11", false},
		{"https://revoked.internal:8081", false},
		{"", false},
	}
	for _, tt := range tests {
		t.Run(tt.arg, func(t *testing.T) {
			err := refuseTokens([]string{"revoke", "token", tt.arg})
			if (err != nil) != tt.refuse {
				t.Errorf("refuseTokens with %q = %v, want refused: %v", tt.arg, err, tt.refuse)
			}
			if err != nil && strings.Contains(err.Error(), "eyJ") {
				t.Errorf("the message repeats the token: %v", err)
			}
		})
	}
}
