package subscriber

import (
	"sync/atomic"
	"time"
)

// Path is the way by which an act came into force at a node. The values are
// stable names for metrics.
type Path string

// The paths.
const (
	PathFast    Path = "fast"     // the fast path, before the stream
	PathLive    Path = "live"     // the stream, as it was stored
	PathCatchUp Path = "catch_up" // read from the stream after it was missed
)

var paths = [...]Path{PathFast, PathLive, PathCatchUp}

// propagationBounds are the upper bounds of the buckets of [Propagation], from
// the resolution of a message's time of sending to the default MaxStaleness,
// after which a cut-off node refuses anyway, and beyond.
var propagationBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
	30 * time.Second, time.Minute, 5 * time.Minute,
}

// maxPropagation is the longest delay that is taken for one. What seems to be
// longer is a clock.
const maxPropagation = 24 * time.Hour

// Propagation tells how long acts took from being sent until they were in force
// at this node: each act once, by the copy that brought it, if it was sent
// while the node followed the stream. What a start, or a stream of another
// history, brings for the first time does not count: it would measure how long
// the node was away.
//
// The delay is from the sender's clock to the node's. If the node's clock is
// seen to be behind the server's, what it is behind is added; being ahead can't
// be told from a slow network and counts as delay. So a wrong clock of the node
// makes propagation look slower, never faster. Times of sending are cut to
// whole milliseconds.
type Propagation struct {
	Path Path
	// Bounds are the upper bounds, inclusive, of the buckets; Counts has one
	// element more, for what is above the last. Each act is in one bucket.
	Bounds []time.Duration
	Counts []uint64
	// Sum of all delays.
	Sum time.Duration
}

// Count is the number of acts.
func (p Propagation) Count() uint64 {
	n := uint64(0)
	for _, c := range p.Counts {
		n += c
	}
	return n
}

// delays counts what [Propagation] shows. It takes no lock.
type delays struct {
	counts [len(propagationBounds) + 1]atomic.Uint64
	sum    atomic.Int64
}

func (d *delays) observe(delay time.Duration) {
	delay = min(max(delay, 0), maxPropagation)
	at := 0
	for at < len(propagationBounds) && delay > propagationBounds[at] {
		at++
	}
	d.sum.Add(int64(delay)) // first, so that a sum is never less than its acts'
	d.counts[at].Add(1)
}

// propagation has the delays of every path.
type propagation struct {
	fast, live, catchUp delays
	// behind is by how much the node's clock is behind the server's at least.
	behind atomic.Int64
}

// of returns the delays of a path.
func (p *propagation) of(path Path) *delays {
	switch path {
	case PathFast:
		return &p.fast
	case PathLive:
		return &p.live
	}
	return &p.catchUp
}

// inForce records that n acts of a message have come into force at now.
func (p *propagation) inForce(path Path, n int, sent, now time.Time) {
	if sent.IsZero() {
		return
	}
	delay := now.Round(0).Sub(sent) + time.Duration(p.behind.Load())
	for range n {
		p.of(path).observe(delay)
	}
}

// show returns one [Propagation] per path.
func (p *propagation) show() []Propagation {
	all := make([]Propagation, 0, len(paths))
	for _, path := range paths {
		d := p.of(path)
		one := Propagation{Path: path, Bounds: append([]time.Duration(nil), propagationBounds[:]...)}
		for i := range d.counts {
			one.Counts = append(one.Counts, d.counts[i].Load())
		}
		one.Sum = time.Duration(d.sum.Load())
		all = append(all, one)
	}
	return all
}
