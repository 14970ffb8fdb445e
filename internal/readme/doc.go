// Package readme holds the code that README.md shows, so that it compiles, and
// a test that the two are the same.
package readme
