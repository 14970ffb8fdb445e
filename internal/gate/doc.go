// Package gate decides about requests for services that do not embed the
// validator: a proxy or the service itself asks, over loopback or a unix
// socket. cmd/revoked-gate runs it.
//
//	g, err := gate.Start(cfg)
//	...
//	defer g.Close()
//
// # Interfaces
//
//   - forward-auth: GET /auth with X-Forwarded-Method and X-Forwarded-Uri, for
//     nginx, Caddy, Traefik and HAProxy. 200 with the identity in X-Auth-*, or
//     401 or 403.
//   - ext_authz: Envoy's gRPC protocol, version 3.
//   - check: POST /v1/check with tokens, or with claims that the caller has
//     verified.
//
// All three ask one judge: the rule for method and path, the token, the
// denylist, the stale policy of the rule, in this order.
//
// # Promises
//
// What is uncertain is refused: a request that no rule names, a path that two
// readers could read differently, a proxy that does not say what it asks
// about, keys or a denylist that are not there yet. A request that is refused
// gets no identity; one that is allowed gets every identity header from the
// gate, or none.
//
// Whoever may connect can name any path and any claims, so that only this
// machine and the networks in trusted_proxies may. Readiness latches after the
// first complete view, as in package subscriber.
package gate
