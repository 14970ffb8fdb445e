// Package readme holds the Go code that README.md and the pages of docs show,
// so that it compiles. The test of internal/docs fails if they show other code.
package readme
