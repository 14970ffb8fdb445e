package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
	"github.com/seed-4e8dee1b/revoked/publisher/cognito"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Finding is the answer to one question of [Service.Examine].
type Finding = stream.Finding

const (
	// examineTimeout bounds an examination.
	examineTimeout = 45 * time.Second
	// recentMessages are looked through for beats: two minutes of ticks.
	recentMessages = 150
	// lateBeat is an age at which two beats of a replica have been missed.
	lateBeat = 25 * time.Second
	// A clock that is further off than these is a warning, or makes nodes
	// stale.
	clockWarning, clockFailure = time.Second, 2 * time.Second
)

// examination collects what is found.
type examination struct {
	s        *Service
	findings []Finding
}

func (e *examination) add(g stream.Grade, topic, fix, found string, args ...any) {
	e.findings = append(e.findings, Finding{Grade: g, Topic: topic, Found: fmt.Sprintf(found, args...), Fix: fix})
}

// Examine asks everything that revoked depends on whether it is as it must be:
// NATS, the streams, the other replicas, the nodes, the clocks, the user pools
// and their app clients, and what AWS permits. It changes nothing.
func (s *Service) Examine(ctx context.Context) ([]Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	e := &examination{s: s}
	for _, step := range []func(context.Context){e.ready, e.nats, e.replicas, e.nodes, e.audit, e.pools} {
		step(ctx)
	}
	return e.findings, nil
}

// doctor implements [api.Doctor].
type doctor struct{ service *Service }

// Examine implements [api.Doctor].
func (d doctor) Examine(ctx context.Context) ([]api.Finding, error) {
	found, err := d.service.Examine(ctx)
	all := make([]api.Finding, len(found))
	for i, f := range found {
		all[i] = api.Finding{Grade: strings.ToLower(string(f.Grade)), Topic: f.Topic, Found: f.Found, Fix: f.Fix}
	}
	return all, err
}

func (e *examination) ready(context.Context) {
	if err := e.s.ready(); err != nil {
		e.add(stream.Failure, "service", "see the other findings", "not ready: %v", err)
		return
	}
	e.add(stream.Good, "service", "", "replica %s is ready", e.s.cfg.ServiceID)
}

// nats asks over a connection of its own, with the same credential: asking
// replaces the handler of errors.
func (e *examination) nats(ctx context.Context) {
	nc, _, err := Connect(ctx, e.s.cfg)
	if err != nil {
		e.add(stream.Failure, "nats", "see nats.url and the credential", "%v", err)
		return
	}
	defer nc.Close()
	e.findings = append(e.findings, stream.Inspect(ctx, nc, e.s.names)...)
	e.offset("clock of nats", func() (time.Duration, bool) {
		e.s.mu.Lock()
		view := e.s.view
		e.s.mu.Unlock()
		if view == nil {
			return 0, false
		}
		st := view.Status()
		return st.ClockOffset, !st.AsOf.IsZero()
	})
}

func (e *examination) offset(topic string, read func() (time.Duration, bool)) {
	offset, known := read()
	const fix = "keep the clocks of all hosts with NTP"
	switch size := offset.Abs(); {
	case !known:
		e.add(stream.Unknown, topic, "ask again when the service is ready and has called", "nothing is known of it yet")
	case size > clockFailure:
		e.add(stream.Failure, topic, fix, "differs by %v from that of this host: cutoffs are wrong, and nodes like this are stale", offset.Round(time.Millisecond))
	case size > clockWarning:
		e.add(stream.Warning, topic, fix, "differs by %v from that of this host", offset.Round(time.Millisecond))
	default:
		e.add(stream.Good, topic, "", "differs by %v from that of this host", offset.Round(time.Millisecond))
	}
}

// replicas looks for the beats of every replica, and whether they speak of one
// history.
func (e *examination) replicas(ctx context.Context) {
	const topic = "replicas"
	info, err := stream.Verify(ctx, e.s.js, e.s.names)
	if err != nil {
		e.add(stream.Unknown, topic, "see the findings about the stream", "the stream can't be read")
		return
	}
	from := uint64(1)
	if info.LastSequence > recentMessages {
		from = info.LastSequence - recentMessages
	}
	stored, _, err := stream.Read(ctx, e.s.link.nc, e.s.names.Events(), from, recentMessages+1)
	if err != nil {
		e.add(stream.Unknown, topic, "see the findings about the stream", "%v", err)
		return
	}
	newest := make(map[string]time.Time)
	epochs := make(map[string]string)
	now := time.Now()
	for _, m := range stored {
		msg, err := revocation.Decode(m.Data)
		if err != nil || msg.Beat == nil {
			continue
		}
		if msg.Beat.Epoch == "" && msg.Beat.Accepted.Epoch != "" {
			continue // an operator's acceptance, and no replica
		}
		newest[msg.Beat.ServiceID], epochs[msg.Beat.ServiceID] = m.Time, msg.Beat.Epoch
	}
	for _, id := range slices.Sorted(maps.Keys(newest)) {
		age := now.Sub(newest[id]).Round(time.Second)
		switch {
		case epochs[id] != info.Epoch:
			e.add(stream.Failure, topic, "restart the replica; if the stream was restored, see \"revokectl epoch accept\"",
				"%s beats for epoch %s, but the stream has %s", id, epochs[id], info.Epoch)
		case age > lateBeat:
			e.add(stream.Warning, topic, "if it was not stopped on purpose, look at its log", "%s has not beaten for %v", id, age)
		default:
			e.add(stream.Good, topic, "", "%s beats, %v ago, for epoch %s", id, age, epochs[id])
		}
	}
	if _, beats := newest[e.s.cfg.ServiceID]; !beats {
		e.add(stream.Failure, topic, "look at the log of this replica: it can't publish on "+e.s.names.Beat(),
			"no beat of this replica, %s, among the newest %d messages", e.s.cfg.ServiceID, len(stored))
	}
}

// nodes looks at what the nodes say of themselves.
func (e *examination) nodes(context.Context) {
	const topic = "nodes"
	all, err := lateFleet{e.s}.Members()
	if err != nil {
		e.add(stream.Unknown, topic, "ask again when the service is ready", "%v", err)
		return
	}
	counts := make(map[string]int)
	for _, m := range all {
		counts[m.Service]++
		name := m.Service + "/" + m.Node
		switch {
		case m.Unproven:
			e.add(stream.Failure, topic, fmt.Sprintf("find out; if it is gone: revokectl nodes remove %s %s", m.Service, m.Node),
				"%s is silent, and serves while stale: it may accept revoked tokens", name)
		case m.Silent:
			e.add(stream.Warning, topic, "look at the node and its way to NATS", "%s is silent", name)
		case m.State != "live":
			e.add(stream.Warning, topic, "look at the node", "%s is %s %s", name, m.State, m.Detail)
		case m.ClockOffset.Abs() > clockWarning:
			e.add(stream.Warning, topic, "keep its clock with NTP", "the clock of %s differs by %v from that of NATS", name, m.ClockOffset)
		}
		switch m.Policy {
		case "undeclared":
			e.add(stream.Warning, topic, "use validator's routes, or call DeclareStalePolicy", "%s has not said what it does while stale: it counts as fail-open", name)
		case "report-only":
			e.add(stream.Warning, topic, "end the trial when you trust it", "%s reports only, and refuses nothing", name)
		}
	}
	for _, service := range slices.Sorted(maps.Keys(e.s.cfg.Expect)) {
		if want := e.s.cfg.Expect[service]; counts[service] < want {
			e.add(stream.Failure, topic, "start the nodes that are missing, or correct expect (REVOKED_EXPECT)",
				"%s has %d, %d are expected: no receipt is ever met", service, counts[service], want)
		}
	}
	if len(all) == 0 {
		e.add(stream.Warning, topic, "start a node; its credential must let it publish on "+e.s.names.Status("<service>", "<node>"), "none has reported")
		return
	}
	e.add(stream.Good, topic, "", "%d have reported", len(all))
}

func (e *examination) audit(context.Context) {
	switch st := e.s.audit.Stats(); {
	case st.Lost > 0:
		e.add(stream.Failure, "audit", "look for \"audit entry not stored\" in the log, and at the stream "+e.s.names.Audit(),
			"%d entries exist in the log of this replica only", st.Lost)
	case st.Pending > 0:
		e.add(stream.Warning, "audit", "look at the stream "+e.s.names.Audit(), "%d entries wait to be stored", st.Pending)
	default:
		e.add(stream.Good, "audit", "", "all entries are stored")
	}
}

func (e *examination) pools(ctx context.Context) {
	if err := e.s.tokens.ready(); err != nil {
		e.add(stream.Warning, "token keys", "let the service reach the pools' JWKS URLs", "%v", err)
	} else {
		e.add(stream.Good, "token keys", "", "known for every pool")
	}
	for _, p := range e.s.cfg.Pools {
		counted, ok := e.s.pools[p.ID].Cognito.(countedCognito)
		if !ok {
			continue
		}
		e.pool(ctx, p, counted.pool)
	}
}

func (e *examination) pool(ctx context.Context, p Pool, pool *cognito.Pool) {
	topic := "pool " + p.ID
	if err := pool.CheckCredentials(ctx); err != nil {
		e.add(stream.Failure, topic, "give AWS credentials as the SDK reads them (AWS_*, a role): without them users can't be signed out",
			"%v", err)
		return
	}
	for _, perm := range pool.CheckPermissions(ctx) {
		refused, isRefused := errors.AsType[*publisher.CognitoError](perm.Err)
		switch {
		case perm.Err == nil:
			e.add(stream.Good, topic, "", "%s is permitted", perm.Action)
		case isRefused && strings.HasPrefix(refused.Code, "AccessDenied"):
			e.add(stream.Failure, topic, "allow "+perm.Action+" on the pool in the service's IAM policy: without it users can't be signed out",
				"%s is not permitted", perm.Action)
		default:
			e.add(stream.Unknown, topic, "see the code in Cognito's documentation, then ask again", "%s: %v", perm.Action, perm.Err)
		}
	}
	for _, c := range p.Clients {
		e.client(ctx, p, c, pool)
	}
	if len(p.Clients) == 0 {
		e.add(stream.Warning, topic, "list the pool's app clients, with how long their tokens are valid", "no app client is configured: every validity counts as Cognito's longest")
	}
	e.offset("clock of cognito, pool "+p.ID, func() (time.Duration, bool) {
		offset, at := pool.Offset()
		return offset, !at.IsZero()
	})
}

// client compares an app client with what the expiry of revocations is made
// of.
func (e *examination) client(ctx context.Context, p Pool, c Client, pool *cognito.Pool) {
	topic := "client " + c.ID
	set, err := pool.DescribeClient(ctx, c.ID)
	refused, isRefused := errors.AsType[*publisher.CognitoError](err)
	switch {
	case isRefused && strings.HasPrefix(refused.Code, "AccessDenied"):
		e.add(stream.Unknown, topic, "allow cognito-idp:DescribeUserPoolClient to have it checked", "its settings may not be read")
		return
	case isRefused && refused.Code == "ResourceNotFoundException":
		e.add(stream.Failure, topic, "correct pools[].clients[].id", "pool %s has no such app client", p.ID)
		return
	case err != nil:
		e.add(stream.Unknown, topic, "ask again", "%v", err)
		return
	}
	before := len(e.findings)
	if !set.RevocationEnabled {
		e.add(stream.Failure, topic, "enable token revocation (EnableTokenRevocation) for the app client: without it its tokens carry no origin_jti and no session of it can be denied",
			"token revocation is off")
	}
	for _, v := range []struct {
		name       string
		configured time.Duration
		real       time.Duration
	}{
		{"access_validity", c.AccessValidity, set.AccessValidity},
		{"id_validity", c.IDValidity, set.IDValidity},
		{"refresh_validity", c.RefreshValidity, set.RefreshValidity},
	} {
		switch {
		case v.configured == 0:
			e.add(stream.Warning, topic, fmt.Sprintf("set %s: %v, so that revocations end when they can", v.name, v.real),
				"%s is not configured, and counts as Cognito's longest or default; it is %v", v.name, v.real)
			if v.name == "refresh_validity" && v.real > defaultRefreshValidity {
				e.add(stream.Failure, topic, fmt.Sprintf("set %s: %v", v.name, v.real),
					"%s is longer than the 30 days it counts as: a revoked session comes back when its entry has ended", v.name)
			}
		case v.configured < v.real:
			e.add(stream.Failure, topic, fmt.Sprintf("set %s: %v", v.name, v.real),
				"%s is configured as %v, but Cognito issues for %v: revoked tokens come back when the entry has ended", v.name, v.configured, v.real)
		case v.configured > v.real:
			e.add(stream.Warning, topic, fmt.Sprintf("set %s: %v, a day after it was changed at Cognito", v.name, v.real),
				"%s is configured as %v, Cognito issues for %v: revocations are kept longer than they need", v.name, v.configured, v.real)
		}
	}
	if set.Rotation {
		e.add(stream.Good, topic, "", "rotates refresh tokens, with %v of grace", set.RotationGrace)
	}
	if len(e.findings) == before {
		e.add(stream.Good, topic, "", "token revocation is on, and validities are as configured")
	}
}
