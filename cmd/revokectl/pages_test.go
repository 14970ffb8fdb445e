package main

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/docs"
)

// Every command line of the documentation is one that this program takes, and
// its reference page is up to date.
func TestPages(t *testing.T) {
	repo, err := docs.Open("../..")
	if err != nil {
		t.Fatal(err)
	}
	root := (&app{getenv: func(string) string { return "" }}).rootCommand()
	for _, p := range repo.Commands(root) {
		t.Error(p)
	}
	if err := repo.Reference(root); err != nil {
		t.Error(err)
	}
}
