// Package stream knows the JetStream stream of revoked: its name, its
// subjects, its settings and how to create and verify it. Publishers and
// subscribers take every name from here, so that the two sides cannot differ.
//
// The stream is append-only with one fixed subject per purpose. Nodes follow
// it over the republished subjects and catch up by Direct Get; there is no
// consumer per node. See docs/decisions.
//
// [Names] is immutable; all functions may be called concurrently.
package stream

import (
	"fmt"
	"strings"
)

// DefaultPrefix is the prefix of all names unless configured otherwise.
const DefaultPrefix = "revoked"

// Names are the subjects and streams under one prefix, so that several
// environments can share an account.
type Names struct{ prefix string }

// NewNames returns the names under prefix; an empty prefix is [DefaultPrefix].
// A prefix is one subject token of lower-case letters, digits, '_' and '-'.
func NewNames(prefix string) (Names, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if len(prefix) > 64 {
		return Names{}, fmt.Errorf("stream: prefix is %d characters long, more than 64", len(prefix))
	}
	for _, c := range prefix {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return Names{}, fmt.Errorf("stream: prefix %q: only a-z, 0-9, '_' and '-' are allowed", prefix)
		}
	}
	return Names{prefix: prefix}, nil
}

// Events returns the name of the stream that nodes follow.
func (n Names) Events() string { return strings.ToUpper(n.prefix) + "_EVENTS" }

// Stored returns the wildcard of the subjects that the stream stores.
func (n Names) Stored() string { return n.prefix + ".rev.*" }

// Event returns the subject of stored copies of acts.
func (n Names) Event() string { return n.prefix + ".rev.event" }

// Tick returns the subject that JetStream's scheduler writes each second.
func (n Names) Tick() string { return n.prefix + ".rev.tick" }

// Schedule returns the subject of the schedule that makes the ticks.
func (n Names) Schedule() string { return n.prefix + ".rev.schedule" }

// Beat returns the subject of the revoke service's signs of life.
func (n Names) Beat() string { return n.prefix + ".rev.beat" }

// Live returns the wildcard of the republished subjects that nodes follow.
func (n Names) Live() string { return n.prefix + ".live.*" }

// LiveTick returns the republished subject of ticks.
func (n Names) LiveTick() string { return n.prefix + ".live.tick" }

// Fast returns the core NATS subject of acts that are not stored yet.
func (n Names) Fast() string { return n.prefix + ".fast.event" }

// Status returns the subject of what one node says of itself. Both names are
// single tokens; see [Token].
func (n Names) Status(service, node string) string {
	return n.prefix + ".status." + service + "." + node
}

// AllStatus returns the wildcard of the subjects of all nodes.
func (n Names) AllStatus() string { return n.prefix + ".status.*.*" }

// StatusOf returns the service and the node that a status subject names.
func (n Names) StatusOf(subject string) (service, node string, ok bool) {
	rest, ok := strings.CutPrefix(subject, n.prefix+".status.")
	if !ok {
		return "", "", false
	}
	service, node, ok = strings.Cut(rest, ".")
	return service, node, ok && service != "" && node != "" && !strings.Contains(node, ".")
}

// Probe returns the subject on which the service asks nodes what they enforce.
func (n Names) Probe() string { return n.prefix + ".probe" }

// Token makes one token of a subject from the name of a host: characters that
// a token cannot have become '_', and what is beyond 64 is cut.
func Token(name string) string {
	token := []byte(name)[:min(len(name), 64)]
	for i, c := range token {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			token[i] = '_'
		}
	}
	return string(token)
}

// DirectGet returns the subject of Direct Get requests for the stream.
func (n Names) DirectGet() string { return "$JS.API.DIRECT.GET." + n.Events() }

// republished is the destination pattern of the stream's RePublish.
func (n Names) republished() string { return n.prefix + ".live.{{wildcard(1)}}" }
