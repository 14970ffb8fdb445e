package main

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/docs"
	"github.com/seed-4e8dee1b/revoked/internal/reference"
)

func TestReference(t *testing.T) {
	reference.Compare(t, "revoked-dev.md", reference.Commands(t, rootCommand(), ""))
}

// Every command line of the documentation is one that this program takes.
func TestPages(t *testing.T) { docs.CheckCommands(t, rootCommand()) }
