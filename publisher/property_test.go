package publisher_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Whatever order requests, lifts, sign-ins, crashes, failures and outages of
// Cognito come in, and however long they last: while Cognito could have minted a
// token that an acknowledged revocation covers, and a validator could accept it,
// every node refuses it, unless the revocation was to be lifted; and no node
// refuses a token that no request covers, or only lifted ones.
func TestNoAcknowledgedActIsEverLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var failure any // a failing rapid.T panics, which must not end the bubble
		synctest.Test(t, func(t *testing.T) {
			defer func() { failure = recover() }()
			s := newSimulation(t, rt)
			for range rapid.IntRange(3, 20).Draw(rt, "steps") {
				rapid.SampledFrom(s.actions()).Draw(rt, "action").do()
				s.check()
			}
		})
		if failure != nil {
			panic(failure)
		}
	})
}

// simulation is one run.
type simulation struct {
	t     *rapid.T
	life  *testing.T // processes end with it
	world *world
	pool  *poolModel
	now   *process
	// acknowledged and asked are the requests with success, and all of them.
	acknowledged, asked []accepting
}

// accepting is a request and Cognito's time when it was made.
type accepting struct {
	req publisher.Request
	at  time.Time
	act revocation.ActID // of an acknowledged one
}

// surely is the last moment whose tokens and sessions the request covers.
func (a accepting) surely() time.Time {
	own := time.Unix(a.req.Cutoff+1, 0).Add(-1)
	switch {
	case a.req.Cutoff == 0:
		return a.at
	case a.req.SkipCognito && own.After(a.at):
		return a.at // a session that begins later lives on at Cognito
	}
	return own
}

// possibly is the last moment whose tokens and sessions may be refused: a new
// sign-in must wait for not_before, cutoff + 1 s.
func (a accepting) possibly() time.Time {
	if a.req.Cutoff != 0 {
		return time.Unix(a.req.Cutoff+1, 0).Add(-1)
	}
	return a.at.Truncate(time.Second).Add(2*time.Second - 1)
}

type action struct {
	name string
	do   func()
}

// String is what rapid prints of a failing run.
func (a action) String() string { return a.name }

func newSimulation(life *testing.T, t *rapid.T) *simulation {
	life.Helper()
	w := newWorld()
	w.noBeats = true
	w.nodes = newNodes()
	w.offset = rapid.SampledFrom([]time.Duration{0, 1300 * time.Millisecond, -1300 * time.Millisecond}).Draw(t, "cognito ahead by")
	w.validity.Token = rapid.SampledFrom([]time.Duration{5 * time.Minute, hour, day}).Draw(t, "token validity")
	w.validity.Refresh = rapid.SampledFrom([]time.Duration{hour, 3 * day, 7 * day}).Draw(t, "refresh validity")
	w.pool = &poolModel{world: w, validity: w.validity}
	s := &simulation{t: t, life: life, world: w, pool: w.pool, now: w.start(life)}
	for _, user := range []string{"user-1", "user-2"} {
		w.set(func() { w.pool.signIn(user, "client-1") })
	}
	return s
}

func (s *simulation) actions() []action {
	return []action{
		{"revoke", s.revoke}, {"revoke", s.revoke}, {"revoke", s.revoke},
		{"lift", s.lift},
		{"sign in", s.signIn},
		{"wait", s.wait}, {"wait", s.wait},
		{"days pass", func() {
			for range rapid.IntRange(2, 8).Draw(s.t, "half days") {
				s.sleep(12 * hour)
			}
		}},
		{"cognito down", func() { s.cognito(&publisher.CognitoError{Op: "any", Code: "unreachable", Retry: true}) }},
		{"cognito refuses", func() { s.cognito(&publisher.CognitoError{Op: "any", Code: "NotAuthorizedException"}) }},
		{"cognito up", func() { s.cognito(nil) }},
		{"crash", func() {
			s.now.kill()
			time.Sleep(rapid.SampledFrom([]time.Duration{0, time.Minute, 12 * hour}).Draw(s.t, "dead for"))
			s.restart()
		}},
		{"fault", s.fault},
	}
}

func (s *simulation) signIn() {
	user := rapid.SampledFrom([]string{"user-1", "user-2"}).Draw(s.t, "user")
	client := rapid.SampledFrom([]string{"client-1", "client-2"}).Draw(s.t, "client")
	time.Sleep(time.Millisecond) // after every request so far
	s.world.set(func() { s.pool.signIn(user, client) })
}

func (s *simulation) wait() {
	s.sleep(rapid.SampledFrom([]time.Duration{700 * time.Millisecond, 2 * time.Second, time.Minute, hour, 7 * hour}).Draw(s.t, "wait"))
}

// sleep lets time pass, in which a dead process is started again.
func (s *simulation) sleep(d time.Duration) {
	time.Sleep(d)
	if s.now.isDead() {
		s.restart()
	}
	s.check()
}

// restart starts the next process and gives it time without further trouble.
func (s *simulation) restart() {
	s.now.kill()
	s.world.set(func() { s.world.fault = nil })
	s.now = s.world.start(s.life)
	time.Sleep(10 * time.Minute)
}

func (s *simulation) cognito(err error) {
	s.world.set(func() {
		clear(s.world.answer)
		for _, call := range cognitoCalls {
			if err != nil {
				s.world.answer[call] = err
			}
		}
	})
}

// fault lets one of the next effects fail.
func (s *simulation) fault() {
	v := rapid.SampledFrom([]verdict{refuse, lose, dieBefore, dieAfter}).Draw(s.t, "verdict")
	in := rapid.IntRange(0, 12).Draw(s.t, "in effects")
	s.world.set(func() {
		at := len(s.world.effects) + in
		s.world.fault = func(i int, _ string) verdict {
			if i == at {
				return v
			}
			return succeed
		}
	})
}

// revoke requests a revocation of something that exists.
func (s *simulation) revoke() {
	var req publisher.Request
	s.world.set(func() { req = s.request() })
	a := accepting{req: req, at: s.pool.now()}
	status, err := s.now.Revoke(s.life.Context(), req)
	if _, wrong := errors.AsType[*publisher.RequestError](err); wrong {
		s.t.Fatalf("Revoke(%+v) = %v", req, err)
	}
	if err == nil {
		a.act = status.Act.ID
		s.acknowledged = append(s.acknowledged, a)
	}
	s.asked = append(s.asked, a)
}

// lift undoes up to two acts at once. From the attempt on they need not refuse
// any more; after a success they may not.
func (s *simulation) lift() {
	index := rapid.IntRange(0, 1<<20)
	picks := []int{index.Draw(s.t, "lifted"), index.Draw(s.t, "lifted, too")}
	if len(s.acknowledged) == 0 {
		return
	}
	var ids []revocation.ActID
	for _, i := range picks {
		ids = append(ids, s.acknowledged[i%len(s.acknowledged)].act)
	}
	of := func(lifted ...revocation.ActID) func(accepting) bool {
		return func(a accepting) bool { return slices.Contains(lifted, a.act) }
	}
	s.acknowledged = slices.DeleteFunc(s.acknowledged, of(ids...))
	list, err := s.now.Lift(s.life.Context(), publisher.LiftRequest{Acts: ids})
	if _, failed := errors.AsType[*publisher.LiftError](err); err != nil && !failed && !errors.Is(err, publisher.ErrNotFound) {
		s.t.Fatalf("Lift = %v", err)
	}
	for _, status := range list {
		s.asked = slices.DeleteFunc(s.asked, of(status.Act.ID))
	}
}

// request draws one. The caller holds the world's mu.
func (s *simulation) request() publisher.Request {
	// What is drawn must not depend on what the jitter of retries has led to,
	// or rapid could not repeat a failing run.
	index := rapid.IntRange(0, 1<<20)
	tokens, sessions := s.pool.tokens(), s.pool.sessions
	if len(tokens) == 0 { // nobody is signed in any more
		s.pool.signIn("user-1", "client-1")
		tokens, sessions = s.pool.tokens(), s.pool.sessions
	}
	of := sessions[index.Draw(s.t, "session")%len(sessions)]
	other := sessions[index.Draw(s.t, "other session")%len(sessions)]
	tok := tokens[index.Draw(s.t, "token")%len(tokens)]
	expKnown := rapid.Bool().Draw(s.t, "exp known")
	req := publisher.Request{Target: revocation.Target{Kind: rapid.SampledFrom(revocation.Kinds()).Draw(s.t, "kind"), Pool: poolID}}
	if rapid.Bool().Draw(s.t, "session basis") && req.Target.Kind.HasCutoff() && req.Target.Kind != revocation.KindUser {
		req.Basis = revocation.BasisSession
	}
	switch req.Target.Kind {
	case revocation.KindToken:
		req.Target.ID = tok.JTI
		if expKnown && time.Now().Before(time.Unix(tok.ExpiresAt, 0)) {
			req.ExpiresAt = tok.ExpiresAt
		}
	case revocation.KindSession:
		s.ofSession(&req, of, other)
	case revocation.KindUser:
		req.Target.ID = of.user
		switch rapid.SampledFrom([]string{"", "except", "skip"}).Draw(s.t, "how") {
		case "except":
			req.Target.ExceptSession = of.id
		case "skip":
			req.SkipCognito = true
			s.pool.signOut(of.user)
		}
	case revocation.KindClient:
		req.Target.ID = of.client
	case revocation.KindGroup:
		req.Target.ID = "group of " + of.client
	case revocation.KindDevice:
		req.Target.ID = "device of " + of.user
	}
	if req.Target.Kind.HasCutoff() && rapid.Bool().Draw(s.t, "own cutoff") {
		ahead := rapid.SampledFrom([]time.Duration{-time.Minute, -time.Second, 0, time.Second, 2 * time.Second})
		req.Cutoff = s.pool.now().Add(ahead.Draw(s.t, "ahead")).Unix()
	}
	if rapid.Bool().Draw(s.t, "own end") {
		req.KeepUntil = time.Now().Add(rapid.SampledFrom([]time.Duration{time.Minute, 5 * day}).Draw(s.t, "keep for")).Unix()
	}
	return req
}

// ofSession draws how a session is revoked; the refresh token of another may be
// presented instead of its own.
func (s *simulation) ofSession(req *publisher.Request, of, other *session) {
	req.Target.ID = of.id
	switch rapid.SampledFrom([]string{"by id", "learned", "proven", "other token", "skip"}).Draw(s.t, "how") {
	case "learned":
		req.Grant = &publisher.Grant{ClientID: of.client, RefreshToken: of.refreshToken(), Fresh: true}
	case "proven":
		req.Grant = &publisher.Grant{ClientID: of.client, RefreshToken: of.refreshToken(), AccessToken: of.accessToken()}
	case "other token":
		req.Grant = &publisher.Grant{ClientID: of.client, RefreshToken: other.refreshToken(), AccessToken: of.accessToken()}
	case "skip":
		req.SkipCognito = true
		s.pool.revoke(of.refreshToken())
	}
}

// check compares the nodes with what was asked for.
func (s *simulation) check() {
	s.t.Helper()
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	now := time.Now().Unix()
	lists := s.world.nodes.denylists()
	for _, tok := range s.pool.tokens() {
		must, may := false, false
		for _, a := range s.acknowledged {
			must = must || covers(a.req, a.surely(), tok)
		}
		for _, a := range s.asked {
			may = may || covers(a.req, a.possibly(), tok)
		}
		for name, list := range lists {
			switch _, _, refused := list.Find(&tok.Token, now); {
			case must && !refused:
				s.t.Fatalf("the %s node accepts %+v at %d, which is covered by one of %+v", name, tok, now, s.acknowledged)
			case refused && !may:
				s.t.Fatalf("the %s node refuses %+v at %d, which is covered by none of %+v", name, tok, now, s.asked)
			}
		}
	}
}
