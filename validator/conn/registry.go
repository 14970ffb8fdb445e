package conn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
	"github.com/seed-4e8dee1b/revoked/validator"
)

const (
	// defaultSkew is that of the validator: a token opens a stream until exp
	// and this much more.
	defaultSkew = 30 * time.Second
	// watchPeriod is how often the registry asks whether the denylist has
	// become stale. That comes with the passing of time, so nothing tells.
	watchPeriod = time.Second
)

// Causes of the end of a context, beside a [*revocation.RevokedError] and
// errors that wrap [revocation.ErrStale].
var (
	ErrExpired = errors.New("conn: token expired")
	ErrClosed  = errors.New("conn: registry closed")
)

// ReasonOf returns the reason for which a registry has ended a context, given its
// cause; [validator.ReasonOK] for any other cause. ErrClosed counts as stale: the
// client may come back.
func ReasonOf(cause error) validator.Reason {
	switch {
	case errors.Is(cause, revocation.ErrRevoked):
		return validator.ReasonRevoked
	case errors.Is(cause, ErrExpired):
		return validator.ReasonExpired
	case errors.Is(cause, revocation.ErrStale), errors.Is(cause, ErrClosed):
		return validator.ReasonStale
	}
	return validator.ReasonOK
}

// Denylist is what a registry needs of a denylist. *subscriber.Subscriber is
// one.
type Denylist interface {
	validator.Denylist
	// Watch calls f for every act that the denylist takes, after it has taken
	// it, until stop is called. Copies of one act may come several times. f
	// returns at once, and may be called from several goroutines.
	Watch(f func(revocation.Act)) (stop func())
}

// Config is what [New] needs.
type Config struct {
	// Denylist tells of acts. Required.
	Denylist Denylist
	// Skew is how long after its exp a token ends what it has opened: the Skew
	// of the validator that accepted it. Zero means 30 s.
	Skew time.Duration
}

// Registry knows what is open. Use [New].
type Registry struct {
	cfg    Config // immutable
	unhear func() // ends Denylist's calls
	stop   chan struct{}
	done   sync.WaitGroup
	once   sync.Once

	heard chan struct{} // capacity 1: acts is not empty

	mu     sync.Mutex // guards the fields below
	closed bool
	open   map[*binding]struct{}
	byKey  map[key]map[*binding]struct{}
	acts   []revocation.Act // that name somebody's token, not carried out yet
}

// key is a target as one comparable value.
type key struct {
	kind     revocation.Kind
	pool, id string
}

// binding is one open context. It is immutable.
type binding struct {
	tok    revocation.Token
	keys   []key
	policy validator.StalePolicy
	cancel context.CancelCauseFunc
}

// New returns a registry, or an error that names the field of cfg that is
// wrong. The caller must call [Registry.Close].
func New(cfg Config) (*Registry, error) {
	if cfg.Denylist == nil {
		return nil, errors.New("conn: Config.Denylist is nil: pass a subscriber")
	}
	if cfg.Skew == 0 {
		cfg.Skew = defaultSkew
	}
	if cfg.Skew < 0 || cfg.Skew > revocation.MaxLeeway {
		return nil, fmt.Errorf("conn: Config.Skew is %v: it must be from 0 to %v, as the validator's", cfg.Skew, revocation.MaxLeeway)
	}
	r := &Registry{
		cfg:   cfg,
		stop:  make(chan struct{}),
		heard: make(chan struct{}, 1),
		open:  make(map[*binding]struct{}),
		byKey: make(map[key]map[*binding]struct{}),
	}
	r.unhear = cfg.Denylist.Watch(r.hear)
	r.done.Go(r.run)
	return r, nil
}

// Bind returns a context that ends when tok is revoked or expires, when the
// denylist is stale and policy is [validator.FailClosed], or with parent. If one
// of that is so already, the context has ended when Bind returns. The token has
// passed every check of the validator. release must be called when the stream
// has ended, by whatever cause; it may be called more than once.
func (r *Registry) Bind(parent context.Context, tok revocation.Token, policy validator.StalePolicy) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	unbind := r.BindFunc(cancel, tok, policy)
	return ctx, func() {
		unbind()
		cancel(context.Canceled)
	}
}

// BindFunc is [Registry.Bind] for a context that the caller has made: end is
// its cancel function. It may be called more than once, before BindFunc returns
// too, and must not wait.
func (r *Registry) BindFunc(end context.CancelCauseFunc, tok revocation.Token, policy validator.StalePolicy) (release func()) {
	tok.Groups = slices.Clone(tok.Groups)
	b := &binding{tok: tok, keys: keysOf(tok), policy: policy, cancel: end}
	if !r.add(b) {
		end(ErrClosed)
		return func() {}
	}
	lasts := time.Until(time.Unix(tok.ExpiresAt, 0).Add(r.cfg.Skew))
	expire := time.AfterFunc(lasts, func() { end(ErrExpired) })
	// Only now: an act that came before add has missed the index, but not the
	// denylist.
	if err := r.cfg.Denylist.Check(tok); err != nil && b.ends(err) {
		end(err)
	}
	return func() {
		expire.Stop()
		r.remove(b)
	}
}

// ends reports whether an answer of the denylist ends the binding.
func (b *binding) ends(err error) bool {
	return errors.Is(err, revocation.ErrRevoked) || b.policy == validator.FailClosed
}

// Open returns the number of contexts that are not released.
func (r *Registry) Open() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

// Close ends every context and returns when the registry's goroutine has ended.
// It is idempotent.
func (r *Registry) Close() error {
	r.once.Do(func() {
		r.unhear()
		close(r.stop)
		r.done.Wait()
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.endAll(ErrClosed, func(*binding) bool { return true })
	})
	return nil
}

func (r *Registry) add(b *binding) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.open[b] = struct{}{}
	for _, k := range b.keys {
		if r.byKey[k] == nil {
			r.byKey[k] = make(map[*binding]struct{})
		}
		r.byKey[k][b] = struct{}{}
	}
	return true
}

func (r *Registry) remove(b *binding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, b)
	for _, k := range b.keys {
		delete(r.byKey[k], b)
		if len(r.byKey[k]) == 0 {
			delete(r.byKey, k)
		}
	}
}

func keyOf(t revocation.Target) key { return key{t.Kind, t.Pool, t.ID} }

// keysOf lists every target that names tok. An empty claim names nothing.
func keysOf(tok revocation.Token) []key {
	var keys []key
	add := func(kind revocation.Kind, id string) {
		if id != "" {
			keys = append(keys, key{kind, tok.Pool, id})
		}
	}
	add(revocation.KindToken, tok.JTI)
	add(revocation.KindSession, tok.OriginJTI)
	add(revocation.KindUser, tok.Subject)
	add(revocation.KindClient, tok.ClientID)
	for _, g := range tok.Groups {
		add(revocation.KindGroup, g)
	}
	add(revocation.KindDevice, tok.DeviceKey)
	return append(keys, key{kind: revocation.KindPool, pool: tok.Pool})
}

// hear notes an act for run if it names the token of a stream. It is called by
// the denylist, which may replay millions, and does not wait.
func (r *Registry) hear(a revocation.Act) {
	if a.State == revocation.StateLifted {
		return
	}
	r.mu.Lock()
	named := len(r.byKey[keyOf(a.Target)]) > 0
	if named {
		r.acts = append(r.acts, a)
	}
	r.mu.Unlock()
	if !named {
		return
	}
	select {
	case r.heard <- struct{}{}:
	default: // run has been told already
	}
}

// run ends what acts refuse, and what fails closed while the denylist is stale,
// until stop.
func (r *Registry) run() {
	watch := time.NewTicker(watchPeriod)
	defer watch.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-r.heard:
			r.mu.Lock()
			acts := r.acts
			r.acts = nil
			r.mu.Unlock()
			for _, a := range acts {
				r.enforce(a)
			}
		case <-watch.C:
			// The empty token is refused by no act: this asks for freshness.
			if err := r.cfg.Denylist.Check(revocation.Token{}); err != nil {
				r.endAll(err, func(b *binding) bool { return b.policy == validator.FailClosed })
			}
		}
	}
}

// enforce ends the contexts whose tokens a refuses.
func (r *Registry) enforce(a revocation.Act) {
	var hit []*binding
	r.mu.Lock()
	for b := range r.byKey[keyOf(a.Target)] {
		if a.Refuses(b.tok) {
			hit = append(hit, b)
		}
	}
	r.mu.Unlock()
	cause := &revocation.RevokedError{Act: a.ID, Kind: a.Target.Kind}
	for _, b := range hit {
		b.cancel(cause)
	}
}

// endAll ends the contexts that match.
func (r *Registry) endAll(cause error, match func(*binding) bool) {
	var hit []*binding
	r.mu.Lock()
	for b := range r.open {
		if match(b) {
			hit = append(hit, b)
		}
	}
	r.mu.Unlock()
	for _, b := range hit {
		b.cancel(cause)
	}
}
