// Package check is a module of its own, so that the tools by which the files
// under deploy/ are checked stay out of ours. `make check-deploy` runs it and
// prints a line for each artifact: the file, what read it, and the mistake that
// was shown to fail.
package check
