package main

import (
	"os"
	"strings"
	"testing"
)

// It shows the commands around revocations, too.
func TestTranscriptHasEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../../docs/revokectl.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{"nodes\n", "watch\n", "audit ", "doctor\n", "doctor --real-pool ", "explain ", "lift ", "list ", "get ", "key new "} {
		if !strings.Contains(string(text), "$ revokectl "+shown) {
			t.Errorf("docs/revokectl.md does not show revokectl %s: run make transcript", strings.TrimSpace(shown))
		}
	}
	if !strings.Contains(string(text), "--wait all --timeout 2m\n") || !strings.Contains(string(text), "# exit code 5") {
		t.Error("docs/revokectl.md shows no wait that is met and none that is not: run make transcript")
	}
}

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
