// Package publisher carries out revocations: it denies fast, makes the act
// durable, tells Cognito, and confirms. The order of these effects is the
// package's reason to exist; see [Publisher.Revoke].
package publisher
