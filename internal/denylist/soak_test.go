package denylist_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// soakFor is how long TestSoak runs; REVOKED_SOAK overrides it ("60s").
const soakFor = 5 * time.Second

// TestSoak runs inserts, extensions, lifts, provisional acts, expiry, rebuilds
// and checks at the same time, and compares every check with a plain model.
// Time is simulated: a second lasts a few hundred microseconds.
func TestSoak(t *testing.T) {
	duration := soakFor
	if v := os.Getenv("REVOKED_SOAK"); v != "" {
		var err error
		if duration, err = time.ParseDuration(v); err != nil {
			t.Fatalf("REVOKED_SOAK: %v", err)
		}
	}
	s := newSoak()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, work := range []func(*rand.Rand){s.write, s.write, s.check, s.check, s.checkPillars, s.disturbPillars, s.tick} {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			for {
				select {
				case <-stop:
					return
				default:
					work(r)
					runtime.Gosched() // on few cores, who spins keeps the others from changing anything
				}
			}
		})
	}
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.publication()
			}
		}
	})
	deadline := time.After(duration)
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for running := true; running; {
		select {
		case <-deadline:
			running = false
		case <-poll.C:
			running = s.accepts.Load()+s.refusals.Load() == 0
		}
	}
	close(stop)
	wg.Wait()
	for _, problem := range s.deny.CheckWhole() {
		t.Error("the set is not whole: ", problem)
	}
	st := s.deny.Stats()
	t.Logf("%v: %d checks, %d false accepts, %d false refusals; %d changes, %d rebuilds, %d simulated seconds, %d acts left",
		duration, s.checks.Load(), s.accepts.Load(), s.refusals.Load(), s.changes.Load(), st.Rebuilds, s.clock.Load()-soakEpoch, st.Acts)
	if s.accepts.Load() > 0 || s.refusals.Load() > 0 {
		t.Errorf("%d false accepts, %d false refusals, first: %v", s.accepts.Load(), s.refusals.Load(), s.first.Load())
	}
	if s.checks.Load() < 1000 || s.changes.Load() < 1000 || st.Rebuilds == 0 {
		t.Errorf("too little has happened: %d checks, %d changes, %d rebuilds", s.checks.Load(), s.changes.Load(), st.Rebuilds)
	}
}

const (
	soakEpoch   = int64(1_700_000_000)
	soakLeeway  = int64(revocation.MaxLeeway / time.Second)
	soakTargets = 8192
	soakPillars = 64
)

type soak struct {
	deny    *denylist.Denylist
	other   *denylist.Denylist // makes hashes that are of no use to deny
	targets []*soakTarget
	pillars []revocation.Act
	clock   atomic.Int64 // simulated Unix seconds
	wave    atomic.Int64 // how many of the targets get acts now

	checks, changes, accepts, refusals atomic.Int64
	first                              atomic.Value // string
}

// soakTarget is a target with its model: the acts on it, merged naively. mu
// keeps checks of this target away while it changes; all else goes on.
type soakTarget struct {
	target revocation.Target
	mu     sync.Mutex
	acts   []soakAct
}

type soakAct struct {
	act   revocation.Act
	keep  int64
	until int64 // 0 unless provisional
}

func newSoak() *soak {
	s := &soak{deny: denylist.NewSmall(), other: denylist.New()}
	s.clock.Store(soakEpoch)
	s.wave.Store(soakTargets)
	kinds := []revocation.Kind{revocation.KindToken, revocation.KindSession, revocation.KindUser, revocation.KindGroup, revocation.KindDevice}
	for i := range soakTargets {
		t := revocation.Target{Kind: kinds[i%len(kinds)], Pool: fmt.Sprint(pool, i%3), ID: uuidOf(i)}
		if i%7 == 0 {
			t.ID = fmt.Sprint("id-", i)
		}
		if t.Kind == revocation.KindUser && i%2 == 0 {
			t.ExceptSession = "spared"
		}
		s.targets = append(s.targets, &soakTarget{target: t})
	}
	for i := range soakPillars {
		a := revocation.Act{
			ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: 1<<33 - 1,
			Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: uuidOf(soakTargets + i)},
		}
		s.deny.Apply(a)
		s.pillars = append(s.pillars, a)
	}
	return s
}

func uuidOf(i int) string {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&(1<<48-1))
}

// write changes one target: a new act, or another copy of one it has.
func (s *soak) write(r *rand.Rand) {
	t := s.targets[r.IntN(int(s.wave.Load()))]
	t.mu.Lock()
	defer t.mu.Unlock()
	now := s.clock.Load()
	t.acts = slices.DeleteFunc(t.acts, func(a soakAct) bool { // long gone
		return max(a.keep, a.act.ExpiresAt)+soakLeeway < now-1000
	})
	end := now - soakLeeway + 1 + r.Int64N(60)
	if len(t.acts) == 0 || r.IntN(2) == 0 {
		a := revocation.Act{ID: revocation.NewActID(), State: revocation.StateOpen, Target: t.target, ExpiresAt: end}
		if t.target.Kind.HasCutoff() {
			a.Basis, a.Cutoff = revocation.BasisSession, now-r.Int64N(3)
		}
		model := soakAct{act: a, keep: end}
		if r.IntN(4) == 0 {
			model.until = now + 1 + r.Int64N(10)
			s.deny.ApplyProvisional(a, model.until)
		} else {
			s.deny.Apply(a)
		}
		t.acts = append(t.acts, model)
	} else {
		m := &t.acts[r.IntN(len(t.acts))]
		if ended := m.act.ExpiresAt+soakLeeway <= now+5 || m.until != 0 && m.until <= now+5; ended {
			return // the service sends no copies of acts that nodes have forgotten
		}
		a := m.act
		switch r.IntN(3) {
		case 0:
			a.ExpiresAt = max(a.ExpiresAt, end)
		case 1:
			a.State, a.ExpiresAt = max(a.State, revocation.StateConfirmed), end
		case 2:
			a.State, a.ExpiresAt = revocation.StateLifted, max(m.keep, end)
		}
		s.deny.Apply(a)
		m.act, m.keep, m.until = m.act.Merge(a), max(m.keep, a.ExpiresAt), 0
	}
	s.changes.Add(1)
}

// check compares the verdict on one token with the model.
func (s *soak) check(r *rand.Rand) {
	t := s.targets[r.IntN(len(s.targets))]
	t.mu.Lock()
	defer t.mu.Unlock()
	now := s.clock.Load()
	tok := revocation.Act{Target: t.target, Basis: revocation.BasisSession, Cutoff: now - r.Int64N(4)}.Witness()
	if r.IntN(8) == 0 && tok.OriginJTI == "" {
		tok.OriginJTI = "spared"
	}
	want := slices.ContainsFunc(t.acts, func(a soakAct) bool {
		return now < a.act.ExpiresAt+soakLeeway && (a.until == 0 || now < a.until) && a.act.Refuses(tok)
	})
	s.compare(&tok, now, want, r)
}

// compare makes the check in one of the ways that callers have.
func (s *soak) compare(tok *revocation.Token, now int64, want bool, r *rand.Rand) {
	var got bool
	switch r.IntN(3) {
	case 0:
		_, _, got = s.deny.Find(tok, now)
	case 1:
		h := s.deny.Prehash(tok)
		_, _, got = s.deny.FindHashed(tok, &h, now)
	case 2:
		h := s.other.Prehash(tok)
		_, _, got = s.deny.FindHashed(tok, &h, now)
	}
	s.count(want, got, tok)
}

func (s *soak) count(want, got bool, tok *revocation.Token) {
	s.checks.Add(1)
	if want == got {
		return
	}
	s.first.CompareAndSwap(nil, fmt.Sprintf("refused = %v, want %v: %+v", got, want, *tok))
	if want {
		s.accepts.Add(1)
	} else {
		s.refusals.Add(1)
	}
}

// checkPillars asks, without any lock, about targets that are revoked for good
// while other acts on them come and go, and about strangers.
func (s *soak) checkPillars(r *rand.Rand) {
	now := s.clock.Load()
	tok := s.pillars[r.IntN(len(s.pillars))].Witness()
	s.compare(&tok, now, true, r)
	stranger := revocation.Token{Pool: pool, OriginJTI: uuidOf(-1 - r.IntN(1<<20))}
	s.compare(&stranger, now, false, r)
}

// disturbPillars adds acts on the same targets, which end soon.
func (s *soak) disturbPillars(r *rand.Rand) {
	a := s.pillars[r.IntN(len(s.pillars))]
	a.ID, a.ExpiresAt = revocation.NewActID(), s.clock.Load()-soakLeeway+1+r.Int64N(30)
	s.deny.Apply(a)
	s.changes.Add(1)
}

// tick lets a second pass, and now and then changes the size that the set
// will settle at.
func (s *soak) tick(r *rand.Rand) {
	now := s.clock.Add(1)
	s.deny.Prune(now - r.Int64N(3))
	if now%100 == 0 {
		s.wave.Store(int64(soakTargets) >> r.IntN(6))
	}
	time.Sleep(time.Duration(r.IntN(500)) * time.Microsecond)
}

// publication fills a set in order, while another goroutine asks for the act
// that the count says is there.
func (s *soak) publication() {
	const n = 2000
	d := denylist.NewSmall()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuidOf(1_000_000 + i)
	}
	var filled atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !filled.Load() {
			for range 64 {
				if seen := d.Len(); seen > 0 {
					tok := revocation.Token{Pool: pool, OriginJTI: ids[seen-1]}
					_, _, found := d.Find(&tok, 0)
					s.count(true, found, &tok)
				}
			}
			runtime.Gosched()
		}
	}()
	for _, id := range ids {
		d.Apply(session(id, 1000))
	}
	filled.Store(true)
	<-done
}
