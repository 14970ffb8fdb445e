package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// rowsAtOnce is how many rows run side by side: they mostly wait.
	rowsAtOnce = 4
	// provisionalLife is for how long a node denies on the word of the fast
	// path alone; what was not acknowledged is gone after it, with some leeway
	// for a busy machine.
	provisionalLife = 120 * time.Second
	goneLeeway      = 5 * time.Second
)

// scenario is one way in which the publisher is used.
type scenario struct {
	name string
	// begin prepares a play on a stage, with a running replica.
	begin func(s *stage, name string, replica *process) (play, error)
}

// play is one request, and what is to come of it.
type play struct {
	cmd    command
	token  revocation.Token // what nodes are to refuse
	target revocation.Target
	lift   bool // the request is to undo
	// ended says that Cognito has ended the session, for requests that want it.
	ended func() bool
}

// scenarios are all of them, with every effect of a publisher in at least one.
var scenarios = []scenario{
	{"session", beginSession},
	{"learned session", beginLearned},
	{"user", beginUser},
	{"token", beginToken},
	{"lift", beginLift},
}

// startScenario is a replica that has nothing to do: its beats.
const startScenario = "start"

func beginSession(s *stage, name string, _ *process) (play, error) {
	tokens, err := s.signIn(name)
	if err != nil {
		return play{}, err
	}
	tok, err := claims(tokens.AccessToken)
	p := play{token: tok, target: revocation.Target{Kind: revocation.KindSession, Pool: tok.Pool, ID: tok.OriginJTI}}
	p.cmd.Revoke = &publisher.Request{Target: p.target, Grant: &publisher.Grant{
		ClientID: tok.ClientID, RefreshToken: tokens.RefreshToken, AccessToken: tokens.AccessToken,
	}}
	p.ended = func() bool { _, err := s.demo.Pool.Refresh(tok.ClientID, tokens.RefreshToken); return err != nil }
	return p, err
}

func beginLearned(s *stage, name string, replica *process) (play, error) {
	p, err := beginSession(s, name, replica)
	if err != nil {
		return play{}, err
	}
	p.cmd = command{Session: &publisher.Presented{
		Pool: p.target.Pool, ClientID: p.token.ClientID, RefreshToken: p.cmd.Revoke.Grant.RefreshToken, Operator: "app",
	}}
	return p, nil
}

func beginUser(s *stage, name string, _ *process) (play, error) {
	tokens, err := s.signIn(name)
	if err != nil {
		return play{}, err
	}
	tok, err := claims(tokens.AccessToken)
	p := play{token: tok, target: revocation.Target{Kind: revocation.KindUser, Pool: tok.Pool, ID: tok.Subject}}
	p.cmd.Revoke = &publisher.Request{Target: p.target}
	p.ended = func() bool { _, err := s.demo.Pool.Refresh(tok.ClientID, tokens.RefreshToken); return err != nil }
	return p, err
}

func beginToken(s *stage, name string, _ *process) (play, error) {
	tokens, err := s.signIn(name)
	if err != nil {
		return play{}, err
	}
	tok, err := claims(tokens.AccessToken)
	p := play{token: tok, target: revocation.Target{Kind: revocation.KindToken, Pool: tok.Pool, ID: tok.JTI}}
	p.cmd.Revoke = &publisher.Request{Target: p.target, ExpiresAt: tok.ExpiresAt}
	return p, err
}

func beginLift(s *stage, name string, replica *process) (play, error) {
	p, err := beginUser(s, name, replica)
	if err != nil {
		return play{}, err
	}
	p.cmd.Revoke.SkipCognito = true
	var r reply
	if err := replica.ask(p.cmd, &r); err != nil {
		return play{}, err
	}
	if r.Error != "" {
		return play{}, errors.New(r.Error)
	}
	if err := s.awaitVerdict(p.token, true); err != nil {
		return play{}, err
	}
	p.lift, p.ended = true, nil
	p.cmd = command{Lift: &publisher.LiftRequest{Acts: []revocation.ActID{r.Status[0].Act.ID}}}
	return p, nil
}

// row is one death and what came of it.
type row struct {
	scenario     string
	point        point
	acknowledged bool
	found        bool // the act is known after the restart
	status       publisher.Status
	refused      bool // what every node must say
	token        revocation.Token
	ended        time.Time // of the last fast copy, if nothing else is left
	problem      string
}

// crashMatrix kills a replica with SIGKILL before and after every effect of
// every scenario, starts it again, and checks that nothing acknowledged is lost
// and nothing is half known. pick, if not nil, chooses rows, whose last check
// is then left out.
func crashMatrix(ctx context.Context, out io.Writer, pick func(scenario string, p point) bool) error {
	began := time.Now()
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	rows, err := s.rows()
	if err != nil {
		return err
	}
	if pick != nil {
		rows = slices.DeleteFunc(rows, func(r *row) bool { return !pick(r.scenario, r.point) })
	}
	fmt.Fprintf(out, "%d rows: every effect of every scenario, killed before and after; 3 nodes\n", len(rows))
	var group errgroup.Group
	group.SetLimit(rowsAtOnce)
	for i, r := range rows {
		group.Go(func() error {
			if err := s.play(r, fmt.Sprint("row-", i)); err != nil {
				r.problem = err.Error()
			}
			return nil
		})
	}
	group.Wait()
	if pick == nil {
		if err := s.checkAgain(out, rows); err != nil {
			return err
		}
	}
	return report(out, rows, time.Since(began))
}

// rows runs every scenario once undisturbed and makes two rows of each effect.
// It is an error if the publisher has an effect that no scenario has.
func (s *stage) rows() ([]*row, error) {
	rows := []*row{
		{scenario: startScenario, point: point{"Bus.AppendBeat", 1, false}},
		{scenario: startScenario, point: point{"Bus.AppendBeat", 1, true}},
	}
	seen := map[string]bool{"Bus.AppendBeat": true}
	traces := make([][]string, len(scenarios))
	var group errgroup.Group
	for i, sc := range scenarios {
		group.Go(func() (err error) {
			if traces[i], err = s.trace(sc, fmt.Sprint("trace-", i)); err != nil {
				err = fmt.Errorf("%s, undisturbed: %w", sc.name, err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, sc := range scenarios {
		count := make(map[string]int)
		for _, name := range traces[i] {
			seen[name] = true
			count[name]++
			// Repeats of the fast path and beats come by the clock.
			if name == "Bus.AppendBeat" || name == "Bus.Fast" && count[name] > 1 {
				continue
			}
			for _, after := range []bool{false, true} {
				rows = append(rows, &row{scenario: sc.name, point: point{name, count[name], after}})
			}
		}
	}
	if missing := missingEffects(seen); len(missing) > 0 {
		return nil, fmt.Errorf("no scenario has these effects of the publisher: %s", strings.Join(missing, ", "))
	}
	return rows, nil
}

// quiet are the methods that change nothing outside the process.
var quiet = []string{"History.State", "History.Held", "Tasks.Get", "Tasks.List", "Tasks.Once", "Tasks.Work", "View.Outlived", "View.Held", "Cognito.Now", "Bus.Settle"}

// missingEffects returns the methods of the publisher's surroundings that are
// not among seen and not quiet.
func missingEffects(seen map[string]bool) []string {
	var missing []string
	for _, config := range []reflect.Type{reflect.TypeFor[publisher.Config](), reflect.TypeFor[publisher.Pool]()} {
		for i := range config.NumField() {
			f := config.Field(i)
			if f.Type.Kind() != reflect.Interface || f.Type.PkgPath() != config.PkgPath() {
				continue // such as a tracer
			}
			for j := range f.Type.NumMethod() {
				name := f.Type.Name() + "." + f.Type.Method(j).Name
				if !seen[name] && !slices.Contains(quiet, name) {
					missing = append(missing, name)
				}
			}
		}
	}
	return missing
}

// trace returns the effects of a scenario in which nobody dies.
func (s *stage) trace(sc scenario, name string) ([]string, error) {
	replica, err := s.startReplica(name, nil, false)
	if err != nil {
		return nil, err
	}
	defer replica.stop()
	p, err := sc.begin(s, name, replica)
	if err != nil {
		return nil, err
	}
	p.cmd.Arm = true
	var r reply
	if err := replica.ask(p.cmd, &r); err != nil || r.Error != "" {
		return nil, errors.Join(err, errors.New(r.Error))
	}
	if _, _, err := s.awaitSettled(replica, p); err != nil {
		return nil, err
	}
	err = replica.ask(command{History: true}, &r)
	return r.History, err
}

// play lets a replica die at the row's point, starts it again and notes what
// has become of the request.
func (s *stage) play(r *row, name string) error {
	if r.scenario == startScenario {
		return s.playStart(r, name)
	}
	replica, err := s.startReplica(name, &r.point, false)
	if err != nil {
		return err
	}
	defer replica.kill()
	sc := scenarios[slices.IndexFunc(scenarios, func(sc scenario) bool { return sc.name == r.scenario })]
	p, err := sc.begin(s, name, replica)
	if err != nil {
		return err
	}
	r.token = p.token
	p.cmd.Arm = true
	var answer reply
	switch err := replica.ask(p.cmd, &answer); {
	case errors.Is(err, errGone):
	case err != nil:
		return err
	case answer.Error != "":
		return fmt.Errorf("the request failed: %s", answer.Error)
	default:
		r.acknowledged = true
	}
	if err := replica.gone(); err != nil {
		return fmt.Errorf("%v was not reached: %w", r.point, err)
	}
	r.ended = time.Now()
	return s.judge(r, p, name)
}

// playStart is the row of a replica that dies at its first sign of life.
func (s *stage) playStart(r *row, name string) error {
	replica, err := s.startReplica(name, &r.point, true)
	if err != nil {
		return err
	}
	defer replica.kill()
	if err := replica.gone(); err != nil {
		return fmt.Errorf("%v was not reached: %w", r.point, err)
	}
	again, err := s.startReplica(name, nil, false)
	if err != nil {
		return err
	}
	defer again.stop()
	p, err := beginUser(s, name, again)
	if err != nil {
		return err
	}
	r.token = p.token
	var answer reply
	if err := again.ask(p.cmd, &answer); err != nil || answer.Error != "" {
		return errors.Join(err, errors.New(answer.Error))
	}
	r.acknowledged, r.refused = true, true
	if r.status, r.found, err = s.awaitSettled(again, p); err != nil {
		return err
	}
	return s.awaitVerdict(r.token, true)
}

// judge starts the replica again and checks what has become of the request.
func (s *stage) judge(r *row, p play, name string) (err error) {
	again, err := s.startReplica(name, nil, false)
	if err != nil {
		return err
	}
	defer again.stop()
	if r.status, r.found, err = s.awaitSettled(again, p); err != nil {
		return err
	}
	switch {
	case !r.found && r.acknowledged:
		return errors.New("acknowledged, and not known after the restart")
	case !r.found:
		return nil // to be gone in two minutes, or less
	}
	r.refused = r.status.Act.State != revocation.StateLifted
	if p.lift && r.acknowledged && r.refused {
		return errors.New("the lift was acknowledged, and the act stands")
	}
	if err := s.awaitVerdict(r.token, r.refused); err != nil {
		return err
	}
	if p.ended != nil && r.status.Cognito.State == publisher.LegDone && !p.ended() {
		return errors.New("the leg to Cognito is done, and Cognito still refreshes")
	}
	return nil
}

// awaitSettled waits until a replica has nothing left to do for the act on the
// play's target, and returns its status, or false if there is no such act.
func (s *stage) awaitSettled(replica *process, p play) (publisher.Status, bool, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var r reply
		err := replica.ask(command{List: &publisher.Query{Kind: p.target.Kind, Pool: p.target.Pool, IDs: []string{p.target.ID}, Limit: 2}}, &r)
		switch {
		case err != nil:
			return publisher.Status{}, false, err
		case r.Error != "":
			return publisher.Status{}, false, errors.New(r.Error)
		case len(r.Status) == 0:
			return publisher.Status{}, false, nil
		case len(r.Status) > 1:
			return publisher.Status{}, false, errors.New("one request has become two acts")
		case settled(r.Status[0]):
			return r.Status[0], true, nil
		case time.Now().After(deadline):
			return r.Status[0], true, fmt.Errorf("not settled after %v: %+v", patience, r.Status[0])
		}
	}
}

// settled reports whether both legs of an act have come to an end.
func settled(st publisher.Status) bool {
	switch {
	case !st.Lift.At.IsZero():
		return st.Act.State == revocation.StateLifted
	case st.Denied.Sequence == 0:
		return false
	case st.Cognito.State == publisher.LegDone:
		return st.Act.State == revocation.StateConfirmed
	}
	return st.Cognito.State == publisher.LegNotApplicable
}

// awaitVerdict waits until every node says the same of a token.
func (s *stage) awaitVerdict(tok revocation.Token, want bool) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		agreed := 0
		for _, node := range s.nodes {
			got, err := s.verdicts(node, []revocation.Token{tok})
			if err != nil {
				return err
			}
			if got[0] == want {
				agreed++
			}
		}
		if agreed == len(s.nodes) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d nodes have the verdict refused=%t after %v", agreed, len(s.nodes), want, patience)
		}
	}
}

var asking sync.Mutex // held while a node is asked: it answers one at a time

func (s *stage) verdicts(node *process, tokens []revocation.Token) ([]bool, error) {
	asking.Lock()
	defer asking.Unlock()
	return refused(node, tokens)
}

// checkAgain waits until nothing provisional is left, and asks every node, and
// one that starts only then, about every row.
func (s *stage) checkAgain(out io.Writer, rows []*row) error {
	var until time.Time
	for _, r := range rows {
		if end := r.ended.Add(provisionalLife + goneLeeway); !r.found && end.After(until) {
			until = end
		}
	}
	if wait := time.Until(until); wait > 0 {
		fmt.Fprintf(out, "waiting %.0f s for what was not acknowledged to be gone\n", wait.Seconds())
		time.Sleep(wait)
	}
	fresh, err := s.startNode()
	if err != nil {
		return err
	}
	s.nodes = append(s.nodes, fresh)
	tokens := make([]revocation.Token, len(rows))
	for i, r := range rows {
		tokens[i] = r.token
	}
	for n, node := range s.nodes {
		got, err := s.verdicts(node, tokens)
		if err != nil {
			return err
		}
		for i, r := range rows {
			if got[i] != r.refused && r.problem == "" {
				r.problem = fmt.Sprintf("in the end node %d says refused=%t, want %t", n+1, got[i], r.refused)
			}
		}
	}
	return nil
}

// report prints the table and returns an error if a row has a problem.
func report(out io.Writer, rows []*row, took time.Duration) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "scenario\tkilled\tacknowledged\tact\tcognito\tnodes\tverdict")
	bad, acknowledged, gone := 0, 0, 0
	for _, r := range rows {
		ack, act, leg, nodes, verdict := "no", "none", "-", "accept", "ok"
		if r.acknowledged {
			ack = "yes"
			acknowledged++
		}
		if r.found {
			act, leg = r.status.Act.State.String(), string(r.status.Cognito.State)
		} else {
			gone++
		}
		if r.refused {
			nodes = "refuse"
		}
		if r.problem != "" {
			verdict = "FAIL: " + r.problem
			bad++
		}
		fmt.Fprintf(table, "%s\t%v\t%s\t%s\t%s\t%s\t%s\n", r.scenario, r.point, ack, act, leg, nodes, verdict)
	}
	table.Flush()
	fmt.Fprintf(out, "%d rows, %d acknowledged, %d of the others gone, %d failed, in %.0f s\n", len(rows), acknowledged, gone, bad, took.Seconds())
	if bad > 0 {
		return fmt.Errorf("%d of %d rows failed", bad, len(rows))
	}
	return nil
}
