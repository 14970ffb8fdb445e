package stream

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Tasks returns the name of the stream of the revoke service's tasks. Nodes
// can't see it.
func (n Names) Tasks() string { return strings.ToUpper(n.prefix) + "_TASKS" }

// Task returns the subject of one task. The id is one subject token.
func (n Names) Task(id string) string { return n.prefix + ".task." + id }

// TaskOf returns the id in the subject of a task, or "".
func (n Names) TaskOf(subject string) string {
	id, ok := strings.CutPrefix(subject, n.prefix+".task.")
	if !ok {
		return ""
	}
	return id
}

// LeaderGetOf returns the subject of requests for a message of a stream that
// its leader answers, never a replica that lags behind.
func LeaderGetOf(stream string) string { return "$JS.API.STREAM.MSG.GET." + stream }

// VerifyTasks does what [VerifyOwn] does for the stream of tasks alone.
func VerifyTasks(ctx context.Context, js jetstream.JetStream, names Names) error {
	_, err := verifyOwn(ctx, js, wantedTasks(names))
	return err
}

func wantedTasks(names Names) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        names.Tasks(),
		Description: "revoked: what the revoke service has still to do, and what it has done",
		Subjects:    []string{names.Task("*")},
		Storage:     jetstream.FileStorage,
		// The newest version of a task alone: with an older one a sealed
		// refresh token would stay on disk.
		MaxMsgsPerSubject: 1,
		AllowMsgTTL:       true,
		AllowDirect:       true,
		DenyDelete:        true,
		DenyPurge:         true,
	}
}
