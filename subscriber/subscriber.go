package subscriber

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Subscriber is a node's denylist, kept up to date. See the package comment.
type Subscriber struct {
	deny *denylist.Denylist
	view *view
	src  source
	// maxActs is how many acts the denylist may hold; immutable.
	maxActs int

	own *nats.Conn // closed by Close; nil if the caller owns the connection
	nc  *nats.Conn // nil in tests against a faked source

	stop  context.CancelFunc
	tasks sync.WaitGroup
	once  sync.Once

	position atomic.Pointer[position] // that the view was proven complete to; nil before

	policies declared
	goodbye  context.CancelFunc // ends the reporter; nil without one
	reports  sync.WaitGroup
}

// Open connects, subscribes, replays the stream and returns once the view is
// complete up to the head that the stream had at the call, and holds a fresh
// tick. NATS may be down: Open keeps trying until ctx ends; but with
// AllowStaleStart and a usable LocalFile it returns a stale view after some
// seconds, which Status tells the age of.
//
// ctx bounds the start only; without a deadline Open gives up after 30 s, with a
// LocalFile after MaxStaleness more: what the file knows and the stream no longer
// has counts as lost only then, and a start that is given less time never gets
// past that. The error then names the step that waited, and wraps ctx's error. A
// wrong Config is refused at once. After an error nothing is left running.
func Open(ctx context.Context, cfg Config) (*Subscriber, error) {
	set, err := cfg.settings()
	if err != nil {
		return nil, err
	}
	v := newView(set.MaxStaleness, set.Logger)
	v.ignoreBeats, v.tellApplied = set.IgnoreBeats, set.Applied
	b := begin{deny: denylist.New(), maxActs: set.MaxActs}
	if set.LocalFile != "" {
		if err := b.load(set, v); err != nil {
			return nil, err
		}
	}
	s, err := open(set, v, b)
	if err != nil {
		if b.file != nil {
			b.file.close()
		}
		return nil, err
	}
	if err := s.awaitFresh(ctx, set); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open connects, and starts what follows the stream.
func open(set settings, v *view, b begin) (*Subscriber, error) {
	var err error
	nc, own := set.Conn, (*nats.Conn)(nil)
	if nc == nil {
		if nc, err = connect(set, v); err != nil {
			return nil, err
		}
		own = nc
	} else if err := checkConn(nc); err != nil {
		return nil, err
	}
	src, err := newNATSSource(nc, set.names, v.ignore)
	if err != nil {
		if own != nil {
			own.Close()
		}
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	s := start(src, v, b)
	s.nc, s.own = nc, own
	if !set.Observer {
		l, err := newNATSLink(nc, set)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("subscriber: subscribing to %s: %w", set.names.Probe(), err)
		}
		s.reportOver(l)
	}
	return s, nil
}

// begin is where a subscriber begins.
type begin struct {
	deny    *denylist.Denylist
	maxActs int
	at      position
	file    *localFile // nil without one
	rand    *rand.Rand // for jitter; nil for one of its own
}

// load locks the local file and takes what it holds. A file that can't be used
// is like none, and is replaced, unless it is another environment's.
func (b *begin) load(set settings, v *view) error {
	f, err := openFile(set.LocalFile, set.names.Events())
	if err != nil {
		return fmt.Errorf("subscriber: Config.LocalFile: %w", err)
	}
	head, err := f.load(b.deny)
	if errors.Is(err, errFileForeign) {
		f.close()
		return fmt.Errorf("subscriber: Config.LocalFile %s: %w: give each environment its own", set.LocalFile, err)
	}
	b.file = f
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			v.fileUnusable(err)
		}
		return nil
	}
	b.at = head.Position.position()
	v.fileLoaded(head, b.deny.Len())
	return nil
}

// start runs the goroutines that follow src. They end at Close.
func start(src source, v *view, b begin) *Subscriber {
	ctx, stop := context.WithCancel(context.Background())
	s := &Subscriber{deny: b.deny, view: v, src: src, maxActs: b.maxActs, stop: stop}
	f := newFollower(src, s.deny, v, b.at)
	f.maxActs = b.maxActs
	if b.rand != nil {
		f.rand = b.rand
	}
	f.keep = func(p position) { s.position.Store(&p) }
	s.tasks.Go(func() { f.run(ctx) })
	s.tasks.Go(func() { followFast(ctx, src, s.deny, v, b.maxActs) })
	if b.file != nil {
		s.tasks.Go(func() { s.keepFile(ctx, b.file) })
	}
	return s
}

// awaitFresh waits for the first proof of freshness; if a local file has
// brought acts and that is enough, not for long.
func (s *Subscriber) awaitFresh(ctx context.Context, set settings) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, set.openTimeout())
		defer cancel()
	}
	var enough <-chan time.Time // fires when there is no use in waiting on
	if set.AllowStaleStart && s.view.isKnown() {
		enough = time.After(staleStartWait)
	}
	for {
		changed := s.view.changes()
		if s.view.check(time.Now()) == nil || set.AllowLostHistory && s.History().lost {
			return nil
		}
		select {
		case <-changed:
		case <-enough:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("subscriber: opening: %s: %w", s.waitingFor(), ctx.Err())
		}
	}
}

// waitingFor names the step that the start has not got past.
func (s *Subscriber) waitingFor() string {
	if s.nc != nil && !s.nc.IsConnected() {
		err := cmp.Or(s.view.connectError(), s.nc.LastError(), nats.ErrNoServers)
		return fmt.Sprintf("connecting to NATS (%v)", err)
	}
	st := s.Status()
	switch {
	case s.nc != nil && stream.InboxRefused(s.nc):
		return "reading the stream (no answer can arrive, for the credential may not subscribe to its inboxes: is Config.InboxPrefix that of its user?)"
	case st.Stalled != nil:
		return fmt.Sprintf("replaying the stream after sequence %d (%v)", st.LastSequence, st.Stalled)
	case st.State == Stale:
		return fmt.Sprintf("the view is stale (%s: %s)", st.Reason, st.Detail)
	case st.State == Live:
		return "waiting for a fresh tick"
	}
	return fmt.Sprintf("waiting for a tick after sequence %d (is the tick schedule provisioned?)", st.LastSequence)
}

// Check returns nil if tok is not revoked, a [*revocation.RevokedError] if it
// is, and an error wrapping [revocation.ErrStale] if the answer would be too
// old to trust. Revoked wins over stale. Call it on every request, after the
// token's signature was verified. It does no I/O, may be called concurrently,
// and after Close returns what was known, then stale.
func (s *Subscriber) Check(tok revocation.Token) error {
	now := time.Now()
	if id, kind, found := s.deny.Find(&tok, now.Unix()); found {
		return &revocation.RevokedError{Act: id, Kind: kind}
	}
	return s.view.check(now)
}

// Refusals returns every act that refuses tok now, for explanations.
func (s *Subscriber) Refusals(tok revocation.Token) []revocation.Act {
	return s.deny.FindAll(&tok, time.Now().Unix())
}

// History is what a view knows of the identity of the stream.
type History struct {
	// Known is false while the stream is being read, or must be confirmed to
	// be the one that was followed.
	Known bool
	// Epoch as the newest tick names it.
	Epoch string
	// Changes counts the times that the stream turned out to be another one;
	// that which a local file tells of counts too.
	Changes uint64
	// Accepted is the newest acceptance of a changed history.
	Accepted revocation.Acceptance

	lost bool // and all of the new one is read
}

// History returns what the view knows of the identity of the stream.
func (s *Subscriber) History() History {
	v := s.view
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.state == Live && v.epoch != ""
	return History{Known: known, Epoch: v.epoch, Changes: v.counters.Histories, Accepted: v.accepted, lost: known && v.lost != ""}
}

// Acts yields every act that the stream, or a local file, has brought and that
// has not been removed, each with the latest expiry of any of its copies. What
// follows the stream waits until the iteration has ended; Check does not.
func (s *Subscriber) Acts() iter.Seq2[revocation.Act, int64] { return s.deny.All() }

// Enforces reports whether a token at the limits of the act is refused by that
// very act.
func (s *Subscriber) Enforces(act revocation.Act) bool {
	for _, a := range s.Refusals(act.Witness()) {
		if a.ID == act.ID {
			return true
		}
	}
	return false
}

// AwaitEnforced returns nil once [Subscriber.Enforces] holds for act. The error
// wraps ctx's.
func (s *Subscriber) AwaitEnforced(ctx context.Context, act revocation.Act) error {
	return s.await(ctx, act, func() bool { return s.Enforces(act) })
}

// AwaitLifted returns nil once the view holds the act as lifted, or the act has
// ended: from then on no token is refused by it. The error wraps ctx's.
func (s *Subscriber) AwaitLifted(ctx context.Context, act revocation.Act) error {
	return s.await(ctx, act, func() bool {
		held, _ := s.deny.Held(&act)
		return held.State == revocation.StateLifted || act.Expired(time.Now().Unix())
	})
}

// await returns nil once done does, which is asked at once, after each copy of
// the act, and at its end.
func (s *Subscriber) await(ctx context.Context, act revocation.Act, done func() bool) error {
	wake, stop := s.view.watchers.await(act.ID)
	defer stop()
	for {
		end := ending(act, time.Now()) // before done, so that it can't fall between
		if done() {
			return nil
		}
		select {
		case <-wake:
		case <-end:
		case <-ctx.Done():
			return fmt.Errorf("subscriber: waiting for act %s: %w", act.ID, ctx.Err())
		}
	}
}

// ending returns a channel that fires when the act ends; nil if it has ended.
func ending(act revocation.Act, now time.Time) <-chan time.Time {
	if act.Expired(now.Unix()) {
		return nil
	}
	end := time.Unix(act.ExpiresAt, 0).Add(revocation.MaxLeeway)
	return time.After(max(end.Sub(now), time.Millisecond))
}

// Outlived returns the lifts that the stream is missing: those of acts of which
// it has brought a copy that ends later than their lift. This node keeps such
// acts lifted, but one that replays the stream when the lift has gone from it
// would not. The revoke service publishes them; others have no use for them.
func (s *Subscriber) Outlived() []revocation.Act { return s.deny.Outlived() }

// Held returns how many acts on the target are held, lifted ones and those that
// only the fast path has brought included. ExceptSession tells none apart.
func (s *Subscriber) Held(target revocation.Target) int { return s.deny.Count(target) }

// Close tells the revoke service that this process serves no more requests,
// stops following and returns after every goroutine has ended. Then the view is
// stale. Close it after the servers that ask it. Close is idempotent.
func (s *Subscriber) Close() error {
	s.once.Do(func() {
		if s.goodbye != nil {
			s.goodbye()
			s.reports.Wait()
		}
		s.stop()
		s.src.close()
		s.tasks.Wait()
		s.view.close()
		if s.own != nil {
			s.own.Close()
		}
	})
	return nil
}
