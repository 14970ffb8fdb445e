// Package published is a module of its own, so that the tools by which the files
// are checked that publish a release stay out of ours: goreleaser's own types for
// .goreleaser.yaml, actionlint for the workflows. "make check-release" runs it.
package published
