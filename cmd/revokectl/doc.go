// Command revokectl revokes tokens, sessions, users, clients, groups, devices
// and whole pools of Amazon Cognito through the revoke service, lifts what was
// revoked by mistake, explains tokens, and shows what became of it all.
//
//	export REVOKED_URL=http://127.0.0.1:8081 REVOKED_API_KEY_FILE=~/.config/revoked/key
//	revokectl revoke user 8d6f2f6e-7c1a-4a53-9f0e-0d0f6f6b2a11 --reason "laptop stolen"
//	revokectl revoke session --token-stdin < token.jwt
//	revokectl revoke --batch lines.ndjson --once incident-42
//	revokectl lift 3f2a9c0d5e6b47188a9b0c1d2e3f4051 --reason "wrong user"
//	revokectl explain --token-file token.jwt
//	revokectl list --kind user --state open
//
// Data goes to standard output and messages to standard error. The table is
// for people; scripts use -o json, which is what the service sent, or take the
// first column of a table as the name of a value.
//
// # Exit codes
//
//	0  done; for revoke: denied, that is, in the stream that every node follows
//	1  failure; the message says whether the service may have carried it out
//	2  usage: nothing was sent
//	3  not found
//	4  denied: the service does not accept the API key, or not for this
//	5  accepted, but not yet, or not known to be, enforced
//
// A revocation that reached nodes on the fast path only is a failure (1), for
// they forget it within minutes; the message says so, and repeating the
// command is safe. That Cognito has not confirmed yet is not: nodes refuse the
// target all the same, and the service keeps telling Cognito.
//
// Of a batch and of several lifts, the code is 0 only if all went well.
//
// What signs out many people at once (client, group, pool) is asked about at a
// terminal, and needs --yes elsewhere.
//
// # Secrets
//
// Tokens come from standard input or a file and never from the command line,
// where every process of the machine can read them and the shell keeps them:
// an argument that looks like a token is refused before anything is sent. The
// API key comes from the environment or a file. It is sent to the configured
// address only, and over plain HTTP only within the machine.
//
// Output is never colored, so NO_COLOR has nothing to turn off. Control
// characters in what the service sends are shown as escapes.
package main
