package main

import (
	"fmt"
	"hash/maphash"
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

// loaded is a set with n sessions and what filling it took.
type loaded struct {
	name   string
	set    set
	bytes  float64 // of heap per entry
	perSec float64 // inserts, by one goroutine
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

// again is how many strangers come again and again: what they lead to in a map
// of 1,000,000 is 8 MB.
const again = 1 << 17

// lookups compares single look-ups at one size.
func lookups(out io.Writer, sum *summary, n int, o options) {
	all := load(n, setOrder)
	defer closeAll(all)
	strangers := newKeys(2, probes, func(i int) uint64 { return uint64(i) })
	members := newKeys(1, probes, func(int) uint64 { return rand.Uint64N(uint64(n)) })
	floor := maphash.MakeSeed()
	for _, kind := range []struct {
		name, what string
		keys       keys
		want       bool
	}{
		{"Negative", fmt.Sprintf("Negative look-up of one session, %d entries", n), strangers, false},
		{"Again", fmt.Sprintf("The same, but %d strangers who come again and again, %d entries", again, n), strangers[:again*idLength], false},
		{"Positive", fmt.Sprintf("Positive look-up of one session, %d entries", n), members, true},
	} {
		t := table{name: fmt.Sprintf("%s/n=%d", kind.name, n), rounds: o.rounds, slice: o.slice}
		add := func(name string, find func(string) bool) {
			w := &walk{keys: kind.keys}
			c := candidate{name: name, prepare: w.next, op: func(i int) {
				if find(w.id(i)) != kind.want {
					panic("wrong answer")
				}
			}}
			if name == "redis-GET" {
				c.batch, c.prepare = 64, func(first int) { w.next(first / keyBatch * keyBatch) }
			}
			t.rows = append(t.rows, c)
		}
		for _, l := range all {
			add(l.name, l.set.finder())
		}
		add("(nothing)", func(id string) bool { return (id[0] != 0) == kind.want })
		add("(maphash of the id)", func(id string) bool { return (maphash.String(floor, id) != 0) == kind.want })
		sum.title(kind.what)
		results := t.run(out)
		sum.add(results)
		if kind.name == "Negative" && n == 1_000_000 {
			judgeLookups(sum, results)
		}
	}
	sum.title(fmt.Sprintf("Heap per entry and bulk load by one goroutine, %d entries", n))
	for _, l := range all {
		if l.name == "redis-GET" {
			sum.note("%-34s %24.2f M/s, pipelined", l.name, l.perSec/1e6)
			continue
		}
		sum.note("%-34s %12.1f B %10.2f M/s", l.name, l.bytes, l.perSec/1e6)
		if l.name == "revoked" && n == 1_000_000 {
			sum.judge(l.bytes <= 64, "memory of an entry, 1,000,000, all in", "<= 64 B", "%.1f B", l.bytes)
		}
	}
	parallel(sum, all, strangers, o, n)
}

// parallel compares one reader with two readers beside a writer of 10,000
// inserts a second.
func parallel(sum *summary, all []loaded, strangers keys, o options, n int) {
	sum.title(fmt.Sprintf("Negative look-up, 1 reader, and 2 readers with 10,000 inserts/s, %d entries", n))
	for _, l := range all {
		if l.name == "redis-GET" || l.name == "flat-map-noLock" {
			continue
		}
		alone := readers(l.set, strangers, 1, 0, o)
		crowd := readers(l.set, strangers, 2, 10_000, o)
		sum.note("%-34s %8.1f -> %8.1f ns  x%.2f", l.name, alone, crowd, crowd/alone)
		if l.name == "revoked" && n == 1_000_000 {
			sum.judge(crowd/alone <= 1.05, "1 reader to 2 readers beside 10,000 inserts/s", "<= 1.05x", "%.2fx", crowd/alone)
		}
	}
}

// readers returns the median time of a look-up. Batches are short, so that
// those in which another process had the processor do not decide.
func readers(s set, ids keys, n, insertsPerSec int, o options) float64 {
	var mu sync.Mutex
	var all []float64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for r := range n {
		wg.Go(func() {
			find, w := s.finder(), &walk{keys: ids}
			var mine []float64
			hits := int64(0)
			for first := r * keyBatch * 13; !stop.Load(); first += keyBatch {
				w.next(first)
				start := time.Now()
				for i := range keyBatch {
					if find(w.id(i)) {
						hits++
					}
				}
				mine = append(mine, float64(time.Since(start))/keyBatch)
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
	results := t.run(out)
	sum.add(results)
	kept, hashed := results[0], results[1]
	sum.judge(kept.ns <= 85 && kept.allocs == 0, "whole check of a token, hashes kept, acts of every kind", "<= 85 ns, 0 allocs", "%.1f ns, %.0f", kept.ns, kept.allocs)
	sum.judge(hashed.ns <= 190 && hashed.allocs == 0, "the same with hashing", "<= 190 ns, 0 allocs", "%.1f ns, %.0f", hashed.ns, hashed.allocs)
	tails(sum, d, n)
}

// tails times single look-ups while the set does the worst it can.
func tails(sum *summary, d *denylist.Denylist, n int) {
	sum.title(fmt.Sprintf("Single look-ups by one reader, %d entries (the timer is in them)", n))
	w := &walk{keys: newKeys(2, probes, func(i int) uint64 { return uint64(i) })}
	type tail struct{ p999, above float64 }
	measure := func(what string, work func(stop *atomic.Bool)) tail {
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() { work(&stop) })
		took := make([]float64, 0, 1<<23)
		tok := revocation.Token{Pool: pool}
		var blocked time.Duration
		for begun := time.Now(); time.Since(begun) < 4*time.Second && len(took) < cap(took); {
			w.next(len(took))
			for i := range keyBatch {
				tok.OriginJTI = w.id(i)
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
		return tail{quantile(took, .999), blocked.Seconds() * 1e3}
	}
	before := d.Stats().Rebuilds
	measure("idle", func(*atomic.Bool) {})
	var cpu atomic.Int64
	beside := measure("another goroutine computes", func(stop *atomic.Bool) {
		for x := int64(1); !stop.Load(); x = x*6364136223846793005 + 1 {
			cpu.Store(x)
		}
	})
	growing := measure("growing and rebuilding", func(stop *atomic.Bool) {
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
	sum.judge(growing.p999 <= 10_000 && growing.above <= max(1, 2*beside.above), "p99.9 of a look-up during growth and rebuilds; stalls above 1 ms",
		"<= 10 us; none ours", "%.2f us; %.1f ms, %.1f beside a goroutine that computes", growing.p999/1e3, growing.above, beside.above)
	sum.note("%d rebuilds meanwhile", d.Stats().Rebuilds-before)
}
