package subscriber

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// defaultSeeds is how many runs are simulated in a usual test.
const defaultSeeds = 40

// simLength is the simulated time of one run before everything is healed.
const simLength = 3 * time.Minute

// TestSimulation runs a node against a stream, a service, a network and clocks
// that break at random, and checks at every step that it knows what it says it
// knows. Everything that is random comes from the seed: a seed that fails does
// so again, step by step.
//
//	SIM_SEEDS=2000 go test ./subscriber -run TestSimulation
//	SIM_SEED=17    go test ./subscriber -run TestSimulation -v
func TestSimulation(t *testing.T) {
	first, n := uint64(1), uint64(defaultSeeds)
	if s := os.Getenv("SIM_SEEDS"); s != "" {
		n = parseSeed(t, s)
	}
	if s := os.Getenv("SIM_SEED"); s != "" {
		first, n = parseSeed(t, s), 1
	}
	// Two at a time: each is a bubble of its own.
	const shards = 2
	var total simFigures
	var mu sync.Mutex // guards total
	t.Run("seeds", func(t *testing.T) {
		var failed atomic.Bool
		for shard := range uint64(shards) {
			t.Run(strconv.FormatUint(shard, 10), func(t *testing.T) {
				t.Parallel()
				for i := shard; i < n && !failed.Load(); i += shards {
					run := simulate(t, first+i)
					mu.Lock()
					total.add(run.figures)
					mu.Unlock()
					if run.broken != "" && !failed.Swap(true) {
						t.Fatalf("sim: seed %d, after %d, broke a promise: %s\nlast steps:\n%s\nreplay with SIM_SEED=%d",
							first+i, i, run.broken, strings.Join(run.tail(), "\n"), first+i)
					}
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	t.Logf("sim: %d seeds, %v", n, total)
	if n >= defaultSeeds && (total.fresh == 0 || total.stale == 0 || total.required == 0 || total.restores == 0 || total.lost == 0) {
		t.Errorf("%v: something never happened: the simulation proves nothing", total)
	}
}

func parseSeed(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A seed replays exactly: the same steps, the same requests, the same answers.
func TestSimulationReplaysExactly(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		first, second := simulate(t, seed), simulate(t, seed)
		if first.trace != second.trace || first.figures != second.figures {
			t.Errorf("seed %d: %x with %v, then %x with %v", seed, first.trace, first.figures, second.trace, second.figures)
		}
	}
}

// simFigures count what the runs have seen.
type simFigures struct {
	steps, fresh, stale int // checks by what the node said of itself
	required            int // acts that a fresh node had to enforce
	restores, lost      int // stores restored or wiped; histories noticed
	requests            int
}

func (f *simFigures) add(g simFigures) {
	f.steps += g.steps
	f.fresh += g.fresh
	f.stale += g.stale
	f.required += g.required
	f.restores += g.restores
	f.lost += g.lost
	f.requests += g.requests
}

func (f simFigures) String() string {
	return fmt.Sprintf("%d checks: %d fresh with %d acts required, %d stale; %d stores restored or wiped, %d noticed; %d requests",
		f.steps, f.fresh, f.required, f.stale, f.restores, f.lost, f.requests)
}

// simRun is one run.
type simRun struct {
	server *simServer
	rng    *rand.Rand // the server's, guarded by its mu
	node   *Subscriber
	start  time.Time

	log     []string
	trace   uint64
	broken  string // the first promise that was broken
	figures simFigures

	nextTick, nextBeat time.Time
	quorumAt           time.Time // no commit before
	healAt, unskewAt   time.Time // zero: nothing to heal
	noticeAt, acceptAt time.Time // of a restore: by the service, by the operator
	restored           bool

	kept    map[revocation.ActID]revocation.Act // the stream has brought them to the node
	orphans map[revocation.ActID]time.Time      // fast copies that nothing follows, by when they were sent
	acts    int
}

func simulate(t *testing.T, seed uint64) (run *simRun) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 0x5eed))
		run = &simRun{
			server: newSimServer(rng), rng: rng, start: time.Now(),
			orphans: make(map[revocation.ActID]time.Time),
		}
		src := simSource{run.server}
		v := newView(maxStaleness, zerolog.Nop())
		run.node = startSeeded(src, v, rng.Uint64())
		run.main()
		run.node.Close()
		run.figures.requests = run.server.requests
		run.figures.lost = int(run.node.Status().Counters.Histories)
	})
	return run
}

// startSeeded is start, with a random source of its own.
func startSeeded(src source, v *view, seed uint64) *Subscriber {
	b := begin{deny: denylist.New(), maxActs: defaultMaxActs}
	b.rand = rand.New(rand.NewPCG(seed, 0))
	return start(src, v, b)
}

// main runs until everything has been tried, then heals it all and expects the
// node to know everything.
func (r *simRun) main() {
	end := r.start.Add(simLength)
	synctest.Wait() // the node draws from the same random source: it goes first
	r.locked(func() {
		r.nextTick, r.nextBeat = r.start.Add(r.upTo(time.Second)), r.start.Add(r.upTo(5*time.Second))
	})
	for time.Now().Before(end) && r.broken == "" {
		r.step(true)
	}
	r.locked(func() {
		r.say("heal everything")
		r.server.faulty, r.server.skew = 0, 0
		r.server.setLink(linkUp)
		r.quorumAt, r.healAt, r.unskewAt = time.Time{}, time.Time{}, time.Time{}
		if !r.noticeAt.IsZero() {
			r.noticeAt = time.Now()
		}
		if !r.acceptAt.IsZero() {
			r.acceptAt = time.Now().Add(5 * time.Second)
		}
	})
	synctest.Wait() // the node, which may ask at once, draws first
	end = time.Now().Add(2 * time.Minute)
	for time.Now().Before(end) && r.broken == "" {
		r.step(false)
	}
	if err := r.node.Check(tokenOf("nobody")); err != nil && r.broken == "" {
		r.broken = fmt.Sprintf("not fresh two minutes after everything was healed: %v; status %+v", err, r.node.Status())
	}
}

// step lets some time pass, does one thing, and checks the promises.
func (r *simRun) step(faults bool) {
	var pause time.Duration
	r.locked(func() { pause = 50*time.Millisecond + r.upTo(600*time.Millisecond) })
	time.Sleep(pause)
	synctest.Wait() // timers of the node that have fired meanwhile come first
	r.locked(func() {
		r.due()
		switch p := r.rng.Float64(); {
		case !faults:
			if p < 0.05 {
				r.publish()
			}
		case p < 0.25:
			r.publish()
		case p < 0.35:
			r.change()
		case p < 0.40:
			r.fastOnly()
		case p < 0.43:
			r.breakLink()
		case p < 0.435:
			r.election()
		case p < 0.438:
			r.jump()
		case p < 0.441:
			r.server.faulty = r.rng.Float64()
			r.say("requests fail at %.2f", r.server.faulty)
		case p < 0.443:
			r.say("the client library drops messages")
			r.server.live <- event{dropped: true}
		case p < 0.446:
			r.restore()
		}
	})
	synctest.Wait()
	r.locked(r.check)
}

func (r *simRun) locked(f func()) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	f()
}

func (r *simRun) upTo(d time.Duration) time.Duration { return time.Duration(r.rng.Int64N(int64(d))) }

func (r *simRun) say(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%10v  ", time.Since(r.start))+fmt.Sprintf(format, args...))
}

func (r *simRun) tail() []string { return r.log[max(0, len(r.log)-40):] }

// due does what time brings: ticks, beats, the end of faults.
func (r *simRun) due() {
	now := time.Now()
	s := r.server
	if !r.healAt.IsZero() && now.After(r.healAt) {
		r.healAt = time.Time{}
		s.setLink(linkUp)
		r.say("link up")
	}
	if !r.unskewAt.IsZero() && now.After(r.unskewAt) {
		r.unskewAt = time.Time{}
		s.skew = 0
		r.say("server's clock right")
	}
	s.deliverLate()
	if now.Before(r.quorumAt) {
		return
	}
	if !r.noticeAt.IsZero() && now.After(r.noticeAt) {
		r.noticeAt = time.Time{}
		s.refill()
		r.nextBeat = now
		r.say("the service has put back all acts, head %d", s.head)
	}
	for !now.Before(r.nextTick) {
		r.nextTick = r.nextTick.Add(time.Second)
		s.store(revocation.Message{Tick: true, Epoch: s.epochName()}, time.Hour, r.rng.Float64() < 0.995)
	}
	if !now.Before(r.nextBeat) {
		r.nextBeat = now.Add(10 * time.Second)
		epoch := s.epochName()
		if !r.noticeAt.IsZero() && s.epoch > 0 {
			epoch = fmt.Sprint("epoch-", s.epoch-1) // it has not noticed yet
		}
		s.store(revocation.Message{SentAt: now, Beat: &revocation.Beat{ServiceID: "s", Epoch: epoch}}, 48*time.Hour, true)
	}
	if !r.acceptAt.IsZero() && now.After(r.acceptAt) && r.noticeAt.IsZero() {
		r.acceptAt = time.Time{}
		// Until it works: clocks have been wrong.
		s.store(revocation.Message{SentAt: now, Beat: &revocation.Beat{
			ServiceID: "operator", Accepted: revocation.Acceptance{Epoch: s.epochName(), At: s.latest.Add(time.Second)},
		}}, 48*time.Hour, true)
		r.say("the operator accepts")
	}
}

// publish accepts an act: copies on the fast path, then the stream.
func (r *simRun) publish() {
	if time.Now().Before(r.quorumAt) {
		return
	}
	r.acts++
	a := revocation.Act{
		ID: revocation.ActID{1, byte(r.acts >> 8), byte(r.acts)}, State: revocation.StateOpen,
		ExpiresAt: time.Now().Add(time.Minute + r.upTo(10*time.Minute)).Unix(),
		Target:    revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: fmt.Sprint("act-", r.acts)},
	}
	r.sendFast(a, time.Now())
	republished := r.rng.Float64() < 0.97 // else in flight at a change of leader
	r.server.store(revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{a}}, r.ttl(a), republished)
	r.say("%s stored at %d, until %s", a.Target.ID, r.server.head, time.Unix(a.ExpiresAt, 0).Sub(r.start))
}

func (r *simRun) ttl(a revocation.Act) time.Duration {
	keep := a.ExpiresAt
	if known := r.server.acts[a.ID]; known != nil {
		keep = max(keep, known.keep)
	}
	return time.Until(time.Unix(keep, 0)) + revocation.MaxLeeway + time.Second
}

// change publishes another copy of an act: an extension, a confirmation, a
// lift, or just once more.
func (r *simRun) change() {
	if len(r.server.order) == 0 || time.Now().Before(r.quorumAt) {
		return
	}
	a := r.server.acts[r.server.order[r.rng.IntN(len(r.server.order))]].merged
	switch r.rng.IntN(4) {
	case 0:
		a.ExpiresAt += int64(r.rng.IntN(300))
	case 1:
		a.State, a.ExpiresAt = max(a.State, revocation.StateConfirmed), time.Now().Add(r.upTo(5*time.Minute)).Unix()
	case 2:
		a.State = revocation.StateLifted
	}
	if a.Expired(time.Now().Unix()) {
		return
	}
	r.server.store(revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{a}}, r.ttl(a), true)
	r.say("%s %s stored at %d", a.Target.ID, a.State, r.server.head)
}

func (r *simRun) sendFast(a revocation.Act, sent time.Time) {
	if r.server.link == linkUp {
		r.server.fast <- fastMsg(sent, a)
	}
}

// fastOnly sends what only the fast path brings: an act that is never stored,
// a copy that comes late, a lift.
func (r *simRun) fastOnly() {
	if r.server.link != linkUp {
		return
	}
	sent := time.Now().Truncate(time.Millisecond)
	switch r.rng.IntN(3) {
	case 0:
		r.acts++
		a := session(fmt.Sprint("orphan-", r.acts))
		a.ID = revocation.ActID{2, byte(r.acts >> 8), byte(r.acts)}
		r.orphans[a.ID] = sent
		r.sendFast(a, sent)
	case 1:
		r.acts++
		a := session(fmt.Sprint("late-", r.acts))
		a.ID = revocation.ActID{3, byte(r.acts >> 8), byte(r.acts)}
		sent = sent.Add(-provisionalLife - r.upTo(time.Minute))
		r.orphans[a.ID] = sent
		r.sendFast(a, sent)
	case 2:
		if len(r.server.order) > 0 {
			a := r.server.acts[r.server.order[r.rng.IntN(len(r.server.order))]].merged
			a.State = revocation.StateLifted
			r.sendFast(a, sent)
			r.say("fast lift of %s", a.Target.ID)
		}
	}
}

func (r *simRun) breakLink() {
	if r.server.link != linkUp {
		return
	}
	to := simLink(1 + r.rng.IntN(4))
	d := r.upTo(10 * time.Second)
	if r.rng.IntN(3) == 0 {
		d = r.upTo(100 * time.Second)
	}
	r.healAt = time.Now().Add(d)
	r.server.setLink(to)
	r.say("link %v for %v", to, d)
}

func (r *simRun) election() {
	d := 4*time.Second + r.upTo(5*time.Second)
	r.quorumAt = time.Now().Add(d)
	r.nextTick = r.nextTick.Add(d)
	r.say("no quorum for %v", d)
}

func (r *simRun) jump() {
	jumps := []time.Duration{1500 * time.Millisecond, -1500 * time.Millisecond, 5 * time.Second, -5 * time.Second, 10 * time.Minute, -10 * time.Minute}
	r.server.skew = jumps[r.rng.IntN(len(jumps))]
	d := r.upTo(80 * time.Second)
	r.unskewAt = time.Now().Add(d)
	r.say("server's clock off by %v for %v", r.server.skew, d)
}

// restore puts back an older copy of the store, or makes the stream anew. Often
// it is then overtaken before the node hears of it, sometimes to the very head
// that the node knows.
func (r *simRun) restore() {
	s := r.server
	if r.restored || s.head < 20 || !r.noticeAt.IsZero() {
		return
	}
	r.restored = true
	r.figures.restores++
	head := s.head
	if r.rng.IntN(3) == 0 {
		s.restore(s.head)
		s.epoch++
	} else {
		s.restore(1 + uint64(r.rng.IntN(10)))
	}
	r.say("restored from %d to %d, epoch %d", head, s.head, s.epoch)
	if r.rng.IntN(2) == 0 && head-s.head < 20 { // nobody hears of what overtakes
		link := s.link
		s.link = linkCut
		for s.head < head {
			s.store(revocation.Message{Tick: true, Epoch: s.epochName()}, time.Hour, false)
		}
		if link == linkUp && r.rng.IntN(2) == 0 {
			s.setLink(linkUp)
		} else {
			s.link = link
		}
		r.say("overtaken to %d", s.head)
	}
	r.noticeAt = time.Now().Add(r.upTo(5 * time.Second))
	r.acceptAt = time.Now().Add(20*time.Second + r.upTo(90*time.Second))
}

// check compares what the node says with what is true.
func (r *simRun) check() {
	now := time.Now()
	r.figures.steps++
	st := r.node.view.status(now)
	fresh := r.node.Check(tokenOf("nobody")) == nil
	if isRevoked(r.node.Check(tokenOf("nobody"))) {
		r.breaks("a token that nobody revoked is refused as revoked")
	}
	r.fold(st, fresh)
	thorough := r.figures.steps%12 == 0
	if thorough {
		r.keeps(now)
	}
	for id, sent := range r.orphans {
		if a, held := r.node.deny.Act(id); held && r.enforces(a) && now.Unix() > sent.Add(provisionalLife).Unix() {
			r.breaks("an act that only the fast path has brought is enforced %v after it was sent", now.Sub(sent))
		}
	}
	if !fresh {
		r.figures.stale++
		return
	}
	r.figures.fresh++
	born, ok := r.server.born[st.AsOf.UnixNano()]
	if !ok {
		r.breaks("as of %v, which is the time of no tick", st.AsOf)
		return
	}
	if age := now.Sub(born); age > maxStaleness+maxClockOffset {
		r.breaks("fresh, and %v behind", age)
	}
	if thorough {
		r.knows(born, now)
	}
}

// knows checks that a node that calls itself fresh enforces every act that was
// acknowledged before the tick it refers to.
func (r *simRun) knows(born, now time.Time) {
	before := make(map[revocation.ActID]revocation.Act)
	for _, c := range r.server.copies {
		if !c.born.Before(born) {
			continue
		}
		if known, ok := before[c.act.ID]; ok {
			before[c.act.ID] = known.Merge(c.act)
		} else {
			before[c.act.ID] = c.act
		}
	}
	for _, id := range r.server.order {
		a, ok := before[id]
		all := r.server.acts[id].merged
		switch {
		case !ok || a.Expired(now.Unix()) || all.Expired(now.Unix()):
		case a.State == revocation.StateLifted:
			if r.enforces(a) {
				r.breaks("%s was lifted before the as-of time and is enforced", a.Target.ID)
			}
		case all.State != revocation.StateLifted:
			r.figures.required++
			if !r.enforces(a) {
				r.breaks("fresh, and %s, acknowledged before the as-of time, is not enforced", a.Target.ID)
			}
		}
	}
}

// keeps checks that what the stream has brought to the node stays until it has
// ended or was lifted.
func (r *simRun) keeps(now time.Time) {
	held := make(map[revocation.ActID]revocation.Act)
	for a := range r.node.deny.All() {
		held[a.ID] = a
	}
	for _, id := range r.server.order {
		before, known := r.kept[id]
		a, ok := held[id]
		switch {
		case !known || before.Expired(now.Unix()):
		case !ok:
			r.breaks("%s was known from the stream and is forgotten, %v before its end",
				before.Target.ID, time.Unix(before.ExpiresAt, 0).Sub(now))
		case a != before.Merge(a):
			r.breaks("%s was %s until %d and is %s until %d", a.Target.ID, before.State, before.ExpiresAt, a.State, a.ExpiresAt)
		case a.State != revocation.StateLifted && !a.Expired(now.Unix()) && !r.enforces(a):
			r.breaks("%s is known from the stream and not enforced", a.Target.ID)
		}
	}
	r.kept = held
}

// enforces asks as a request would: no two acts have the same target.
func (r *simRun) enforces(a revocation.Act) bool { return isRevoked(r.node.Check(a.Witness())) }

func (r *simRun) breaks(format string, args ...any) {
	if r.broken == "" {
		r.broken = fmt.Sprintf(format, args...)
		r.say("broken: %s; status %+v", r.broken, r.node.Status())
	}
}

// fold adds what the node says to the trace.
func (r *simRun) fold(st Status, fresh bool) {
	h := fnv.New64a()
	fmt.Fprint(h, r.trace, time.Now().UnixNano(), st.State, st.Reason, st.AsOf, st.LastSequence, fresh, st.Counters.Rereads, st.Counters.Holes, r.server.requests)
	r.trace = h.Sum64()
}
