package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// point is a moment in the life of a replica: before or after the nth call of
// one method of the publisher's surroundings.
type point struct {
	Effect string // such as "Tasks.Put"
	Nth    int    // from 1, counted since the command
	After  bool
}

// String is how the table names it.
func (p point) String() string {
	when := "before"
	if p.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s #%d", when, p.Effect, p.Nth)
}

// effects stands between a publisher and its surroundings. Once armed it
// records every call, and kills the process at its point.
//
// The decorators below embed nothing, so that a new method of an interface does
// not compile here until it is decorated.
type effects struct {
	mu    sync.Mutex // guards the fields below
	armed bool
	die   *point // nil: never
	count map[string]int
	trace []string
}

func (e *effects) arm(die *point) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.armed, e.die, e.count, e.trace = true, die, make(map[string]int), nil
}

// begin notes a call, and returns what to do when it has ended.
func (e *effects) begin(name string) func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.armed {
		return func() {}
	}
	e.count[name]++
	e.trace = append(e.trace, name)
	p := point{name, e.count[name], false}
	e.at(p)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		p.After = true
		e.at(p)
	}
}

// at ends the process as nothing but the kernel can, if this is the moment.
func (e *effects) at(p point) {
	if e.die != nil && *e.die == p {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			self.Kill()
		}
		select {} // until the signal has come
	}
}

// history returns the names of the calls so far.
func (e *effects) history() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string{}, e.trace...)
}

type watchedBus struct {
	bus publisher.Bus
	on  *effects
}

func (w watchedBus) Fast(ctx context.Context, payload []byte) error {
	defer w.on.begin("Bus.Fast")()
	return w.bus.Fast(ctx, payload)
}

func (w watchedBus) Settle(ctx context.Context) error { return w.bus.Settle(ctx) }

func (w watchedBus) AppendAct(ctx context.Context, payload []byte, ttl time.Duration) (uint64, error) {
	defer w.on.begin("Bus.AppendAct")()
	return w.bus.AppendAct(ctx, payload, ttl)
}

func (w watchedBus) AppendBeat(ctx context.Context, payload []byte, ttl time.Duration) error {
	defer w.on.begin("Bus.AppendBeat")()
	return w.bus.AppendBeat(ctx, payload, ttl)
}

type watchedTasks struct {
	tasks publisher.Tasks
	on    *effects
}

func (w watchedTasks) Put(ctx context.Context, t publisher.Task) (publisher.Task, error) {
	defer w.on.begin("Tasks.Put")()
	return w.tasks.Put(ctx, t)
}

func (w watchedTasks) Get(ctx context.Context, id revocation.ActID) (publisher.Task, error) {
	return w.tasks.Get(ctx, id)
}

func (w watchedTasks) List(ctx context.Context, q publisher.Query) ([]publisher.Task, error) {
	return w.tasks.List(ctx, q)
}

func (w watchedTasks) Once(ctx context.Context, key publisher.OnceKey) (publisher.Task, error) {
	return w.tasks.Once(ctx, key)
}

func (w watchedTasks) Work(ctx context.Context, do func(context.Context, publisher.Task) time.Time) {
	w.tasks.Work(ctx, do)
}

type watchedView struct {
	view publisher.View
	on   *effects
}

func (w watchedView) AwaitEnforced(ctx context.Context, act revocation.Act) error {
	defer w.on.begin("View.AwaitEnforced")()
	return w.view.AwaitEnforced(ctx, act)
}

func (w watchedView) AwaitLifted(ctx context.Context, act revocation.Act) error {
	defer w.on.begin("View.AwaitLifted")()
	return w.view.AwaitLifted(ctx, act)
}

func (w watchedView) Outlived() []revocation.Act { return w.view.Outlived() }

func (w watchedView) Held(target revocation.Target) int { return w.view.Held(target) }

type watchedCognito struct {
	cognito publisher.Cognito
	on      *effects
}

func (w watchedCognito) Now() time.Time { return w.cognito.Now() }

func (w watchedCognito) Refresh(ctx context.Context, clientID, refreshToken string) (publisher.Refreshed, error) {
	defer w.on.begin("Cognito.Refresh")()
	return w.cognito.Refresh(ctx, clientID, refreshToken)
}

func (w watchedCognito) RevokeToken(ctx context.Context, clientID, refreshToken string) error {
	defer w.on.begin("Cognito.RevokeToken")()
	return w.cognito.RevokeToken(ctx, clientID, refreshToken)
}

func (w watchedCognito) AccessTokenRevoked(ctx context.Context, accessToken string) (bool, error) {
	defer w.on.begin("Cognito.AccessTokenRevoked")()
	return w.cognito.AccessTokenRevoked(ctx, accessToken)
}

func (w watchedCognito) SignOutUser(ctx context.Context, sub string) error {
	defer w.on.begin("Cognito.SignOutUser")()
	return w.cognito.SignOutUser(ctx, sub)
}
