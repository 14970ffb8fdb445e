package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	demoNodes   = 3
	demoRepeats = 50
	// refusalTimeout is for how long a refusal is waited for before a step
	// fails. Refusals take milliseconds.
	refusalTimeout = 5 * time.Second
	// callsAsked is how many requests the nodes get while their own calls are
	// counted.
	callsAsked = 300
)

// DemoConfig configures [RunDemo].
type DemoConfig struct {
	Out io.Writer
	// Break names a step to break on purpose; empty for none. See [DemoSteps].
	Break string
	// Repeats is how often the time to refusal is measured; zero means 50.
	Repeats int
}

// DemoSteps returns the names of the steps, each of which DemoConfig.Break can
// break.
func DemoSteps() []string {
	var names []string
	for _, s := range (&demo{}).steps(context.Background()) {
		names = append(names, s.name)
	}
	return names
}

// RunDemo tells the story of a revocation. It returns nil only if every step
// held; the error names the one that did not.
func RunDemo(ctx context.Context, cfg DemoConfig) error {
	if cfg.Repeats == 0 {
		cfg.Repeats = demoRepeats
	}
	began := time.Now()
	stack, err := Start(ctx, Config{})
	if err != nil {
		return err
	}
	defer stack.Close()
	d := &demo{DemoConfig: cfg, stack: stack, callers: stack.callers()}
	defer d.stopNodes()
	for i := range demoNodes {
		if err := d.startNode(ctx, i, d.nodeConfig(i)); err != nil {
			return err
		}
	}
	fmt.Fprintf(cfg.Out, "NATS JetStream, a Cognito emulator, the revoke service and %d API nodes (processes) are up after %d ms.\n",
		demoNodes, time.Since(began).Milliseconds())
	if err := play(ctx, cfg.Out, d.steps(ctx)); err != nil {
		return err
	}
	fmt.Fprintf(cfg.Out, "\nCognito alone: revoked at Cognito, still accepted by all %d nodes, for %.0f min more.\n", demoNodes, d.goesOn.Minutes())
	fmt.Fprintf(cfg.Out, "revoked:       refused by all %d nodes %s after the request was sent (p50; max %s; %d revocations).\n",
		demoNodes, milliseconds(d.p50), milliseconds(d.max), cfg.Repeats)
	fmt.Fprintf(cfg.Out, "network calls made by nodes per request: %d (%d calls in %d requests, counted)\n", d.calls/callsAsked, d.calls, callsAsked)
	return nil
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

// demo is the state of the story.
type demo struct {
	DemoConfig
	callers *callers
	stack   *Stack
	nodes   []*process

	phone, laptop, tablet tokens // Ada's sessions
	fresh                 tokens // after everything was revoked

	goesOn   time.Duration // for how long the nodes accept what Cognito refuses
	p50, max time.Duration // sent to refused everywhere
	calls    uint64
}

// broken reports whether a step is to be broken on purpose.
func (d *demo) broken(name string) bool { return d.Break == name }

func (d *demo) steps(ctx context.Context) []step {
	return []step{
		{"sign-in", "Ada signs in on her phone and on her laptop.",
			"two sessions", func() (string, error) { return d.signInTwice(ctx) }},
		{"accept", "Three API nodes verify her tokens by themselves.",
			"200 from 3 of 3 nodes", func() (string, error) { return d.accept(ctx) }},
		{"problem", "The phone's session is revoked at Cognito alone.",
			"Cognito refuses the token, the nodes do not", func() (string, error) { return d.problem(ctx) }},
		{"revoke", "A tablet's token and client_id are posted to our /oauth2/revoke.",
			"401 from 3 of 3 nodes, by their denylists", func() (string, error) { return d.revoke(ctx) }},
		{"refresh", "Cognito was told, too; nobody else was hit.",
			"invalid_grant for the tablet, 200 for the laptop", func() (string, error) { return d.refreshRefused(ctx) }},
		{"replay", "Node 2 is killed (kill -9) and started again.",
			"401 for the tablet from replay, 200 for the laptop", func() (string, error) { return d.replay(ctx) }},
		{"user", "An operator revokes Ada everywhere.",
			"401 for every session, 200 for a sign-in past not_before", func() (string, error) { return d.user(ctx) }},
		{"leeway", "A token whose exp is 4 min 50 s ago is revoked.",
			"an entry on 3 of 3 nodes until exp + 5 min", func() (string, error) { return d.leeway(ctx) }},
		{"calls", "What nodes pay per request.",
			"no network call", func() (string, error) { return d.networkCalls(ctx) }},
	}
}

func (d *demo) signInTwice(ctx context.Context) (string, error) {
	password := cognitotest.DemoPassword
	if d.broken("sign-in") {
		password = "wrong"
	}
	var err error
	if d.phone, err = d.callers.signIn(ctx, cognitotest.DemoClientID, "ada", password); err != nil {
		return "", err
	}
	if d.laptop, err = d.signIn(ctx); err != nil {
		return "", err
	}
	return "two sessions", nil
}

func (d *demo) signIn(ctx context.Context) (tokens, error) {
	return d.callers.signIn(ctx, cognitotest.DemoClientID, "ada", cognitotest.DemoPassword)
}

func (d *demo) accept(ctx context.Context) (string, error) {
	for _, s := range []tokens{d.phone, d.laptop} {
		if err := d.everyNode(ctx, s, http.StatusOK); err != nil {
			return "", err
		}
	}
	return "200 from 3 of 3 nodes for both sessions", nil
}

// everyNode asks all nodes once and wants one status from each.
func (d *demo) everyNode(ctx context.Context, s tokens, want int) error {
	var got []int
	for _, n := range d.nodes {
		code, err := d.callers.ask(ctx, n.url, s.access)
		if err != nil {
			return err
		}
		got = append(got, code)
	}
	if slices.ContainsFunc(got, func(code int) bool { return code != want }) {
		return fmt.Errorf("the nodes answered %v", got)
	}
	return nil
}

func (d *demo) problem(ctx context.Context) (string, error) {
	if !d.broken("problem") {
		if err := d.callers.revokeAtCognito(ctx, cognitotest.DemoClientID, d.phone.refresh); err != nil {
			return "", err
		}
	}
	refusal := d.callers.getUser(ctx, d.phone.access)
	if refusal == nil {
		return "", errors.New("GetUser of Cognito still accepts the token")
	}
	if err := d.everyNode(ctx, d.phone, http.StatusOK); err != nil {
		return "", err
	}
	claims, err := claimsOf(d.phone.access)
	if err != nil {
		return "", err
	}
	d.goesOn = time.Until(time.Unix(claims.ExpiresAt, 0)).Round(time.Minute)
	return fmt.Sprintf("Cognito: %q; 3 of 3 nodes: 200, for %.0f min more", refusal, d.goesOn.Minutes()), nil
}

func (d *demo) revoke(ctx context.Context) (string, error) {
	before, err := d.decisions(ctx)
	if err != nil {
		return "", err
	}
	if d.broken("refresh") {
		d.stack.cognito.Fail("RevokeToken", cognitotest.Failure{Code: "InvalidParameterException"})
	}
	var times []time.Duration
	for range d.Repeats {
		s, err := d.signIn(ctx)
		if err != nil {
			return "", err
		}
		if err := d.everyNode(ctx, s, http.StatusOK); err != nil {
			return "", err
		}
		took, err := d.refused(ctx, s, func() error {
			return d.callers.revokeSession(ctx, cognitotest.DemoClientID, s.refresh)
		})
		if err != nil {
			return "", err
		}
		times = append(times, took)
		d.tablet = s
	}
	slices.Sort(times)
	d.p50, d.max = times[len(times)/2], times[len(times)-1]
	after, err := d.decisions(ctx)
	if err != nil {
		return "", err
	}
	for i := range after {
		if after[i]-before[i] < uint64(d.Repeats) {
			return "", fmt.Errorf("node %d counts %d refusals by its denylist for %d revocations", i+1, after[i]-before[i], d.Repeats)
		}
	}
	for i := range after {
		after[i] -= before[i]
	}
	return fmt.Sprintf("last node's 401 after p50 %s, max %s (%d times); refused by denylist on each node %v",
		milliseconds(d.p50), milliseconds(d.max), d.Repeats, after), nil
}

// decisions returns how often each node's denylist has refused.
func (d *demo) decisions(ctx context.Context) ([]uint64, error) {
	var counts []uint64
	for _, n := range d.nodes {
		s, err := d.callers.stats(ctx, n.url)
		if err != nil {
			return nil, err
		}
		counts = append(counts, s.Decisions[revokedReason])
	}
	return counts, nil
}

func (d *demo) refreshRefused(ctx context.Context) (string, error) {
	code, err := d.callers.refresh(ctx, cognitotest.DemoClientID, d.tablet.refresh)
	if err != nil {
		return "", err
	}
	if code != "invalid_grant" {
		return "", fmt.Errorf("refreshing answered %q", code)
	}
	if err := d.everyNode(ctx, d.laptop, http.StatusOK); err != nil {
		return "", fmt.Errorf("the laptop: %w", err)
	}
	return "invalid_grant; 200 from 3 of 3 nodes", nil
}

func (d *demo) replay(ctx context.Context) (string, error) {
	const victim = 1
	old := d.nodes[victim]
	old.kill()
	old.stop()
	cfg := old.cfg
	if d.broken("replay") {
		empty, err := d.stack.emptyNATS(ctx)
		if err != nil {
			return "", err
		}
		cfg.NATS = empty
	}
	began := time.Now()
	if err := d.startNode(ctx, victim, cfg); err != nil {
		return "", err
	}
	up := time.Since(began)
	if err := d.everyNode(ctx, d.tablet, http.StatusUnauthorized); err != nil {
		return "", fmt.Errorf("the tablet: %w", err)
	}
	if err := d.everyNode(ctx, d.laptop, http.StatusOK); err != nil {
		return "", fmt.Errorf("the laptop: %w", err)
	}
	return fmt.Sprintf("ready %d ms after its start, 401 and 200", up.Milliseconds()), nil
}

func (d *demo) user(ctx context.Context) (string, error) {
	sub := d.stack.demo.Ada.Subject
	if d.broken("user") {
		sub = d.stack.demo.Grace.Subject
	}
	var r accepted
	took, err := d.refused(ctx, d.laptop, func() (err error) {
		r, err = d.callers.revoke(ctx, map[string]string{"kind": "user", "id": sub, "reason": "demo: phone and tablet stolen"})
		return err
	})
	if err != nil {
		return "", err
	}
	for _, s := range []tokens{d.phone, d.tablet} {
		if err := d.everyNode(ctx, s, http.StatusUnauthorized); err != nil {
			return "", err
		}
	}
	notBefore, err := time.Parse(time.RFC3339, r.NotBefore)
	if err != nil {
		return "", fmt.Errorf("not_before: %w", err)
	}
	// A sign-out that ran later would also end the new session, at Cognito.
	if err := d.callers.awaitCognito(ctx, r.ID, refusalTimeout); err != nil {
		return "", err
	}
	if err := sleepUntil(ctx, notBefore); err != nil {
		return "", err
	}
	if d.fresh, err = d.signIn(ctx); err != nil {
		return "", err
	}
	if err := d.everyNode(ctx, d.fresh, http.StatusOK); err != nil {
		return "", fmt.Errorf("the new sign-in: %w", err)
	}
	return fmt.Sprintf("401 from 3 of 3 nodes after %s; 200 for the new sign-in", milliseconds(took)), nil
}

func (d *demo) leeway(ctx context.Context) (string, error) {
	const past = 4*time.Minute + 50*time.Second
	exp := time.Now().Add(-past).Truncate(time.Second)
	minted := exp
	if d.broken("leeway") {
		minted = exp.Add(time.Minute)
	}
	expired := d.stack.demo.Pool.Mint(cognitotest.MintOptions{
		ClientID: cognitotest.DemoClientID, Username: "ada",
		IssuedAt: minted.Add(-time.Hour), ExpiresAt: minted,
	})
	before, err := d.acts(ctx)
	if err != nil {
		return "", err
	}
	if _, err := d.callers.revoke(ctx, map[string]string{"kind": "token", "token": expired}); err != nil {
		return "", err
	}
	held := func(more int) func([]int) bool {
		return func(now []int) bool {
			for i := range now {
				if now[i] != before[i]+more {
					return false
				}
			}
			return true
		}
	}
	if err := d.awaitActs(ctx, refusalTimeout, held(1)); err != nil {
		return "", fmt.Errorf("after the revocation: %w", err)
	}
	gone := exp.Add(revocation.MaxLeeway)
	if err := d.awaitActs(ctx, time.Until(gone)+refusalTimeout, held(0)); err != nil {
		return "", fmt.Errorf("%v after exp: %w", time.Since(exp).Round(time.Second), err)
	}
	if early := time.Until(gone); early > 0 {
		return "", fmt.Errorf("the entries were dropped %v too early", early)
	}
	return fmt.Sprintf("held by 3 of 3 nodes, dropped %.1f s after exp + 5 min", time.Since(gone).Seconds()), nil
}

func (d *demo) networkCalls(ctx context.Context) (string, error) {
	before, err := d.outgoing(ctx)
	if err != nil {
		return "", err
	}
	for i := range callsAsked {
		s, want := d.fresh, http.StatusOK
		if i%2 == 1 {
			s, want = d.tablet, http.StatusUnauthorized
		}
		code, err := d.callers.ask(ctx, d.nodes[i%len(d.nodes)].url, s.access)
		if err != nil {
			return "", err
		}
		if code != want {
			return "", fmt.Errorf("a node answered %d, want %d", code, want)
		}
	}
	after, err := d.outgoing(ctx)
	if err != nil {
		return "", err
	}
	d.calls = after - before
	if d.calls != 0 {
		return "", fmt.Errorf("%d calls in %d requests", d.calls, callsAsked)
	}
	return fmt.Sprintf("0 calls in %d requests, half of them refused", callsAsked), nil
}

// outgoing returns how many calls all nodes have made since their start.
func (d *demo) outgoing(ctx context.Context) (uint64, error) {
	var sum uint64
	for _, n := range d.nodes {
		s, err := d.callers.stats(ctx, n.url)
		if err != nil {
			return 0, err
		}
		sum += s.Calls
	}
	return sum, nil
}
