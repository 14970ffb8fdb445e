package dev

import "testing"

func TestQuoted(t *testing.T) {
	for path, want := range map[string]string{
		"bin/revokectl":         "bin/revokectl",
		"/opt/a b/revokectl":    "'/opt/a b/revokectl'",
		"/it's/$HOME/revokectl": `'/it'\''s/$HOME/revokectl'`,
		"/ä-1.2/revokectl":      "/ä-1.2/revokectl",
	} {
		if got := quoted(path); got != want {
			t.Errorf("quoted(%s) = %s, want %s", path, got, want)
		}
	}
}
