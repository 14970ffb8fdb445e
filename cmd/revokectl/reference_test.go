package main

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/docs"
	"github.com/seed-4e8dee1b/revoked/internal/reference"
)

func TestReference(t *testing.T) {
	reference.Compare(t, "revokectl.md", reference.Commands(t, (&app{getenv: func(string) string { return "" }}).rootCommand(), "Shown at work, with what it prints: [revokectl.md](../revokectl.md)."))
}

// Every command line of the documentation is one that this program takes.
func TestPages(t *testing.T) {
	docs.CheckCommands(t, (&app{getenv: func(string) string { return "" }}).rootCommand())
}
