// Package nats holds the configuration of NATS for revoked (README.md says how
// to use it), and the tests that try what it must not allow.
package nats
