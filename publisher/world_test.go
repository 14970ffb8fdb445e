package publisher_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	poolID   = "eu-west-1_Test"
	clientID = "client-1"
	epoch    = "epoch-1"
)

// The effects of a publisher, as the world records them.
const (
	fast        = "fast"
	put         = "put"
	appendAct   = "append"
	await       = "await"
	awaitLift   = "await lift"
	refresh     = "refresh"
	revokeToken = "revoke token"
	askToken    = "ask token"
	signOut     = "sign out"
)

var cognitoCalls = []string{refresh, revokeToken, askToken, signOut}

// effect is one call of a publisher to its surroundings.
type effect struct {
	name string
	at   time.Time
	took bool // it took place, whatever the caller was told
	act  revocation.Act
	task publisher.Task // of put
	ttl  time.Duration  // of append
	sent time.Time      // of fast and append
	arg  string         // of the calls to Cognito
}

// verdict is what becomes of an effect.
type verdict int

const (
	succeed   verdict = iota
	refuse            // nothing happens, the caller gets an error
	lose              // it takes place, the caller gets an error
	dieBefore         // the process dies without it
	dieAfter          // the process dies right after it
)

var (
	errWorld = errors.New("the world says no")
	errDead  = errors.New("this process is dead")
)

// world is what surrounds publishers and survives their deaths: a store of
// tasks, the stream and the nodes behind it, and Cognito.
type world struct {
	log      *bytes.Buffer // read it when no process runs any more
	logs     io.Writer     // to log, for all processes together
	validity publisher.Validity
	fault    func(i int, name string) verdict // nil: all succeed. Called with mu held.
	delay    map[string]time.Duration         // before an effect, by name; set before start
	onItsWay time.Duration                    // how long a call to Cognito takes that nothing cuts off; set before start
	noBeats  bool                             // the first beat waits for the end

	mu      sync.Mutex // guards the fields below
	effects []effect
	beats   []revocation.Beat
	stored  map[revocation.ActID]publisher.Task
	order   []revocation.ActID
	seq     uint64
	nodes   *nodes        // what listens; nil: nobody
	offset  time.Duration // Cognito's clock minus ours
	answer  map[string]error
	fresh   publisher.Refreshed
	revoked bool                        // what Cognito says of an access token
	pool    *poolModel                  // answers instead of what stands above; nil: none
	names   map[string]revocation.Token // what access tokens name
}

func newWorld() *world {
	log := new(bytes.Buffer)
	return &world{
		log:     log,
		logs:    zerolog.SyncWriter(log),
		delay:   make(map[string]time.Duration),
		stored:  make(map[revocation.ActID]publisher.Task),
		answer:  make(map[string]error),
		names:   make(map[string]revocation.Token),
		revoked: true,
	}
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
	Cleanup(func())
}

// process is one life of a publisher. It implements the interfaces that the
// publisher needs.
type process struct {
	*publisher.Publisher
	world  *world
	memory *tasks.Memory // what this process knows of world.stored
	quit   chan struct{} // closed before the publisher is
	once   sync.Once
	dead   bool // guarded by world.mu: its effects take place no more
}

// start runs a publisher until the end of the test, over the tasks that
// earlier ones have stored.
func (w *world) start(t tester, changes ...func(*publisher.Config)) *process {
	t.Helper()
	memory := tasks.NewMemory()
	var err error
	w.set(func() { // earlier processes may be running
		for _, id := range w.order {
			if w.stored[id], err = memory.Put(t.Context(), w.stored[id]); err != nil {
				t.Fatalf("Put: %v", err)
			}
		}
	})
	return w.startOn(t, memory, changes...)
}

// startOn runs a publisher over a store that another one may be using.
func (w *world) startOn(t tester, memory *tasks.Memory, changes ...func(*publisher.Config)) *process {
	t.Helper()
	pr := &process{world: w, memory: memory, quit: make(chan struct{})}
	cfg := w.config(pr)
	for _, change := range changes {
		change(&cfg)
	}
	p, err := publisher.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	pr.Publisher = p
	t.Cleanup(pr.stop)
	return pr
}

func (w *world) config(pr *process) publisher.Config {
	return publisher.Config{
		Pools:     map[string]publisher.Pool{poolID: {Cognito: cognito{pr}, Validity: w.validity}},
		Bus:       pr,
		Tasks:     pr,
		View:      pr,
		Identify:  pr.identify,
		ServiceID: "service-1",
		Epoch:     epoch,
		Logger:    zerolog.New(w.logs),
	}
}

// do records an effect and lets it take place, unless the world's fault says
// otherwise.
func (pr *process) do(ctx context.Context, e effect, apply func()) error {
	return pr.doAll(ctx, []revocation.Act{e.act}, e, apply)
}

// doAll does the same for an effect on several acts, which is recorded for each.
func (pr *process) doAll(ctx context.Context, acts []revocation.Act, e effect, apply func()) error {
	w := pr.world
	if d := w.delay[e.name]; d > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	}
	sent := slices.Contains(cognitoCalls, e.name) && w.onItsWay > 0
	if sent {
		time.Sleep(w.onItsWay)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case pr.dead:
		return errDead
	case ctx.Err() != nil && !sent:
		return ctx.Err()
	}
	v := succeed
	if w.fault != nil {
		v = w.fault(len(w.effects), e.name)
	}
	err := w.answer[e.name]
	e.took = err == nil && v != refuse && v != dieBefore
	if e.took {
		apply()
	}
	e.at = time.Now()
	for _, e.act = range acts {
		w.effects = append(w.effects, e)
	}
	pr.dead = v == dieBefore || v == dieAfter
	switch {
	case err != nil || v == succeed:
		return err
	case slices.Contains(cognitoCalls, e.name):
		return &publisher.CognitoError{Op: e.name, Code: "unreachable", Retry: true}
	}
	return errWorld
}

// kill ends the life of a process between two effects.
func (pr *process) kill() {
	pr.world.set(func() { pr.dead = true })
	pr.stop()
}

// stop closes the publisher.
func (pr *process) stop() {
	pr.once.Do(func() { close(pr.quit) })
	pr.Close()
}

func (pr *process) isDead() bool {
	pr.world.mu.Lock()
	defer pr.world.mu.Unlock()
	return pr.dead
}

// copiesOf decodes a message of acts.
func copiesOf(payload []byte) ([]revocation.Act, time.Time) {
	m, err := revocation.Decode(payload)
	if err != nil || len(m.Acts) == 0 || len(m.Unread) != 0 {
		panic("a message that is not of acts")
	}
	return m.Acts, m.SentAt
}

func (pr *process) Fast(_ context.Context, payload []byte) error {
	acts, sent := copiesOf(payload)
	return pr.doAll(context.Background(), acts, effect{name: fast, sent: sent}, func() {
		for _, act := range acts {
			pr.world.nodes.provisional(act, sent)
		}
	})
}

func (pr *process) Settle(context.Context) error { return nil }

func (pr *process) AppendAct(ctx context.Context, payload []byte, ttl time.Duration) (uint64, error) {
	var seq uint64
	acts, sent := copiesOf(payload)
	err := pr.doAll(ctx, acts, effect{name: appendAct, sent: sent, ttl: ttl}, func() {
		pr.world.seq++
		seq = pr.world.seq
		for _, act := range acts {
			pr.world.nodes.apply(act, ttl)
		}
	})
	return seq, err
}

func (pr *process) AppendBeat(_ context.Context, payload []byte, _ time.Duration) error {
	if pr.world.noBeats {
		<-pr.quit // a beat every ten seconds for months takes too long
		return errDead
	}
	pr.world.mu.Lock()
	defer pr.world.mu.Unlock()
	if pr.dead {
		return errDead
	}
	m, err := revocation.Decode(payload)
	if err == nil {
		pr.world.beats = append(pr.world.beats, *m.Beat)
	}
	return errors.Join(err, pr.world.answer["beat"])
}

func (pr *process) Put(ctx context.Context, t publisher.Task) (publisher.Task, error) {
	err := pr.do(ctx, effect{name: put, act: t.Act, task: t}, func() {
		if _, known := pr.world.stored[t.Act.ID]; !known {
			pr.world.order = append(pr.world.order, t.Act.ID)
		}
		t, _ = pr.memory.Put(ctx, t) // it has no way to fail
		pr.world.stored[t.Act.ID] = t
	})
	return t, err
}

func (pr *process) Get(ctx context.Context, id revocation.ActID) (publisher.Task, error) {
	return pr.memory.Get(ctx, id)
}

func (pr *process) Once(ctx context.Context, key publisher.OnceKey) (publisher.Task, error) {
	pr.world.mu.Lock()
	defer pr.world.mu.Unlock()
	if err := pr.world.answer["once"]; err != nil {
		return publisher.Task{}, err
	}
	return pr.memory.Once(ctx, key)
}

func (pr *process) List(ctx context.Context, q publisher.Query) ([]publisher.Task, error) {
	pr.world.mu.Lock()
	defer pr.world.mu.Unlock()
	if err := pr.world.answer["list"]; err != nil {
		return nil, err
	}
	return pr.memory.List(ctx, q)
}

func (pr *process) Work(ctx context.Context, do func(context.Context, publisher.Task) time.Time) {
	pr.memory.Work(ctx, do)
}

func (pr *process) AwaitEnforced(ctx context.Context, act revocation.Act) error {
	return pr.do(ctx, effect{name: await, act: act}, func() {})
}

func (pr *process) AwaitLifted(ctx context.Context, act revocation.Act) error {
	return pr.do(ctx, effect{name: awaitLift, act: act}, func() {})
}

func (pr *process) Outlived() []revocation.Act {
	pr.world.mu.Lock()
	defer pr.world.mu.Unlock()
	if pr.world.nodes == nil {
		return nil
	}
	return pr.world.nodes.old.Outlived()
}

// Held counts as the index of a denylist does.
func (pr *process) Held(target revocation.Target) (n int) {
	pr.world.mu.Lock()
	defer pr.world.mu.Unlock()
	target.ExceptSession = ""
	for _, t := range pr.world.stored {
		on := t.Act.Target
		if on.ExceptSession = ""; on == target {
			n++
		}
	}
	return n
}

func (pr *process) identify(_ context.Context, accessToken string) (revocation.Token, error) {
	pr.world.mu.Lock()
	defer pr.world.mu.Unlock()
	tok, known := pr.world.names[accessToken]
	if !known {
		return revocation.Token{}, errWorld
	}
	return tok, nil
}

// cognito is the world's Cognito as one process reaches it.
type cognito struct{ pr *process }

func (c cognito) Now() time.Time {
	c.pr.world.mu.Lock()
	defer c.pr.world.mu.Unlock()
	return time.Now().Add(c.pr.world.offset)
}

func (c cognito) Refresh(ctx context.Context, client, token string) (publisher.Refreshed, error) {
	var fresh publisher.Refreshed
	err := c.pr.do(ctx, effect{name: refresh, arg: client + " " + token}, func() { fresh = c.pr.world.fresh })
	return fresh, err
}

func (c cognito) RevokeToken(ctx context.Context, client, token string) error {
	return c.pr.do(ctx, effect{name: revokeToken, arg: client + " " + token}, func() { c.pr.world.pool.revoke(token) })
}

func (c cognito) AccessTokenRevoked(ctx context.Context, token string) (bool, error) {
	revoked := false
	err := c.pr.do(ctx, effect{name: askToken, arg: token}, func() {
		revoked = c.pr.world.revoked
		if c.pr.world.pool != nil {
			revoked = c.pr.world.pool.refuses(token)
		}
	})
	return revoked, err
}

func (c cognito) SignOutUser(ctx context.Context, sub string) error {
	return c.pr.do(ctx, effect{name: signOut, arg: sub}, func() { c.pr.world.pool.signOut(sub) })
}

// set changes the world while publishers run.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// history returns the effects so far; given names, only those.
func (w *world) history(names ...string) []effect {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.Clone(w.effects)
	if len(names) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(e effect) bool { return !slices.Contains(names, e.name) })
}

// names returns those of effects, in their order.
func names(effects []effect) []string {
	list := make([]string, len(effects))
	for i, e := range effects {
		list[i] = e.name
	}
	return list
}

// took returns the effects that took place.
func took(effects []effect) []effect {
	return slices.DeleteFunc(slices.Clone(effects), func(e effect) bool { return !e.took })
}

// tasks returns the stored tasks.
func (w *world) tasks() []publisher.Task {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.stored))
}

func userRequest() publisher.Request {
	return publisher.Request{Target: revocation.Target{Kind: revocation.KindUser, Pool: poolID, ID: "sub-1"}}
}

// sessionRequest is one whose session is proven by an access token.
func sessionRequest() publisher.Request {
	return publisher.Request{
		Target: revocation.Target{Kind: revocation.KindSession, Pool: poolID, ID: "session-1"},
		Grant:  &publisher.Grant{ClientID: clientID, RefreshToken: "refresh-1", AccessToken: "access-1"},
	}
}

// revoke carries out a request that must succeed.
func (pr *process) revoke(t tester, req publisher.Request) publisher.Status {
	t.Helper()
	s, err := pr.Revoke(t.Context(), req)
	if err != nil {
		t.Fatalf("Revoke(%+v): %v", req.Target, err)
	}
	return s
}

// status returns what a process says of an act.
func (pr *process) status(t tester, id revocation.ActID) publisher.Status {
	t.Helper()
	s, err := pr.Publisher.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("Get(%s): %v", id, err)
	}
	return s
}
