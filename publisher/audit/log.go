package audit

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// noteWait is how long Note waits for an entry to be stored: a caller who
	// adds protection should learn that it is on record, but not wait for it.
	noteWait = 500 * time.Millisecond
	// recordWait bounds Record: longer than an election of the stream's leader.
	recordWait = 12 * time.Second
	// appendWait bounds one attempt.
	appendWait = 2 * time.Second
	retryPause = 500 * time.Millisecond
	// maxPending bounds the entries that wait to be stored, about 5 MB.
	maxPending = 10_000
	// closeWait is how long Close goes on trying.
	closeWait = 5 * time.Second
)

// Store keeps entries.
type Store interface {
	// Append stores an entry once, however often it is called with one id, and
	// returns nil once that is acknowledged.
	Append(ctx context.Context, id string, entry []byte) error
	// Read returns up to n stored entries in ascending order, of which the last
	// is the newest with a sequence of at most upTo (0: the newest of all).
	Read(ctx context.Context, upTo uint64, n int) ([]Stored, error)
}

// Stored is an entry with its place.
type Stored struct {
	Sequence uint64
	Entry    []byte
}

// Config of a [Log]. Store and Replica are required.
type Config struct {
	Store Store
	// Replica names this process in entries.
	Replica string
	// Logger receives what could not be stored, in full.
	Logger zerolog.Logger
}

// Log keeps the audit; see the package comment.
type Log struct {
	cfg  Config // immutable
	log  zerolog.Logger
	stop context.CancelFunc
	done sync.WaitGroup
	wake chan struct{} // capacity 1: something is pending

	mu      sync.Mutex // guards the fields below
	pending []*waiting // the oldest first
	closed  bool
	stats   Stats
}

// waiting is an entry that is not stored yet.
type waiting struct {
	id     string
	body   []byte
	stored chan struct{} // closed once it is
}

// Stats are figures for metrics.
type Stats struct {
	Stored  uint64 // entries acknowledged
	Pending int    // entries that wait to be stored
	// Lost counts entries that exist only in the process's own log.
	Lost uint64
}

// New returns a log that works until Close.
func New(cfg Config) (*Log, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("audit: Config.Store is nil")
	case cfg.Replica == "":
		return nil, errors.New("audit: Config.Replica is empty")
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Log{
		cfg: cfg, log: cfg.Logger.With().Str("component", "audit").Logger(),
		stop: stop, wake: make(chan struct{}, 1),
	}
	l.done.Go(func() { l.work(ctx) })
	return l, nil
}

// prepare fills in what the log knows itself.
func (l *Log) prepare(e Entry) (*waiting, error) {
	if e.ID == "" {
		e.ID = rand.Text()
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Replica = l.cfg.Replica
	body, err := e.encode()
	if err != nil {
		return nil, err
	}
	return &waiting{id: e.ID, body: body, stored: make(chan struct{})}, nil
}

// ErrNotStored is wrapped by the errors of [Log.Record].
var ErrNotStored = errors.New("audit: entry not stored")

// Record returns nil once the entry is stored. After an error, which wraps
// [ErrNotStored], it may be stored all the same, and is tried no more.
func (l *Log) Record(ctx context.Context, e Entry) error {
	w, err := l.prepare(e)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotStored, err)
	}
	ctx, cancel := context.WithTimeout(ctx, recordWait)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, appendWait)
		err = l.cfg.Store.Append(attempt, w.id, w.body)
		done()
		if err == nil {
			l.count(func(s *Stats) { s.Stored++ })
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrNotStored, err)
		case <-time.After(retryPause):
		}
	}
}

// Note stores the entry, in the background if that takes longer than a moment,
// and reports whether it is stored already.
func (l *Log) Note(e Entry) bool {
	w, err := l.prepare(e)
	if err != nil {
		l.lose(nil, err)
		return false
	}
	l.mu.Lock()
	switch {
	case l.closed:
		err = errors.New("the log is closed")
	case len(l.pending) >= maxPending:
		err = fmt.Errorf("%d entries wait already", len(l.pending))
	default:
		l.pending = append(l.pending, w)
	}
	l.mu.Unlock()
	if err != nil {
		l.lose(w.body, err)
		return false
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	moment := time.NewTimer(noteWait)
	defer moment.Stop()
	select {
	case <-w.stored:
		return true
	case <-moment.C:
		return false
	}
}

// work stores what is pending until ctx is done.
func (l *Log) work(ctx context.Context) {
	troubled := false
	for {
		w := l.first()
		if w == nil {
			select {
			case <-ctx.Done():
				return
			case <-l.wake:
			}
			continue
		}
		if err := l.store(ctx, w); err != nil {
			if ctx.Err() != nil {
				return
			}
			if !troubled {
				l.log.Error().Err(err).Msg("audit entries can't be stored, retrying")
			}
			troubled = true
			pause := time.NewTimer(retryPause)
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
			pause.Stop()
			continue
		}
		if troubled {
			l.log.Info().Msg("audit entries are stored again")
		}
		troubled = false
	}
}

func (l *Log) first() *waiting {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) == 0 {
		return nil
	}
	return l.pending[0]
}

// store stores the oldest pending entry.
func (l *Log) store(ctx context.Context, w *waiting) error {
	attempt, cancel := context.WithTimeout(ctx, appendWait)
	defer cancel()
	if err := l.cfg.Store.Append(attempt, w.id, w.body); err != nil {
		return err
	}
	l.mu.Lock()
	l.pending = l.pending[1:]
	l.stats.Stored++
	l.mu.Unlock()
	close(w.stored)
	return nil
}

func (l *Log) count(f func(*Stats)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.stats)
}

// lose leaves an entry to the process's own log.
func (l *Log) lose(body []byte, err error) {
	l.count(func(s *Stats) { s.Lost++ })
	ev := l.log.Error().Err(err)
	if json.Valid(body) {
		ev = ev.RawJSON("entry", body)
	}
	ev.Msg("audit entry not stored")
}

// Stats returns the current figures.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Pending = len(l.pending)
	return s
}

// Close tries for a while to store what is pending, and leaves the rest to the
// process's own log. Entries noted afterwards go there, too.
func (l *Log) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if !first {
		l.done.Wait()
		return nil
	}
	l.stop()
	l.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	for w := l.first(); w != nil; w = l.first() {
		if err := l.store(ctx, w); err == nil {
			continue
		} else if ctx.Err() == nil {
			time.Sleep(retryPause)
		} else {
			l.mu.Lock()
			left := l.pending
			l.pending = nil
			l.mu.Unlock()
			for _, w := range left {
				l.lose(w.body, err)
			}
			return fmt.Errorf("audit: %d entries exist in the log of the process only: %w", len(left), err)
		}
	}
	return nil
}
