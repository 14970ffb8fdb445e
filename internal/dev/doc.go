// Package dev is the whole of revoked on one machine, for newcomers and for
// tests: nats-server and a Cognito emulator inside the process, the revoke
// service, and sample API nodes in processes of their own. [RunDemo] tells the
// story of a revocation on it, step by step, and fails if a step does not hold.
//
// Everything listens on loopback. Nothing of it is meant for production.
package dev
