package tasks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// defaultTakeover is longer than an attempt of the publisher takes (45 s).
	defaultTakeover = time.Minute
	// callTimeout bounds one attempt to write or read. An election of the
	// stream's leader takes 4 to 9 s; the attempts go on through it.
	callTimeout = 2 * time.Second
	callPause   = 200 * time.Millisecond
	// readPause is the time before a task is tried again that could not be read.
	readPause = 5 * time.Second
	// readers is how many tasks of a list are read at once.
	readers = 16
	// minTTL keeps a version for a while whose act has ended long ago.
	minTTL = time.Minute
)

// Config of a [Store]. All but Prefix and Logger is required.
type Config struct {
	// JetStream reaches the stream, which must have been provisioned.
	JetStream jetstream.JetStream
	// Prefix is that of all names; empty means "revoked".
	Prefix string
	// Keys seal refresh tokens.
	Keys Keys
	// Replica is the name of this replica. It should be the same after a
	// restart: what the replica has left then needs no takeover. Two replicas
	// of one name are harmless; they may do some things twice.
	Replica string
	// Takeover is how long after it was due a task is left to the replica that
	// stored it last. Zero means a minute. Shorter than an attempt takes, a
	// replica that is slow is taken for one that is dead, and what it does is
	// done twice; longer, Cognito is told later of what a dead one has left.
	// The act stands in any case.
	Takeover time.Duration
	Logger   zerolog.Logger
}

// Store is a [publisher.Tasks] in JetStream.
type Store struct {
	cfg   Config // immutable
	nc    *nats.Conn
	names stream.Names
	log   zerolog.Logger
	index *index

	reading sync.Mutex // held while the stream is read; guards last
	last    uint64     // sequence of the newest message that was read

	watchers   watchers
	unreadable atomic.Uint64
	sealed     atomic.Uint64

	stop context.CancelFunc
	done sync.WaitGroup
}

var _ publisher.Tasks = (*Store)(nil)

// Open verifies the stream, reads all tasks once and returns. ctx bounds that.
// The connection stays the caller's.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	switch {
	case cfg.JetStream == nil:
		return nil, errors.New("tasks: Config.JetStream is nil")
	case len(cfg.Keys.list) == 0:
		return nil, errors.New("tasks: Config.Keys has no key")
	case cfg.Replica == "":
		return nil, errors.New("tasks: Config.Replica is empty")
	case cfg.Takeover < 0:
		return nil, fmt.Errorf("tasks: Config.Takeover %v is negative", cfg.Takeover)
	case cfg.Takeover == 0:
		cfg.Takeover = defaultTakeover
	}
	names, err := stream.NewNames(cfg.Prefix)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, nc: cfg.JetStream.Conn(), names: names, log: cfg.Logger.With().Str("component", "tasks").Logger()}
	s.index = newIndex(func(owner string) time.Duration {
		if owner == cfg.Replica {
			return 0
		}
		// Spread, so that several replicas don't all try at once.
		return cfg.Takeover + mathrand.N(cfg.Takeover/4+1)
	})
	if err := stream.VerifyTasks(ctx, cfg.JetStream, names); err != nil {
		return nil, err
	}
	if err := s.catchUp(ctx); err != nil {
		return nil, err
	}
	followCtx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.follow(followCtx) })
	return s, nil
}

// Close stops following the stream. Work ends by its own context.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// Put implements [publisher.Tasks]. Until ctx ends it repeats what may not have
// been stored.
func (s *Store) Put(ctx context.Context, t publisher.Task) (publisher.Task, error) {
	return s.put(ctx, t, func(newest publisher.Task) (publisher.Task, bool) { return t.Merge(newest), true })
}

// put stores t. If another version was stored meanwhile, it goes on with what
// join makes of that, or, if that is false, returns it with errOvertaken.
func (s *Store) put(ctx context.Context, t publisher.Task, join func(newest publisher.Task) (publisher.Task, bool)) (publisher.Task, error) {
	mark := rand.Text()
	// A grant that can't be opened here is written back as it is.
	var kept *sealedRecord
	if t.Grant.Sealed {
		r, newest, err := s.readRetrying(ctx, t.Act.ID)
		if err != nil {
			return t, err
		}
		if kept = r.Grant; newest.Version != t.Version {
			if t, _ = join(newest); kept == nil {
				t.Grant = newest.Grant
			}
			t.Version = newest.Version
		}
	}
	for {
		version, err := s.write(ctx, t, mark, kept)
		if err == nil {
			t.Version = version
			s.index.put(s.index.summarize(t, s.cfg.Replica))
			return t, nil
		}
		if !isConflict(err) {
			return t, err
		}
		r, newest, err := s.readRetrying(ctx, t.Act.ID)
		switch {
		case errors.Is(err, publisher.ErrNotFound):
			// The stream has lost it, or its time has run out.
			t.Version = 0
			continue
		case err != nil:
			return t, err
		case r.Put == mark:
			// An earlier attempt was stored, and its acknowledgement lost.
			t.Version = newest.Version
			s.index.put(s.index.summarize(t, s.cfg.Replica))
			return t, nil
		}
		joined, ok := join(newest)
		if !ok {
			s.index.put(s.index.summarize(newest, r.Owner))
			return newest, errOvertaken
		}
		t = joined
		t.Version = newest.Version
		if t.Grant.Sealed {
			kept = r.Grant
		}
	}
}

var errOvertaken = errors.New("tasks: another replica has stored a version meanwhile")

// isConflict reports whether the server has refused a write because it was not
// made from the newest version.
func isConflict(err error) bool {
	refused, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// write stores one version, which the server accepts only on top of t.Version.
func (s *Store) write(ctx context.Context, t publisher.Task, mark string, kept *sealedRecord) (uint64, error) {
	r, err := newRecord(t, s.cfg.Keys, kept)
	if err != nil {
		return 0, err
	}
	r.Owner, r.Put = s.cfg.Replica, mark
	text, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("tasks: encoding task %s: %w", t.Act.ID, err)
	}
	msg := &nats.Msg{Subject: s.names.Task(t.Act.ID.String()), Data: text}
	var version uint64
	err = s.retry(ctx, func(ctx context.Context) error {
		ack, err := s.cfg.JetStream.PublishMsg(ctx, msg, jetstream.WithMsgTTL(ttl(t, time.Now())),
			jetstream.WithExpectLastSequencePerSubject(t.Version), jetstream.WithRetryAttempts(0))
		if err == nil {
			version = ack.Sequence
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("tasks: storing task %s: %w", t.Act.ID, err)
	}
	return version, nil
}

// ttl is how long a version is kept: whole seconds, which the server cuts.
func ttl(t publisher.Task, now time.Time) time.Duration {
	left := time.Unix(t.KeepUntil, 0).Add(keepFor(t.Act.Target.Pool)).Sub(now)
	return (max(left, minTTL) + time.Second - 1).Truncate(time.Second)
}

// retry repeats a call to the server until it is answered, or ctx ends.
func (s *Store) retry(ctx context.Context, call func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, callTimeout)
		err := call(attempt)
		cancel()
		if err == nil {
			return nil
		}
		// The server has refused it and will do so again.
		refused, ok := errors.AsType[*jetstream.APIError](err)
		if ok && (refused.Code < 500 || isConflict(err)) || errors.Is(err, publisher.ErrNotFound) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(callPause/2 + mathrand.N(callPause)):
		}
	}
}

// read returns the newest version of a task, from the leader of the stream.
func (s *Store) read(ctx context.Context, id revocation.ActID) (record, publisher.Task, error) {
	m, err := s.newest(ctx, s.names.Task(id.String()))
	if err != nil {
		return record{}, publisher.Task{}, fmt.Errorf("tasks: reading task %s: %w", id, err)
	}
	r, act, err := decodeRecord(m.Data)
	if err == nil && act.ID != id {
		err = errors.New("tasks: a stored task is on the subject of another")
	}
	if err != nil {
		return record{}, publisher.Task{}, err
	}
	t := r.task(act, m.Sequence, s.cfg.Keys)
	if t.Grant.Sealed {
		s.sealed.Add(1)
	}
	return r, t, nil
}

func (s *Store) readRetrying(ctx context.Context, id revocation.ActID) (r record, t publisher.Task, err error) {
	err = s.retry(ctx, func(ctx context.Context) error {
		r, t, err = s.read(ctx, id)
		return err
	})
	return r, t, err
}

// Get implements [publisher.Tasks].
func (s *Store) Get(ctx context.Context, id revocation.ActID) (publisher.Task, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, t, err := s.read(ctx, id)
	return t, err
}

// Once implements [publisher.Tasks]. A key that the index does not know is
// looked for in what other replicas have stored meanwhile.
func (s *Store) Once(ctx context.Context, key publisher.OnceKey) (publisher.Task, error) {
	t, err := once(ctx, key, s.index, s.Get)
	if !errors.Is(err, publisher.ErrNotFound) {
		return t, err
	}
	if err := s.catchUp(ctx); err != nil {
		return publisher.Task{}, err
	}
	return once(ctx, key, s.index, s.Get)
}

// List implements [publisher.Tasks]. It reads what was stored since the last
// second, by whatever replica, and the tasks that it returns.
func (s *Store) List(ctx context.Context, q publisher.Query) ([]publisher.Task, error) {
	if err := s.catchUp(ctx); err != nil {
		return nil, err
	}
	return list(q, s.index, func(ids []revocation.ActID) ([]publisher.Task, error) {
		read := make([]publisher.Task, len(ids))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(readers)
		for i, id := range ids {
			group.Go(func() error {
				var err error
				if read[i], err = s.Get(ctx, id); errors.Is(err, publisher.ErrNotFound) {
					s.index.forget(id) // its time has run out
					return nil
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		found := read[:0]
		for _, t := range read {
			if !t.Act.ID.IsZero() {
				found = append(found, t)
			}
		}
		return found, nil
	})
}

// Work implements [publisher.Tasks].
func (s *Store) Work(ctx context.Context, do func(context.Context, publisher.Task) time.Time) {
	s.index.work(ctx, func(due summary) time.Time {
		t, ok, again := s.take(ctx, due)
		if !ok {
			return again
		}
		return do(ctx, t)
	})
}

// take reads a task that is due, and claims it if another replica stored it
// last. If that fails it returns when to try again.
func (s *Store) take(ctx context.Context, due summary) (t publisher.Task, ok bool, again time.Time) {
	later := time.Now().Add(readPause/2 + mathrand.N(readPause))
	readCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, t, err := s.read(readCtx, due.id)
	switch {
	case errors.Is(err, publisher.ErrNotFound):
		s.index.forget(due.id)
		return t, false, time.Time{}
	case err != nil:
		if ctx.Err() == nil {
			s.log.Warn().Stringer("act_id", due.id).Err(err).Msg("due task not read, retrying")
		}
		return t, false, later
	case t.Version > due.version:
		// Overtaken: the newest version says when it is due, and whose it is.
		s.index.put(s.index.summarize(t, r.Owner))
		return t, false, t.Due
	case r.Owner == s.cfg.Replica:
		return t, true, time.Time{}
	}
	t, err = s.put(readCtx, t, func(newest publisher.Task) (publisher.Task, bool) { return newest, false })
	switch {
	case errors.Is(err, errOvertaken):
		return t, false, t.Due
	case err != nil:
		return t, false, later
	}
	s.log.Info().Stringer("act_id", t.Act.ID).Str("from", r.Owner).Msg("task taken over")
	return t, true, time.Time{}
}
