// Package service is the revoke service as a whole: its configuration, and the
// wiring of NATS, the service's own denylist, token validation, Cognito and the
// HTTP listeners. cmd/revoked runs it, cmd/revoked-dev has it inside.
//
// # Life
//
// [Start] returns once the listeners are open; it does not wait for NATS. From
// then on /livez is 200. /readyz is 503, with the reason, until NATS is
// connected, the stream is verified and the service's own denylist is fresh;
// it is 503 again while one of these does not hold, because a request could
// not be carried out either. Nothing needs a restart to become ready again,
// and nothing is given up.
//
// Missing token keys do not make the service unready for longer than ten
// seconds after its start: an operator who knows the id of what to revoke
// needs no keys, least of all while Cognito is down.
//
// [Service.Close] turns /readyz off first, lets requests finish, and stops
// everything else in order.
package service
