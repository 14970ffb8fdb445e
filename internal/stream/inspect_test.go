package stream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// graded returns the findings with a grade, one per line.
func graded(findings []stream.Finding, g stream.Grade) string {
	var lines []string
	for _, f := range findings {
		if f.Grade == g {
			lines = append(lines, f.Topic+": "+f.Found)
		}
		if (f.Fix == "") != (f.Grade == stream.Good) {
			lines = append(lines, fmt.Sprintf("%s: grade %s with fix %q", f.Topic, f.Grade, f.Fix))
		}
	}
	return strings.Join(lines, "\n")
}

func TestInspectGoodAndNotProvisioned(t *testing.T) {
	ctx, nc, js := connect(t)
	n := names(t, "")
	if got := graded(stream.Inspect(ctx, nc, n), stream.Failure); got != "stream REVOKED_EVENTS: does not exist\nstream REVOKED_TASKS: does not exist\n"+
		"stream REVOKED_FLEET: does not exist\nstream REVOKED_AUDIT: does not exist" {
		t.Errorf("failures before provisioning:\n%s", got)
	}
	if _, err := js.Stream(ctx, n.Events()); err == nil {
		t.Error("the stream exists after an inspection")
	}
	info, err := stream.Provision(ctx, js, stream.Settings{Names: n})
	if err != nil {
		t.Fatal(err)
	}
	before := stored(t, js, n)
	findings := stream.Inspect(ctx, nc, n)
	if got := graded(findings, stream.Failure); got != "" {
		t.Errorf("failures of a good stream:\n%s", got)
	}
	if got := graded(findings, stream.Warning); got != "replicas: 1" {
		t.Errorf("warnings of a good stream:\n%s", got)
	}
	if got := graded(findings, stream.Unknown); got != "sync_interval: not readable over NATS" {
		t.Errorf("unknowns of a good stream:\n%s", got)
	}
	if got := graded(findings, stream.Good); !strings.Contains(got, info.Epoch) {
		t.Errorf("the epoch is not among:\n%s", got)
	}
	if after := stored(t, js, n); after != before {
		t.Errorf("stored but for ticks: %d before, %d after the inspection", before, after)
	}
}

// stored counts the messages of the stream that are not ticks.
func stored(t *testing.T, js jetstream.JetStream, n stream.Names) uint64 {
	t.Helper()
	s, err := js.Stream(t.Context(), n.Events())
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	var count uint64
	for subject, messages := range info.State.Subjects {
		if subject != n.Tick() {
			count += messages
		}
	}
	return count
}

func TestInspectNamesEveryDifference(t *testing.T) {
	ctx, nc, js := connect(t)
	n := names(t, "")
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: n.Events(), Subjects: []string{n.Stored()}, Storage: jetstream.MemoryStorage, MaxAge: time.Hour, AllowMsgTTL: true,
	}); err != nil {
		t.Fatal(err)
	}
	got := graded(stream.Inspect(ctx, nc, n), stream.Failure)
	for _, want := range []string{"storage: ", "max_age: 1h", "allow_direct: false", "republish: none", "tick schedule: ", "direct get: ", "live ticks: "} {
		if !strings.Contains(got, want) {
			t.Errorf("no failure %q in:\n%s", want, got)
		}
	}
}

// A credential that may do little learns what, and the inspection goes on.
func TestInspectWithFewRights(t *testing.T) {
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{
			{Username: "admin", Password: "admin"},
			{Username: "node", Password: "node", Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: []string{"$JS.API.DIRECT.GET.REVOKED_EVENTS"}},
				Subscribe: &server.SubjectPermission{Allow: []string{"revoked.live.*", "_INBOX.>"}},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(30 * time.Second) {
		t.Fatal("server is not ready")
	}
	user := func(name string) *nats.Conn {
		nc, err := nats.Connect(srv.ClientURL(), nats.UserInfo(name, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	js, err := jetstream.New(user("admin"))
	if err != nil {
		t.Fatal(err)
	}
	n := names(t, "")
	if _, err := stream.Provision(t.Context(), js, stream.Settings{Names: n}); err != nil {
		t.Fatal(err)
	}
	if err := stream.CheckInbox(t.Context(), user("node")); err != nil {
		t.Errorf("inboxes of the node: %v", err)
	}
	private, err := nats.Connect(srv.ClientURL(), nats.UserInfo("node", "node"), nats.CustomInboxPrefix("_INBOX_other"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(private.Close)
	if err := stream.CheckInbox(t.Context(), private); err == nil || !strings.Contains(err.Error(), "_INBOX_other.>") || !strings.Contains(err.Error(), "NATS_INBOX_PREFIX") {
		t.Errorf("inboxes that the node may not subscribe to: %v", err)
	}
	findings := stream.Inspect(t.Context(), user("node"), n)
	if got := graded(findings, stream.Failure); got != "" {
		t.Errorf("failures:\n%s", got)
	}
	unknown := graded(findings, stream.Unknown)
	for _, want := range []string{"jetstream: ", "stream REVOKED_EVENTS: ", "tick schedule: "} {
		if !strings.Contains(unknown, want) {
			t.Errorf("no unknown %q in:\n%s", want, unknown)
		}
	}
	warnings := graded(findings, stream.Warning)
	for _, want := range []string{"may provision: no", "may publish the schedule: no", "may publish acts: no", "may publish beats: no"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("no warning %q in:\n%s", want, warnings)
		}
	}
	good := graded(findings, stream.Good)
	for _, want := range []string{"direct get: answers", "live ticks: "} {
		if !strings.Contains(good, want) {
			t.Errorf("%q is not good:\n%s", want, good)
		}
	}
}
