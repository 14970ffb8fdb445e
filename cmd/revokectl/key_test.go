package main

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// The entry is about the key, and no two keys are alike.
func TestMakeKey(t *testing.T) {
	a, b := makeKey("ci", "operator"), makeKey("ci", "operator")
	if a.Key == b.Key {
		t.Error("two keys are the same")
	}
	sum := sha256.Sum256([]byte(a.Key))
	if got, want := a.Entry.SHA256, hex.EncodeToString(sum[:]); got != want {
		t.Errorf("entry has %s, want the key's SHA-256 %s", got, want)
	}
}
