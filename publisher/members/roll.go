package members

import (
	"context"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/fleet"
)

// Entry is what the roll keeps of a node: what is needed to count it after
// every replica of the service was restarted.
type Entry struct {
	Key
	Policy       fleet.Policy
	MaxStaleness time.Duration
	Interval     time.Duration
	Started      time.Time
}

// Roll is the list of nodes that the replicas of the service share and that
// outlives them: else a restart would forget a silent node that may still
// accept revoked tokens.
type Roll interface {
	// Follow calls put or removed for each entry that is stored, the newest
	// version only; then caughtUp once; then put or removed for each change.
	// It returns an error if it can't go on, or if ctx is done.
	Follow(ctx context.Context, put func(Entry), removed func(Key), caughtUp func()) error
	Put(ctx context.Context, e Entry) error
	Remove(ctx context.Context, key Key) error
}

const (
	rollPause   = time.Second      // before what has failed is tried again
	rollTimeout = 10 * time.Second // of one change: longer than an election
)

// followRoll keeps up with the roll until ctx is done.
func (t *Tracker) followRoll(ctx context.Context) {
	for ctx.Err() == nil {
		seen := make(map[Key]bool)
		err := t.cfg.Roll.Follow(ctx,
			func(e Entry) { seen[e.Key] = true; t.enrolled(e) },
			func(key Key) { delete(seen, key); t.struck(key) },
			func() { t.rollRead(seen) })
		if err != nil && ctx.Err() == nil {
			t.log.Warn().Err(err).Msg("roll of nodes can't be followed, retrying")
			sleep(ctx, rollPause)
		}
	}
}

// enrolled takes an entry of the roll.
func (t *Tracker) enrolled(e Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.members[e.Key]
	if m == nil {
		if m = t.admit(e.Key); m == nil {
			return
		}
		m.heard = time.Now()
		m.report = fleet.Report{
			Instance: e.Instance, Policy: e.Policy, MaxStaleness: e.MaxStaleness, Interval: e.Interval, Started: e.Started,
		}
	} else if !m.inVoice {
		m.report.Policy, m.report.MaxStaleness, m.report.Interval = e.Policy, e.MaxStaleness, e.Interval
	}
	m.stored = &e
	t.broadcast()
}

// struck takes a removal from the roll. A node that this replica hears
// enrolls itself again.
func (t *Tracker) struck(key Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.members[key]
	if m == nil {
		return
	}
	m.stored = nil
	if m.inVoice && !m.silent(time.Now()) {
		t.enroll(key, m)
		return
	}
	t.drop(key)
}

// rollRead ends the first pass over the roll. What was removed while nobody
// looked is not among the keys that were seen.
func (t *Tracker) rollRead(seen map[Key]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, m := range t.members {
		if m.stored != nil && !seen[key] && !m.inVoice {
			t.drop(key)
		}
	}
	t.loaded = true
	t.broadcast()
}

// enroll arranges for the member to be on the roll as it is now. The caller
// holds mu.
func (t *Tracker) enroll(key Key, m *member) {
	e := Entry{
		Key: key, Policy: m.report.Policy, MaxStaleness: m.report.MaxStaleness,
		Interval: m.report.Interval, Started: m.report.Started,
	}
	if m.stored != nil && *m.stored == e {
		return
	}
	t.write(key, &e)
}

// write arranges for an entry to be put, or removed if e is nil. The caller
// holds mu.
func (t *Tracker) write(key Key, e *Entry) {
	t.unwritten[key] = e
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// writeRoll writes what is to be written until ctx is done.
func (t *Tracker) writeRoll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		for ctx.Err() == nil {
			key, e, ok := t.nextWrite()
			if !ok {
				break
			}
			attempt, cancel := context.WithTimeout(ctx, rollTimeout)
			var err error
			if e == nil {
				err = t.cfg.Roll.Remove(attempt, key)
			} else {
				err = t.cfg.Roll.Put(attempt, *e)
			}
			cancel()
			if !t.written(key, e, err) && ctx.Err() == nil {
				t.log.Warn().Str("service", key.Service).Str("node", key.Node).Err(err).Msg("roll of nodes not written, retrying")
				sleep(ctx, rollPause)
			}
		}
	}
}

func (t *Tracker) nextWrite() (Key, *Entry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, e := range t.unwritten {
		return key, e, true
	}
	return Key{}, nil, false
}

// written notes a success, unless something newer is to be written.
func (t *Tracker) written(key Key, e *Entry, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		return false
	}
	if t.unwritten[key] == e {
		delete(t.unwritten, key)
		if m := t.members[key]; m != nil {
			m.stored = e
		}
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
