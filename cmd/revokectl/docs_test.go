package main

import (
	"os"
	"strings"
	"testing"
)

// docs/revokectl.md, which make transcript writes, shows every kind at work.
func TestTranscriptHasEveryKind(t *testing.T) {
	text, err := os.ReadFile("../../docs/revokectl.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		_, shown, found := strings.Cut(string(text), "$ revokectl revoke "+k.name+" ")
		for found && strings.Contains(shown[:strings.Index(shown, "```")], "exit code 2") {
			_, shown, found = strings.Cut(shown, "$ revokectl revoke "+k.name+" ") // the question before it
		}
		if !found || !strings.Contains(shown[:strings.Index(shown, "```")], "exit code 0") {
			t.Errorf("docs/revokectl.md shows no revocation of a %s with success: run make transcript", k.name)
		}
	}
}
