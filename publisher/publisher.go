package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-4e8dee1b/revoked/internal/spans"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// fastPeriod is how often an act is repeated on the fast path until the
	// stream has acknowledged it.
	fastPeriod = time.Second
	// acceptTimeout bounds the steps up to success, longer than an election of
	// the stream's leader. A caller who goes away does not shorten it.
	acceptTimeout = 15 * time.Second
	// claim is for how long the accepting request has its task to itself. If
	// it dies in between, a worker finishes the task.
	claim = acceptTimeout + 5*time.Second
	// defaultWorkers is how many calls to Cognito run at once; its quota
	// limits them, not this.
	defaultWorkers = 8
	// defaultLearnRate is 5 % of Cognito's quota for sign-ins, 120 a second.
	defaultLearnRate = 6
)

// Pool is one user pool that the publisher serves.
type Pool struct {
	Cognito  Cognito
	Validity Validity
}

// View is the service's own denylist. A *subscriber.Subscriber is one.
type View interface {
	// AwaitEnforced returns nil once a token at the limits of the act is
	// refused by that very act. The error wraps ctx's.
	AwaitEnforced(ctx context.Context, act revocation.Act) error
	// AwaitLifted returns nil once no token is refused by the act any more,
	// because it is lifted or has ended. The error wraps ctx's.
	AwaitLifted(ctx context.Context, act revocation.Act) error
	// Outlived returns, as they are to be published, the lifts of acts of
	// which the stream has brought a copy that ends later than its lift.
	Outlived() []revocation.Act
	// Held returns how many acts on the target are held, lifted ones included.
	Held(target revocation.Target) int
}

// Config of a [Publisher]. Bus, Tasks, View, Identify and at least one pool
// are required.
type Config struct {
	// Pools by user pool id.
	Pools map[string]Pool
	Bus   Bus
	Tasks Tasks
	View  View
	// Identify verifies an access token, its signature first, and returns what
	// it names. It tells which session a refresh has led to.
	Identify func(ctx context.Context, accessToken string) (revocation.Token, error)

	// ServiceID names this replica in beats. Required.
	ServiceID string
	// Epoch of the stream, repeated in beats. Required, unless History is
	// given, which follows it.
	Epoch string
	// History tells when the stream has lost acts, which are then published
	// again before the next beat. A publisher without one sends beats in good
	// faith.
	History History

	// LearnRate is how many refreshes a second may be spent on learning the
	// session of a refresh token that is presented alone; zero means 6, 5 % of
	// Cognito's default quota for sign-ins. Higher values can starve real
	// sign-ins when somebody presents garbage.
	LearnRate float64
	// NoLearning refuses refresh tokens that are presented alone with
	// [ErrNoLearning], so that no refresh is ever spent on them.
	NoLearning bool

	// Tracer lets what workers do about an act join the trace of the request
	// that was accepted; nil for none. What requests do joins the trace of
	// their context by itself.
	Tracer trace.TracerProvider

	Logger zerolog.Logger
}

// Publisher carries out revocations; see the package comment.
type Publisher struct {
	cfg   Config // immutable
	learn *budget
	log   zerolog.Logger

	fasts   gatherer // on the fast path
	appends gatherer // to the stream
	learned learned
	holds   holds
	onces   holds // of keys of [Once]
	crowds  crowds

	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu       sync.Mutex    // guards the fields below
	progress chan struct{} // closed and replaced after every attempt
	// unrecorded holds what Cognito has confirmed and Tasks could not store.
	unrecorded map[revocation.ActID]Leg
}

// New returns a publisher that works off open tasks and sends beats until
// Close. It makes no call that could fail.
func New(cfg Config) (*Publisher, error) {
	switch {
	case len(cfg.Pools) == 0:
		return nil, errors.New("publisher: Config.Pools is empty: give at least one user pool")
	case cfg.Bus == nil:
		return nil, errors.New("publisher: Config.Bus is nil")
	case cfg.Tasks == nil:
		return nil, errors.New("publisher: Config.Tasks is nil")
	case cfg.View == nil:
		return nil, errors.New("publisher: Config.View is nil")
	case cfg.Identify == nil:
		return nil, errors.New("publisher: Config.Identify is nil")
	case cfg.ServiceID == "":
		return nil, errors.New("publisher: Config.ServiceID is empty")
	case cfg.Epoch == "" && cfg.History == nil:
		return nil, errors.New("publisher: Config.Epoch is empty: give the epoch of the verified stream")
	case cfg.LearnRate < 0:
		return nil, fmt.Errorf("publisher: Config.LearnRate %v is negative", cfg.LearnRate)
	}
	for id, pool := range cfg.Pools {
		if pool.Cognito == nil {
			return nil, fmt.Errorf("publisher: Config.Pools[%q].Cognito is nil", id)
		}
	}
	if cfg.LearnRate == 0 {
		cfg.LearnRate = defaultLearnRate
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &Publisher{
		cfg:   cfg,
		learn: newBudget(cfg.LearnRate),
		log:   cfg.Logger.With().Str("component", "publisher").Logger(),
		stop:  stop,

		fasts: gatherer{
			rest: 4,
			send: func(ctx context.Context, payload []byte, _ time.Duration) (uint64, error) {
				return 0, cfg.Bus.Fast(ctx, payload)
			},
			settle: cfg.Bus.Settle,
		},
		appends:    gatherer{rest: 2, send: cfg.Bus.AppendAct},
		progress:   make(chan struct{}),
		unrecorded: make(map[revocation.ActID]Leg),
	}
	for range defaultWorkers {
		p.tasks.Go(func() { cfg.Tasks.Work(ctx, p.attempt) })
	}
	p.tasks.Go(func() { p.beat(ctx) })
	return p, nil
}

// Close stops the background work and waits for it. Tasks that are not done
// stay in [Tasks].
func (p *Publisher) Close() error {
	p.stop()
	p.tasks.Wait()
	p.fasts.close()
	p.appends.close()
	return nil
}

// Revoke carries out steps 1 to 3 of the package comment and returns once the
// act is durable and in force on the service's own denylist; Cognito follows.
//
// Errors: a [*RequestError] if the request is wrong, before anything happened;
// a [*CrowdedError] if the target has too many acts already, likewise; a
// [*NotDurableError] if the act could not be made durable in time. Revoke does
// not stop half-way if ctx is canceled.
func (p *Publisher) Revoke(ctx context.Context, req Request) (Status, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	if !req.Once.IsZero() {
		return p.revokeOnce(ctx, req)
	}
	return p.revoke(ctx, req)
}

// revoke carries out a request for which nothing was done yet.
func (p *Publisher) revoke(ctx context.Context, req Request) (s Status, err error) {
	t, err := p.accept(req)
	if err != nil {
		return Status{}, err
	}
	target := t.Act.Target
	if err := p.crowds.admit(target, p.cfg.View.Held(target), t.AcceptedAt); err != nil {
		p.log.Warn().Stringer("kind", target.Kind).Msg("too many revocations of one target")
		return Status{}, err
	}
	ctx, span := spans.Act(ctx, "revoke", t.Act)
	defer func() { spans.End(span, err) }()
	t.Trace = spans.Traceparent(ctx)
	t, err = p.carryOut(ctx, t, req.Cutoff)
	if err != nil {
		p.log.Error().Stringer("act_id", t.Act.ID).Stringer("kind", t.Act.Target.Kind).Err(err).Msg("revocation not durable")
		return Status{}, err
	}
	p.log.Info().Stringer("act_id", t.Act.ID).Stringer("kind", t.Act.Target.Kind).
		Uint64("seq", t.Denied.Sequence).Str("cognito", string(t.Cognito.State)).Msg("revocation accepted")
	return t.Status, nil
}

// carryOut takes a new task through steps 2 and 3 of the package comment. cutoff
// is the caller's own, or 0. The error is a [*NotDurableError].
func (p *Publisher) carryOut(ctx context.Context, t Task, cutoff int64) (Task, error) {
	free, err := p.holds.take(ctx, t.Act.ID, nil)
	if err != nil { // ctx has ended: nobody else knows the id
		return t, &NotDurableError{Act: t.Act.ID, Cause: err}
	}
	defer free()
	fast := p.repeatFast(ctx, t.Act)
	// From here on a crash leaves a task that a worker finishes.
	t, err = p.put(ctx, t)
	if err == nil {
		err = p.deny(ctx, &t, t.Act)
	}
	fast.stop()
	if err == nil {
		err = p.enforced(ctx, t.Act)
	}
	if err == nil {
		t.Due = p.tellAt(t, cutoff)
		t.Cognito.NextTry = t.Due
		t, err = p.put(ctx, t)
	}
	if err != nil {
		return t, &NotDurableError{Act: t.Act.ID, FastOnly: fast.sent, Cause: err}
	}
	return t, nil
}

// enforced waits until the service's own denylist refuses by the act.
func (p *Publisher) enforced(ctx context.Context, act revocation.Act) error {
	ctx, span := spans.Step(ctx, "await enforced")
	err := p.cfg.View.AwaitEnforced(ctx, act)
	spans.End(span, err)
	return err
}

// accept checks the request and fixes its act.
func (p *Publisher) accept(req Request) (Task, error) {
	pool, known := p.cfg.Pools[req.Target.Pool]
	if !known {
		return Task{}, &RequestError{Field: "pool", Problem: "is not one of the configured user pools"}
	}
	if req.Grant != nil && req.Target.Kind != revocation.KindSession {
		return Task{}, &RequestError{Field: "grant", Problem: "goes with a session only"}
	}
	if req.Grant != nil && (req.Grant.ClientID == "" || req.Grant.RefreshToken == "") {
		return Task{}, &RequestError{Field: "grant", Problem: "lacks the app client or the refresh token"}
	}
	if err := req.Target.Validate(); err != nil {
		return Task{}, &RequestError{Field: "target", Problem: err.Error()}
	}
	now, cognitoNow := time.Now(), pool.Cognito.Now()
	if err := req.checkTimes(now, cognitoNow); err != nil {
		return Task{}, err
	}
	act := newAct(req, pool.Validity.withDefaults(), cognitoNow)
	if err := act.Validate(); err != nil {
		return Task{}, &RequestError{Field: "request", Problem: err.Error()}
	}
	if messageTTL(act.ExpiresAt, now) == 0 {
		return Task{}, &RequestError{Field: "cutoff", Problem: "is so old that no token issued by then can be valid"}
	}
	t := Task{
		Status: Status{
			Act:        act,
			AcceptedAt: now,
			Cognito:    Leg{State: LegNotApplicable},
			Reason:     req.Reason,
			Operator:   req.Operator,
			Floor:      req.KeepUntil,
		},
		Once:      req.Once,
		KeepUntil: act.ExpiresAt,
		Due:       now.Add(claim),
	}
	switch {
	case req.SkipCognito && act.Target.Kind != revocation.KindToken:
		t.Cognito = Leg{State: LegDone, DoneAt: now}
	case hasLeg(req):
		t.Cognito = Leg{State: LegPending}
		if req.Grant != nil {
			t.Grant = *req.Grant
		}
	}
	return t, nil
}

// deny appends a copy of the task's act to the stream and notes it in the task,
// with the sequence of the first.
func (p *Publisher) deny(ctx context.Context, t *Task, act revocation.Act) error {
	if act.ExpiresAt > t.KeepUntil {
		// Stored before the copy leaves: if the process dies in between, later
		// copies know all the same for how long they must hide this one. Should
		// that fail, it leaves nevertheless: an act that comes back in a replay
		// is better than one that ends too early.
		t.KeepUntil = act.ExpiresAt
		stored, err := p.put(ctx, *t)
		*t = stored
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case t.lifting() && act.State != revocation.StateLifted:
			return errLifting // by another replica, which does not know of this copy
		case err != nil:
			p.log.Warn().Stringer("act_id", act.ID).Err(err).Msg("task not stored before publishing")
		}
	}
	ttl := messageTTL(t.KeepUntil, time.Now())
	if ttl == 0 {
		return fmt.Errorf("publisher: act %s has ended", act.ID)
	}
	seq, err := p.appends.publish(ctx, act, ttl)
	if err != nil {
		return err
	}
	t.Act = act
	if t.Denied.Sequence == 0 && act.State != revocation.StateLifted {
		t.Denied = Denied{Sequence: seq, At: time.Now()}
	}
	return nil
}

// put stores a task and returns it as it is stored; after an error, as it was.
func (p *Publisher) put(ctx context.Context, t Task) (Task, error) {
	ctx, span := spans.Step(ctx, "store task")
	stored, err := p.cfg.Tasks.Put(ctx, t)
	spans.End(span, err)
	if err != nil {
		return t, err
	}
	return stored, nil
}

func encode(a revocation.Act, sent time.Time) []byte {
	return revocation.Message{SentAt: sent, Acts: []revocation.Act{a}}.Encode()
}

// repeater publishes one act on the fast path until it is stopped.
type repeater struct {
	sent bool // the first copy has left
	stop func()
}

func (p *Publisher) repeatFast(ctx context.Context, a revocation.Act) repeater {
	send := func(ctx context.Context) error {
		_, err := p.fasts.publish(ctx, a, 0)
		return err
	}
	err := send(ctx)
	repeating, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		again := time.NewTicker(fastPeriod)
		defer again.Stop()
		for {
			select {
			case <-repeating.Done():
				return
			case <-again.C:
				if repeating.Err() == nil {
					_ = send(repeating) // the stream brings the act even if this fails
				}
			}
		}
	})
	return repeater{sent: err == nil, stop: func() { cancel(); done.Wait() }}
}

// Get returns the status of an act, or [ErrNotFound].
func (p *Publisher) Get(ctx context.Context, id revocation.ActID) (Status, error) {
	t, err := p.cfg.Tasks.Get(ctx, id)
	return t.Status, err
}

// List returns the acts that q selects, the newest first. The error wraps
// [ErrNotFound] if q.After is unknown.
func (p *Publisher) List(ctx context.Context, q Query) ([]Status, error) {
	tasks, err := p.cfg.Tasks.List(ctx, q)
	if err != nil {
		return nil, err
	}
	list := make([]Status, len(tasks))
	for i, t := range tasks {
		list[i] = t.Status
	}
	return list, nil
}
