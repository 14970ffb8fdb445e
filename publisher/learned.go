package publisher

import (
	"crypto/sha256"
	"sync"
	"time"
)

// learnedFor is how long a refresh is kept whose session could not be revoked
// yet. Longer than callers repeat a request; with the budget for refreshes it
// bounds their number.
const learnedFor = 10 * time.Minute

// learned keeps the answers to refreshes whose sessions could not be revoked.
// A client that rotates has used up the refresh token that was presented, so
// that a repeated request would be told that its token is unknown, while the
// session lives on. It is safe for concurrent use.
type learned struct {
	mu   sync.Mutex // guards the field below
	kept map[learnedKey]keptRefresh
}

// learnedKey is a hash of what was presented.
type learnedKey [sha256.Size]byte

type keptRefresh struct {
	Refreshed
	until time.Time
}

func keyOf(in Presented) learnedKey {
	// Neither pools nor clients have a NUL in their ids.
	return sha256.Sum256([]byte(in.Pool + "\x00" + in.ClientID + "\x00" + in.RefreshToken))
}

func (l *learned) get(in Presented) (Refreshed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.kept[keyOf(in)]
	return k.Refreshed, ok && time.Now().Before(k.until)
}

// keep also drops what is too old.
func (l *learned) keep(in Presented, r Refreshed) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		l.kept = make(map[learnedKey]keptRefresh)
	}
	for key, k := range l.kept {
		if !now.Before(k.until) {
			delete(l.kept, key)
		}
	}
	l.kept[keyOf(in)] = keptRefresh{Refreshed: r, until: now.Add(learnedFor)}
}

func (l *learned) drop(in Presented) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.kept, keyOf(in))
}
