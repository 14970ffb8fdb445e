// Package embedding holds the code that docs/embedding.md shows, so that it
// compiles, and tests that run it: how a service with the router or JWT library
// that it already has asks the denylist. It is a module of its own, so that
// routers stay out of the project's dependencies.
package embedding
