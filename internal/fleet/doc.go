// Package fleet is what the nodes and the revoke service say to each other
// about enforcement, in core NATS messages that nobody stores: a node's
// [Report] and the service's [Probe]. The format is fleet.proto.
//
// A report carries no name: the subject it came on has the service, which the
// server's permissions guard, and the node. Everything else in a report is the
// node's own word for itself.
//
// Decoding never panics, skips unknown fields and bounds every value; its
// errors wrap [ErrWire].
package fleet
