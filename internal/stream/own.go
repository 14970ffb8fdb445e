package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Fleet returns the name of the stream in which the replicas of the revoke
// service remember which nodes there are. Nodes can't see it.
func (n Names) Fleet() string { return strings.ToUpper(n.prefix) + "_FLEET" }

// FleetMember returns the subject of one process of a node. All are single
// tokens.
func (n Names) FleetMember(service, node, instance string) string {
	return n.prefix + ".fleet." + service + "." + node + "." + instance
}

// AllFleet returns the wildcard of the subjects of the stream [Names.Fleet].
func (n Names) AllFleet() string { return n.prefix + ".fleet.*.*.*" }

// FleetMemberOf returns what a subject of [Names.FleetMember] names.
func (n Names) FleetMemberOf(subject string) (service, node, instance string, ok bool) {
	rest, ok := strings.CutPrefix(subject, n.prefix+".fleet.")
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 3 {
		return "", "", "", false
	}
	return parts[0], parts[1], parts[2], true
}

// Audit returns the name of the stream of who did what. Nodes can't see it.
func (n Names) Audit() string { return strings.ToUpper(n.prefix) + "_AUDIT" }

// AuditEntry returns the subject of the entries of [Names.Audit].
func (n Names) AuditEntry() string { return n.prefix + ".audit.entry" }

// DefaultAuditAge is how long entries of the audit are kept unless configured
// otherwise.
const DefaultAuditAge = 365 * 24 * time.Hour

// ProvisionOwn creates the streams of tasks, of the fleet and of the audit, or
// verifies those that exist. Like [Provision] it needs the rights of an administrator
// and changes no stream, but for the age of the audit, which is an operator's
// choice.
func ProvisionOwn(ctx context.Context, js jetstream.JetStream, set Settings) error {
	for _, cfg := range []jetstream.StreamConfig{wantedTasks(set.Names), wantedFleet(set.Names), wantedAudit(set.Names, cmp.Or(set.AuditAge, DefaultAuditAge))} {
		cfg.Replicas = max(set.Replicas, 1)
		_, err := js.CreateStream(ctx, cfg)
		if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return fmt.Errorf("stream: creating %s: %w", cfg.Name, err)
		}
		found, err := verifyOwn(ctx, js, cfg)
		if err != nil {
			return err
		}
		if found.Replicas != cfg.Replicas {
			return &MismatchError{
				Stream: cfg.Name, Field: "num_replicas", Wanted: fmt.Sprint(cfg.Replicas), Found: fmt.Sprint(found.Replicas),
			}
		}
		if found.MaxAge != cfg.MaxAge && cfg.Name == set.Names.Audit() {
			found.MaxAge = cfg.MaxAge
			if _, err := js.UpdateStream(ctx, found); err != nil {
				return fmt.Errorf("stream: setting the age of %s: %w", cfg.Name, err)
			}
		}
	}
	return nil
}

// VerifyOwn reads the streams of tasks, fleet and audit and compares them
// with what revoked needs. It changes nothing. The error is a [*MismatchError]
// for the first field that differs, or wraps [jetstream.ErrStreamNotFound].
func VerifyOwn(ctx context.Context, js jetstream.JetStream, names Names) error {
	for _, cfg := range []jetstream.StreamConfig{wantedTasks(names), wantedFleet(names), wantedAudit(names, 0)} {
		if _, err := verifyOwn(ctx, js, cfg); err != nil {
			return err
		}
	}
	return nil
}

func verifyOwn(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.StreamConfig, error) {
	s, err := js.Stream(ctx, want.Name)
	if err != nil {
		return jetstream.StreamConfig{}, fmt.Errorf("stream: reading %s: %w", want.Name, err)
	}
	found := s.CachedInfo().Config
	if wrong := ownDifferences(want, found); len(wrong) > 0 {
		return found, wrong[0]
	}
	return found, nil
}

// ownDifferences returns what is not as wanted, field by field. The age is an
// operator's choice for the audit, and none for streams whose messages say
// themselves when they run out.
func ownDifferences(want, found jetstream.StreamConfig) (all []*MismatchError) {
	if !want.AllowMsgTTL {
		want.MaxAge = found.MaxAge
	}
	for _, f := range []struct{ name, wanted, found string }{
		{"subjects", fmt.Sprint(want.Subjects), fmt.Sprint(slices.Sorted(slices.Values(found.Subjects)))},
		{"retention", want.Retention.String(), found.Retention.String()},
		{"storage", want.Storage.String(), found.Storage.String()},
		{"max_msgs", "unlimited", limit(found.MaxMsgs)},
		{"max_msgs_per_subject", limit(want.MaxMsgsPerSubject), limit(found.MaxMsgsPerSubject)},
		{"max_bytes", "unlimited", limit(found.MaxBytes)},
		{"max_msg_size", "unlimited", limit(int64(found.MaxMsgSize))},
		{"max_age", want.MaxAge.String(), found.MaxAge.String()},
		{"discard", want.Discard.String(), found.Discard.String()},
		{"no_ack", "false", fmt.Sprint(found.NoAck)},
		{"sealed", "false", fmt.Sprint(found.Sealed)},
		{"allow_direct", "true", fmt.Sprint(found.AllowDirect)},
		{"allow_msg_ttl", fmt.Sprint(want.AllowMsgTTL), fmt.Sprint(found.AllowMsgTTL)},
		{"deny_delete", "true", fmt.Sprint(found.DenyDelete)},
		{"allow_rollup_hdrs", "false", fmt.Sprint(found.AllowRollup)},
		{"republish", "false", fmt.Sprint(found.RePublish != nil)}, // to whom?
		{"mirror", "false", fmt.Sprint(found.Mirror != nil)},
		{"sources", "0", fmt.Sprint(len(found.Sources))},
	} {
		if f.wanted != f.found {
			all = append(all, &MismatchError{Stream: want.Name, Field: f.name, Wanted: f.wanted, Found: f.found})
		}
	}
	return all
}

func wantedFleet(names Names) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              names.Fleet(),
		Description:       "revoked: which nodes there are",
		Subjects:          []string{names.AllFleet()},
		Storage:           jetstream.FileStorage,
		MaxMsgsPerSubject: 1, // the newest word on each process
		AllowMsgTTL:       true,
		AllowDirect:       true,
		DenyDelete:        true,
		DenyPurge:         true,
	}
}

// wantedAudit leaves purges to the administrator: ids are personal data, and a
// law may ask for them to be erased.
func wantedAudit(names Names, age time.Duration) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        names.Audit(),
		Description: "revoked: who did what",
		Subjects:    []string{names.AuditEntry()},
		Storage:     jetstream.FileStorage,
		MaxAge:      age,
		AllowDirect: true,
		DenyDelete:  true,
	}
}
