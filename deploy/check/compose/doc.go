// Package compose checks deploy/compose: Docker's own loader reads the file,
// what it promises of every container is compared with what it says, and a
// container engine of some hundred lines runs the services as processes, from
// the same commands, environment, configuration and secrets, in the same order.
//
// Each check is shown a mistake that it must find.
package compose
