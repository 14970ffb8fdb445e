package main

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/docs"
)

// Every command line of the documentation is one that this program takes.
func TestPages(t *testing.T) {
	repo, err := docs.Open("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range repo.Commands(rootCommand()) {
		t.Error(p)
	}
}
