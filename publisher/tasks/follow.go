package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// followPeriod is how often the stream is asked for new versions.
const followPeriod = time.Second

// follow keeps the index up to date until ctx ends. What it misses for a while
// delays a takeover and nothing else: whoever works on a task reads it first.
func (s *Store) follow(ctx context.Context) {
	again := time.NewTicker(followPeriod)
	defer again.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		err := s.catchUp(ctx)
		switch {
		case err == nil:
			said = ""
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			s.log.Warn().Err(err).Msg("tasks not followed, retrying")
		}
	}
}

// catchUp reads what was stored since the last time.
func (s *Store) catchUp(ctx context.Context) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		batchCtx, cancel := context.WithTimeout(ctx, callTimeout)
		found, left, err := stream.Read(batchCtx, s.nc, s.names.Tasks(), s.last+1, stream.MaxRead)
		cancel()
		if err != nil {
			return fmt.Errorf("tasks: %w", err)
		}
		for _, m := range found {
			s.learn(m)
			s.last = m.Sequence
		}
		if left == 0 {
			return nil
		}
	}
}

// learn takes note of a version.
func (s *Store) learn(m stream.Stored) {
	r, act, err := decodeRecord(m.Data)
	if id, idErr := revocation.ParseActID(s.names.TaskOf(m.Subject)); err == nil && (idErr != nil || id != act.ID) {
		err = errors.New("tasks: a stored task is on the subject of another")
	}
	if err != nil {
		s.unreadable.Add(1)
		s.log.Error().Uint64("seq", m.Sequence).Err(err).Msg("stored task not readable: left to other replicas")
		return
	}
	t := r.task(act, m.Sequence, Keys{})
	s.index.put(s.index.summarize(t, r.Owner))
	s.watchers.tell(t)
}
