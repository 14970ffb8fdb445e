package prober

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/members"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Fleet asks the nodes. A *members.Tracker is behind it.
type Fleet interface {
	// Await returns when what is wanted is met, or when ctx ends.
	Await(ctx context.Context, q members.Question, want members.Want) (members.Receipt, error)
	// Conclude returns what is known then, and forgets it.
	Conclude(id revocation.ActID, want members.Want) (members.Receipt, map[string][]time.Duration, error)
}

// Config of a [Prober]. All but Logger is required.
type Config struct {
	// Canary revokes a token that nobody has, whose act is in force for life at
	// least; see [publisher.Publisher.Canary].
	Canary func(ctx context.Context, life time.Duration) (publisher.Status, error)
	Fleet  Fleet
	// Interval is the time from the begin of a run to that of the next. Each
	// run costs one act: shorter ones fill the stream and every denylist, in
	// which a canary stays for Timeout + [revocation.MaxLeeway]; longer ones
	// notice later that something is wrong.
	Interval time.Duration
	// Timeout bounds a run; less than Interval.
	Timeout time.Duration
	// Done is called with the outcome of each run, by the goroutine of
	// [Prober.Run], which waits for it.
	Done func(Outcome)
	// Logger receives a line when the outcome is another one than before.
	Logger zerolog.Logger
}

// Result says how a run has ended.
type Result string

// The results; the values are stable names.
const (
	// Enforced: every node has proven that it enforces the canary.
	Enforced Result = "enforced"
	// Incomplete: the canary is revoked, but some node has not proven that it
	// enforces it, or no node is known, or fewer than there must be.
	Incomplete Result = "incomplete"
	// Failed: the canary could not be revoked, or no node be asked.
	Failed Result = "failed"
)

// Results returns all of them.
func Results() []Result { return []Result{Enforced, Incomplete, Failed} }

// Outcome is what a run has found out.
type Outcome struct {
	Result Result
	// Services that have nodes, or must have, by name; nil if the run failed.
	Services []Service
	// Stragglers are nodes that have not proven it, at most 100.
	Stragglers []members.Straggler
	// Shortfalls are why the counts prove nothing.
	Shortfalls []members.Shortfall
	// Err is why it failed.
	Err error
}

// Service is what the nodes of one service did.
type Service struct {
	Name string
	// Took has the time of each node that enforces the canary.
	Took []time.Duration
	// Missing nodes have not proven it until the end.
	Missing int
}

// Prober probes; see the package comment.
type Prober struct {
	cfg  Config // immutable
	log  zerolog.Logger
	said string // what the log says the state is; owned by Run
}

// New checks the configuration.
func New(cfg Config) (*Prober, error) {
	switch {
	case cfg.Canary == nil:
		return nil, errors.New("prober: Config.Canary is nil")
	case cfg.Fleet == nil:
		return nil, errors.New("prober: Config.Fleet is nil")
	case cfg.Done == nil:
		return nil, errors.New("prober: Config.Done is nil")
	case cfg.Interval <= 0:
		return nil, fmt.Errorf("prober: Config.Interval %v is not positive", cfg.Interval)
	case cfg.Timeout <= 0 || cfg.Timeout >= cfg.Interval:
		return nil, fmt.Errorf("prober: Config.Timeout %v is not between 0 and the interval, %v", cfg.Timeout, cfg.Interval)
	}
	return &Prober{cfg: cfg, log: cfg.Logger.With().Str("component", "prober").Logger()}, nil
}

// Run probes until ctx ends. A run that is interrupted by that has no outcome.
// It is called once.
func (p *Prober) Run(ctx context.Context) {
	first := time.NewTimer(rand.N(p.cfg.Interval))
	defer first.Stop()
	select {
	case <-ctx.Done():
		return
	case <-first.C:
	}
	again := time.NewTicker(p.cfg.Interval)
	defer again.Stop()
	for {
		out := p.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		p.tell(out)
		p.cfg.Done(out)
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// probe makes one run.
func (p *Prober) probe(ctx context.Context) Outcome {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	canary, err := p.cfg.Canary(ctx, p.cfg.Timeout)
	if err != nil {
		return Outcome{Result: Failed, Err: err}
	}
	_, err = p.cfg.Fleet.Await(ctx, members.Question{
		Act: canary.Act, Sequence: canary.Denied.Sequence, AcceptedAt: canary.AcceptedAt, Fresh: true,
	}, members.Known)
	if err != nil {
		return Outcome{Result: Failed, Err: err}
	}
	receipt, took, err := p.cfg.Fleet.Conclude(canary.Act.ID, members.Known)
	if err != nil {
		return Outcome{Result: Failed, Err: err}
	}
	out := Outcome{Result: Incomplete, Stragglers: receipt.Stragglers, Shortfalls: receipt.Shortfalls}
	if receipt.Met {
		out.Result = Enforced
	}
	for _, s := range receipt.Services {
		out.Services = append(out.Services, Service{
			Name: s.Service, Took: took[s.Service], Missing: s.Total - s.Enforced - s.ReportOnly,
		})
	}
	return out
}

// maxNamed bounds the nodes that a line of the log names.
const maxNamed = 20

// tell logs an outcome, unless it has said the same of the last.
func (p *Prober) tell(out Outcome) {
	said := string(out.Result)
	names := make([]string, len(out.Stragglers))
	for i, s := range out.Stragglers {
		names[i] = s.Service + "/" + s.Node + ": " + string(s.Reason)
	}
	slices.Sort(names)
	for _, text := range names {
		said += "\n" + text
	}
	for _, s := range out.Shortfalls {
		said += "\n" + string(s)
	}
	if said == p.said {
		return
	}
	p.said = said
	switch out.Result {
	case Enforced:
		p.log.Info().Msg("canary enforced by every node")
	case Incomplete:
		more := max(0, len(names)-maxNamed)
		p.log.Warn().Strs("stragglers", names[:len(names)-more]).Int("more", more).Any("shortfalls", out.Shortfalls).
			Msg("canary not enforced by every node")
	case Failed:
		p.log.Warn().Err(out.Err).Msg("canary not revoked")
	}
}
