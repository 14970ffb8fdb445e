package tasks

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
)

// newest returns the newest message on a subject, or [publisher.ErrNotFound].
//
// The leader of the stream answers, although the stream has Direct Get: that
// may be answered by a replica that lags behind, for which a new task is not
// there yet and a task that is done still to do.
func (s *Store) newest(ctx context.Context, subject string) (stream.Stored, error) {
	request, err := json.Marshal(struct {
		Subject string `json:"last_by_subj"`
	}{subject})
	if err != nil {
		return stream.Stored{}, err
	}
	msg, err := s.nc.RequestWithContext(ctx, stream.LeaderGetOf(s.names.Tasks()), request)
	if err != nil {
		return stream.Stored{}, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Subject string `json:"subject"`
			Seq     uint64 `json:"seq"`
			Data    []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return stream.Stored{}, errors.New("tasks: the server's answer is not the JSON that is expected")
	}
	switch {
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return stream.Stored{}, publisher.ErrNotFound
	case answer.Error != nil:
		return stream.Stored{}, answer.Error
	case answer.Message == nil || answer.Message.Subject != subject:
		return stream.Stored{}, errors.New("tasks: the server's answer has no message, or another one")
	}
	return stream.Stored{Subject: answer.Message.Subject, Sequence: answer.Message.Seq, Data: answer.Message.Data}, nil
}
