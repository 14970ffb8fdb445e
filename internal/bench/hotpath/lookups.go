package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// probes is how many ids a look-up takes turns with, in random order: so many
// that neither they nor what they lead to stay in a cache of the processor.
const probes = 1 << 17

// uuid returns the i-th id of a family.
func uuid(family, i uint64) string {
	r := rand.New(rand.NewPCG(family, i))
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&(1<<48-1))
}

func uuids(family uint64, n int, pick func(i int) uint64) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid(family, pick(i))
	}
	return ids
}

// loaded is a set with n sessions and what filling it took.
type loaded struct {
	name   string
	set    set
	bytes  float64 // of heap per entry
	perSec float64 // inserts, by one goroutine
	gc     time.Duration
}

// load fills sets one after the other.
func load(n int, names []string) []loaded {
	members := uuids(1, n, func(i int) uint64 { return uint64(i) })
	var all []loaded
	for _, name := range names {
		if name == "redis-GET" {
			if _, err := redisServer(); err != nil {
				continue
			}
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := sets()[name]()
		s.reserve(n)
		start := time.Now()
		for _, id := range members {
			s.insert(id)
		}
		find := s.finder()
		took := time.Since(start)
		runtime.GC()
		runtime.ReadMemStats(&after)
		for i := 0; i < n; i += 1 + n/1000 {
			if !find(members[i]) {
				panic(name + " has lost a member")
			}
		}
		all = append(all, loaded{
			name: name, set: s,
			bytes:  float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / float64(n),
			perSec: float64(n) / took.Seconds(),
		})
	}
	return all
}

func closeAll(all []loaded) {
	for _, l := range all {
		l.set.close()
	}
}

var sink atomic.Int64

// lookups compares single look-ups at one size.
func lookups(out io.Writer, sum *summary, n int, o options) {
	all := load(n, setOrder)
	defer closeAll(all)
	strangers := uuids(2, probes, func(i int) uint64 { return uint64(i) })
	members := uuids(1, probes, func(int) uint64 { return rand.Uint64N(uint64(n)) })
	for _, kind := range []struct {
		name string
		ids  []string
		want bool
	}{{"Negative", strangers, false}, {"Positive", members, true}} {
		t := table{name: fmt.Sprintf("%s/n=%d", kind.name, n), rounds: o.rounds, slice: o.slice}
		for _, l := range all {
			find, ids, want := l.set.finder(), kind.ids, kind.want
			batch := 0
			if l.name == "redis-GET" {
				batch = 64
			}
			t.rows = append(t.rows, candidate{name: l.name, batch: batch, op: func(i int) {
				if find(ids[i&(probes-1)]) != want {
					panic("wrong answer")
				}
			}})
		}
		sum.title(fmt.Sprintf("%s look-up of one session, %d entries", kind.name, n))
		sum.add(t.run(out))
	}
	sum.title(fmt.Sprintf("Heap per entry and bulk load by one goroutine, %d entries", n))
	for _, l := range all {
		if l.name == "redis-GET" {
			sum.note("%-34s %24.2f M/s, pipelined", l.name, l.perSec/1e6)
			continue
		}
		sum.note("%-34s %12.1f B %10.2f M/s", l.name, l.bytes, l.perSec/1e6)
	}
	parallel(sum, all, strangers, o, n)
}

// parallel compares one reader with two readers beside a writer of 10,000
// inserts a second.
func parallel(sum *summary, all []loaded, strangers []string, o options, n int) {
	sum.title(fmt.Sprintf("Negative look-up, 1 reader, and 2 readers with 10,000 inserts/s, %d entries", n))
	for _, l := range all {
		if l.name == "redis-GET" || l.name == "flat-map-noLock" {
			continue
		}
		alone := readers(l.set, strangers, 1, 0, o)
		crowd := readers(l.set, strangers, 2, 10_000, o)
		sum.note("%-34s %8.1f -> %8.1f ns  x%.2f", l.name, alone, crowd, crowd/alone)
	}
}

// readers returns the median time of a look-up. Batches are short, so that
// those in which another process had the processor do not decide.
func readers(s set, ids []string, n, insertsPerSec int, o options) float64 {
	const batch = 1024
	var mu sync.Mutex
	var all []float64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for r := range n {
		wg.Go(func() {
			find := s.finder()
			var mine []float64
			hits := int64(0)
			for i := r * 7919; !stop.Load(); {
				start := time.Now()
				for range batch {
					if find(ids[i&(probes-1)]) {
						hits++
					}
					i++
				}
				mine = append(mine, float64(time.Since(start))/batch)
			}
			sink.Add(hits)
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	if insertsPerSec > 0 {
		wg.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for !stop.Load() {
				<-tick.C
				for range insertsPerSec / 100 {
					s.insert(uuid(9, rand.Uint64()))
				}
			}
		})
	}
	time.Sleep(time.Duration(o.rounds) * o.slice)
	stop.Store(true)
	wg.Wait()
	return median(all)
}

// wholeCheck compares checks of all claims of a token: jti, origin_jti, sub,
// client_id, device_key, one group, and the pool, with acts of every kind.
func wholeCheck(out io.Writer, sum *summary, n int, o options) {
	kinds := revocation.Kinds()
	d := denylist.New()
	d.Reserve(n)
	naive := &bloomMap{}
	naive.reserve(n)
	for i := range n {
		k := kinds[i%3] // token, session, user
		if i < 700 {
			k = kinds[i%len(kinds)]
		}
		a := sessionAct(uuid(1, uint64(i)))
		a.Target.Kind = k
		if k == revocation.KindPool {
			a.Target.Pool, a.Target.ID = fmt.Sprint("eu-west-1_", i%4), ""
		}
		if k.HasCutoff() {
			a.Basis, a.Cutoff = revocation.BasisSession, 1
		}
		d.Apply(a)
		naive.insert(k.String() + ":" + a.Target.Pool + ":" + a.Target.ID)
	}
	const tokens = 1 << 16
	toks, hashes := make([]revocation.Token, tokens), make([]revocation.Hashes, tokens)
	for i := range toks {
		toks[i] = revocation.Token{
			Pool: pool, JTI: uuid(3, uint64(i)), OriginJTI: uuid(4, uint64(i)), Subject: uuid(5, uint64(i)),
			ClientID: "3n4b5urk1ft4fl3mg5e62d9ado", Groups: []string{"staff"}, IssuedAt: now, AuthTime: now,
		}
		hashes[i] = d.Prehash(&toks[i])
	}
	find := naive.finder()
	t := table{name: fmt.Sprintf("WholeCheck/n=%d", n), rounds: o.rounds, slice: o.slice, rows: []candidate{
		{name: "revoked-prehashed", op: func(i int) {
			if _, _, found := d.FindHashed(&toks[i&(tokens-1)], &hashes[i&(tokens-1)], now); found {
				panic("found")
			}
		}},
		{name: "revoked", op: func(i int) {
			if _, _, found := d.Find(&toks[i&(tokens-1)], now); found {
				panic("found")
			}
		}},
		{name: "bloom-v3+map-concat", op: func(i int) {
			tok := &toks[i&(tokens-1)]
			prefix := ":" + tok.Pool + ":"
			if find("token"+prefix+tok.JTI) || find("session"+prefix+tok.OriginJTI) || find("user"+prefix+tok.Subject) ||
				find("client"+prefix+tok.ClientID) || find("group"+prefix+tok.Groups[0]) || find("pool"+prefix) {
				panic("found")
			}
		}},
	}}
	sum.title(fmt.Sprintf("Whole check of one token, acts of every kind, %d entries", n))
	sum.add(t.run(out))
	tails(sum, d, n, o)
}

// tails times single look-ups while the set does the worst it can.
func tails(sum *summary, d *denylist.Denylist, n int, o options) {
	sum.title(fmt.Sprintf("Single look-ups by one reader, %d entries (the timer is in them)", n))
	ids := uuids(2, probes, func(i int) uint64 { return uint64(i) })
	measure := func(what string, work func(stop *atomic.Bool)) {
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() { work(&stop) })
		took := make([]float64, 0, 1<<23)
		tok := revocation.Token{Pool: pool}
		var blocked time.Duration
		for begun := time.Now(); time.Since(begun) < 4*time.Second && len(took) < cap(took); {
			for range 256 {
				tok.OriginJTI = ids[len(took)&(probes-1)]
				start := time.Now()
				d.Find(&tok, now)
				t := time.Since(start)
				if t > time.Millisecond {
					blocked += t
				}
				took = append(took, float64(t))
			}
		}
		stop.Store(true)
		wg.Wait()
		sum.note("%-34s p50 %.0f ns, p99.9 %.0f ns, p99.99 %.0f ns, max %.2f ms, %.1f ms above 1 ms",
			what, quantile(took, .5), quantile(took, .999), quantile(took, .9999), slices.Max(took)/1e6, blocked.Seconds()*1e3)
	}
	before := d.Stats().Rebuilds
	measure("idle", func(*atomic.Bool) {})
	var cpu atomic.Int64
	measure("another goroutine computes", func(stop *atomic.Bool) {
		for x := int64(1); !stop.Load(); x = x*6364136223846793005 + 1 {
			cpu.Store(x)
		}
	})
	measure("growing and rebuilding", func(stop *atomic.Bool) {
		for i := uint64(0); !stop.Load(); i++ {
			a := sessionAct(uuid(6, i))
			a.ExpiresAt = now + 1
			d.Apply(a)
		}
	})
	measure("expiry of all that, rebuilding", func(stop *atomic.Bool) {
		for !stop.Load() {
			if d.Prune(now+1000) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	})
	sum.note("%d rebuilds meanwhile", d.Stats().Rebuilds-before)
}
