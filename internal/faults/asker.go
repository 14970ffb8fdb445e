package main

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	askPause = 20 * time.Millisecond
	// Each question is about the newest acts, a window that wanders over all
	// of them, and tokens that nobody revokes.
	newestAsked, windowAsked, freeAsked = 512, 512, 512
)

// asker keeps asking one node.
type asker struct {
	r    *recorder
	name string

	asking sync.Mutex // held from a question to its answer; guards the fields below
	conn   net.Conn
	in     *gob.Decoder
	out    *gob.Encoder
	window int

	mu      sync.Mutex // guards the fields below
	last    []verdict  // newest verdict by act
	rep     nodeReport
	newest  int       // highest act known to be enforced
	newAt   time.Time // when that was
	settled bool      // recovery has been noted
}

func newAsker(r *recorder, n nodeAddress) (*asker, error) {
	a := &asker{r: r, name: n.Name}
	a.restart()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if a.conn, err = (&net.Dialer{}).DialContext(context.Background(), "unix", n.Socket); err == nil {
			a.in, a.out = gob.NewDecoder(a.conn), gob.NewEncoder(a.conn)
			return a, nil
		}
	}
	return nil, fmt.Errorf("node %s: %w", n.Name, err)
}

// restart begins the counts of a fault.
func (a *asker) restart() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rep = nodeReport{Name: a.name, Enforced: -1, Stale: -1, Recovered: -1}
	a.newAt, a.settled = time.Now(), false
}

// unmark forgets when a newer act was enforced.
func (a *asker) unmark() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rep.Enforced = -1
}

func (a *asker) run(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(askPause) {
		a.r.mu.Lock()
		n := len(a.r.acts)
		a.r.mu.Unlock()
		a.asking.Lock()
		if a.window >= n {
			a.window = 0
		}
		spans := []span{{max(0, n-newestAsked), n}, {a.window, min(n, a.window+windowAsked)}}
		a.window += windowAsked
		a.ask(question{Acts: spans, Free: freeAsked})
		a.asking.Unlock()
	}
}

// final checks every act, and counts those as lost that are acknowledged and
// not refused.
func (a *asker) final() {
	a.asking.Lock()
	defer a.asking.Unlock()
	a.r.mu.Lock()
	n := len(a.r.acts)
	a.r.mu.Unlock()
	for from := 0; from < n; from += 4096 {
		a.ask(question{Acts: []span{{from, min(n, from+4096)}}})
	}
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rep.Lost = 0
	for i, act := range a.r.acts {
		if !act.acked.IsZero() && a.verdict(i) != refused {
			a.rep.Lost++
			if a.rep.FalseAccepts > 0 {
				continue // which has a sample already
			}
			a.rep.Sample = fmt.Sprintf("act %d, acknowledged %s, is not enforced", i, act.acked.Format(time.TimeOnly))
		}
	}
}

func (a *asker) setClock(offset time.Duration) error {
	a.asking.Lock()
	defer a.asking.Unlock()
	ans, err := a.exchange(question{SetClock: true, Offset: offset})
	if err == nil && ans.Err != "" {
		err = errors.New(ans.Err)
	}
	return err
}

func (a *asker) exchange(q question) (answer, error) {
	var ans answer
	if err := a.out.Encode(q); err != nil {
		return ans, err
	}
	return ans, a.in.Decode(&ans)
}

// ask asks once and judges the answer. The caller holds asking.
func (a *asker) ask(q question) {
	sent := time.Now()
	ans, err := a.exchange(q)
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.rep.State, a.rep.Fresh = "gone", false
		return
	}
	a.rep.State, a.rep.Reason = ans.State, ans.Reason
	a.rep.Checks += int64(len(ans.Acts) + len(ans.Free))
	i := 0
	for _, s := range q.Acts {
		for act := s.From; act < s.To; act++ {
			a.judge(act, ans.Acts[i], sent, ans.AsOf)
			i++
		}
	}
	a.judgeFree(ans.Free)
	a.progress(time.Unix(0, ans.AsOf))
}

// judge looks at one verdict. The caller holds both mutexes.
func (a *asker) judge(n int, v verdict, sent time.Time, asOf int64) {
	for len(a.last) <= n {
		a.last = append(a.last, 0)
	}
	a.last[n] = v
	act := a.r.acts[n]
	if v == refused && n > a.newest {
		now := time.Now()
		a.newest = n
		a.gap(now)
		if a.rep.Enforced < 0 && n >= a.r.mark {
			a.rep.Enforced = now.Sub(a.r.markAt)
		}
	}
	switch {
	case act.acked.IsZero() || act.acked.After(sent):
	case v == refused:
		a.rep.Positive++
	case v == accepted && act.acked.UnixNano() < asOf:
		a.wrong(&a.rep.FalseAccepts, "act %d, acknowledged %v before the as-of time, accepted", n, time.Unix(0, asOf).Sub(act.acked))
	case v == accepted && sent.Sub(act.acked) > a.r.cfg.MaxStaleness+2*time.Second:
		a.wrong(&a.rep.FalseAccepts, "act %d, acknowledged %v ago, accepted as fresh", n, sent.Sub(act.acked))
	}
}

// gap notes that a newer act has come into force.
func (a *asker) gap(now time.Time) {
	if d := now.Sub(a.newAt); d > a.rep.Gap && !a.settled && !a.r.paused.Load() {
		a.rep.Gap = d
	}
	a.newAt = now
}

func (a *asker) wrong(count *int64, format string, args ...any) {
	*count++
	if *count == 1 {
		a.rep.Sample = fmt.Sprintf(format, args...)
	}
}

func (a *asker) judgeFree(list []verdict) {
	if len(list) == 0 {
		return
	}
	a.rep.Fresh = true
	for i, v := range list {
		switch v {
		case refused:
			a.wrong(&a.rep.FalseRefusals, "token %d, which nobody revokes, refused", i)
		case stale:
			a.rep.Fresh = false
		}
	}
	if !a.rep.Fresh && a.rep.Stale < 0 {
		a.rep.Stale = time.Since(a.r.beginAt)
	}
}

// progress notes what is missing that was acknowledged before the as-of time,
// and the recovery: a view from after the fault that lacks nothing.
func (a *asker) progress(asOf time.Time) {
	a.rep.Missing = 0
	acked := 0
	for i, act := range a.r.acts {
		if act.acked.IsZero() || i >= len(a.last) {
			continue
		}
		if i >= a.r.begin {
			acked++
		}
		if act.acked.Before(asOf) && a.verdict(i) != refused {
			a.rep.Missing++
		}
	}
	if a.rep.Fresh && a.rep.Missing == 0 && !a.r.healAt.IsZero() && !a.settled && asOf.After(a.r.healAt) {
		a.settled = true
		a.rep.Recovered = time.Since(a.r.healAt)
		a.rep.Acts = acked
	}
}

func (a *asker) verdict(i int) verdict {
	if i >= len(a.last) {
		return 0
	}
	return a.last[i]
}

func (a *asker) report() nodeReport {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rep
}
