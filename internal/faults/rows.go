package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
	"github.com/seed-4e8dee1b/revoked/internal/freeze"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// row is one fault.
type row struct {
	name, about  string
	maxStaleness time.Duration
	smallDisk    bool // the third server's disk can be filled
	clock        bool // the nodes' clocks can be set
	run          func(*bench) error
}

// rows are all faults, in the order of the table. MaxStaleness is chosen so
// that a row shows what it is about in little time: longer than an election
// where nodes are to stay fresh, shorter than the fault where they are not.
var rows = []row{
	{name: "kill-leader", about: "SIGKILL of the stream's leader, five times", maxStaleness: 20 * time.Second, run: killLeader},
	{name: "freeze-leader", about: "SIGSTOP of the leader for 60 s, then SIGCONT", maxStaleness: 20 * time.Second, run: freezeLeader},
	{name: "cut-follower", about: "a follower cut off from the others, its clients not", maxStaleness: 8 * time.Second, run: cutFollower},
	{name: "cut-leader", about: "the leader cut off from the others, its clients not", maxStaleness: 8 * time.Second, run: cutLeader},
	{name: "rolling-restart", about: "each server stopped and started in turn", maxStaleness: 20 * time.Second, run: rollingRestart},
	{name: "drop", about: "links lose one message in twenty, and break at random", maxStaleness: 10 * time.Second, run: dropMessages},
	{name: "delay", about: "links deliver later and later, up to 12 s, and look healthy", maxStaleness: 6 * time.Second, run: delayMessages},
	{name: "duplicate", about: "links deliver one message in three twice", maxStaleness: 10 * time.Second, run: duplicateMessages},
	{name: "hold", about: "links keep messages for 20 s, look healthy, then deliver all at once", maxStaleness: 6 * time.Second, run: holdMessages},
	{name: "swallow", about: "links let nothing through for 20 s, close nothing, then deliver", maxStaleness: 6 * time.Second, run: swallow},
	{name: "disk-full", about: "one server's disk is full, then replaced", maxStaleness: 20 * time.Second, smallDisk: true, run: diskFull},
	{name: "restore-away", about: "an older copy of the store while nodes are cut off, overtaken by new acts", maxStaleness: 6 * time.Second, run: restoreAway},
	{name: "restore-connected", about: "an older copy of the store under connected nodes, overtaken before MaxStaleness", maxStaleness: 60 * time.Second, run: restoreConnected},
	{name: "wipe", about: "the stream deleted and provisioned anew under connected nodes", maxStaleness: 6 * time.Second, run: wipe},
	{name: "clock", about: "a node's clock 10 min ahead, 10 min behind, and right again", maxStaleness: 10 * time.Second, clock: true, run: wrongClock},
}

func killLeader(b *bench) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	var enforced, acked []time.Duration
	for range 5 {
		i, err := b.cluster.leader(b.ctx)
		if err != nil {
			return err
		}
		b.cluster.servers[i].proc.kill()
		if err := b.tell(doMark); err != nil {
			return err
		}
		// Every node that has a server left.
		var slowest time.Duration
		if err := b.until("an act after the kill", time.Minute, func(r report) bool {
			slowest = 0
			for k, n := range r.Nodes {
				if b.nodes[k].server != i {
					if n.Enforced < 0 {
						return false
					}
					slowest = max(slowest, n.Enforced)
				}
			}
			return r.NextAcked >= 0
		}); err != nil {
			return err
		}
		r, err := b.do(order{Do: doReport})
		if err != nil {
			return err
		}
		enforced, acked = append(enforced, slowest), append(acked, r.NextAcked)
		if err := b.cluster.start(b.ctx, i); err != nil {
			return err
		}
		if err := b.cluster.settled(b.ctx); err != nil {
			return err
		}
	}
	slices.Sort(enforced)
	slices.Sort(acked)
	b.notef("from SIGKILL to the next act enforced at every node with a server: p50 %s, max %s; to the next acknowledged: p50 %s, max %s",
		seconds(enforced[len(enforced)/2]), seconds(enforced[len(enforced)-1]), seconds(acked[len(acked)/2]), seconds(acked[len(acked)-1]))
	return b.enough()
}

// enough waits for the acts that a row needs, and for recovery.
func (b *bench) enough() error {
	if err := b.acts(b.floors.acts); err != nil {
		return err
	}
	return b.recovered()
}

func freezeLeader(b *bench) error {
	i, err := b.cluster.leader(b.ctx)
	if err != nil {
		return err
	}
	if err := b.tell(doBegin); err != nil {
		return err
	}
	b.cluster.servers[i].proc.told(freeze.Stop)
	err = b.sleep(60 * time.Second)
	b.cluster.servers[i].proc.told(freeze.Continue)
	if err != nil {
		return err
	}
	return b.enough()
}

func cutFollower(b *bench) error {
	i, err := b.cluster.leader(b.ctx)
	if err != nil {
		return err
	}
	return b.cut((i + 1) % 3)
}

func cutLeader(b *bench) error {
	i, err := b.cluster.leader(b.ctx)
	if err != nil {
		return err
	}
	return b.cut(i)
}

// cut isolates a server until its own nodes are stale, and some time longer.
func (b *bench) cut(i int) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	b.cluster.isolate(i)
	if err := b.staleAt(i); err != nil {
		return err
	}
	if err := b.acts(b.floors.acts); err != nil {
		return err
	}
	if err := b.sleep(5 * time.Second); err != nil {
		return err
	}
	b.cluster.rejoin(i)
	return b.recovered()
}

func rollingRestart(b *bench) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	for i := range b.cluster.servers {
		b.cluster.servers[i].proc.stop()
		if err := b.cluster.start(b.ctx, i); err != nil {
			return err
		}
		if err := b.cluster.settled(b.ctx); err != nil {
			return err
		}
	}
	return b.enough()
}

// bad makes all links bad until nodes have been stale, if they are to be, and
// the given time has passed.
func (b *bench) bad(m faultlink.Mode, stale bool, lasts time.Duration) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	b.links(m)
	if stale {
		if err := b.staleAt(-1); err != nil {
			return err
		}
	}
	if err := b.sleep(lasts); err != nil {
		return err
	}
	if err := b.acts(b.floors.acts); err != nil {
		return err
	}
	b.links(faultlink.Mode{})
	return b.recovered()
}

func dropMessages(b *bench) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	b.links(faultlink.Mode{Drop: 0.05})
	for range 20 {
		n := b.nodes[rand.N(len(b.nodes))]
		n.links[rand.N(len(n.links))].Reset()
		if err := b.sleep(time.Second); err != nil {
			return err
		}
	}
	if err := b.acts(b.floors.acts); err != nil {
		return err
	}
	b.links(faultlink.Mode{})
	return b.recovered()
}

// delayMessages lets the delay grow, so that no tick is missing for long: only
// their time stamps show that the view becomes old.
func delayMessages(b *bench) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	for delay := time.Second; delay <= 12*time.Second; delay += time.Second {
		b.links(faultlink.Mode{Delay: delay})
		if err := b.sleep(2 * time.Second); err != nil {
			return err
		}
	}
	if err := b.staleAt(-1); err != nil {
		return err
	}
	b.links(faultlink.Mode{})
	return b.enough()
}

func duplicateMessages(b *bench) error {
	return b.bad(faultlink.Mode{Duplicate: 1.0 / 3}, false, 15*time.Second)
}
func holdMessages(b *bench) error { return b.bad(faultlink.Mode{Hold: true}, true, 14*time.Second) }
func swallow(b *bench) error      { return b.bad(faultlink.Mode{Frozen: true}, true, 14*time.Second) }

func diskFull(b *bench) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	s := b.cluster.servers[2]
	// The file system is the server's own: seen through its process.
	fill := filepath.Join("/proc", fmt.Sprint(s.proc.cmd.Process.Pid), "root", s.store(), "fill")
	f, err := os.Create(fill)
	if err != nil {
		return fmt.Errorf("filling the disk: %w", err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); len(block) > 0; {
		n, err := f.Write(block)
		if err != nil && n == 0 {
			block = block[:len(block)/2] // down to the last byte
		}
	}
	if err := b.sleep(20 * time.Second); err != nil {
		return err
	}
	if err := b.acts(b.floors.acts); err != nil {
		return err
	}
	s.proc.stop() // its disk is gone with it
	if err := b.cluster.start(b.ctx, 2); err != nil {
		return err
	}
	if err := b.cluster.settled(b.ctx); err != nil {
		return err
	}
	return b.recovered()
}

// copyOfStore copies the stores while the servers are down, and lets acts
// follow that the copy does not have.
func (b *bench) copyOfStore() error {
	if err := b.tell(doPause); err != nil {
		return err
	}
	b.cluster.stopAll()
	if err := b.cluster.copyStores(false); err != nil {
		return err
	}
	if err := b.cluster.startAll(b.ctx); err != nil {
		return err
	}
	if err := b.cluster.settled(b.ctx); err != nil {
		return err
	}
	for _, what := range []string{doBegin, doResume} {
		if err := b.tell(what); err != nil {
			return err
		}
	}
	if err := b.acts(b.floors.acts / 2); err != nil {
		return err
	}
	return b.recovered()
}

// restore puts the older copy back. Nothing is acknowledged for a moment
// before: an act that neither a node nor a replica of the service has seen, and
// that the store has lost, nobody could bring back.
func (b *bench) restore() error {
	if err := b.tell(doPause); err != nil {
		return err
	}
	if err := b.sleep(time.Second); err != nil {
		return err
	}
	b.cluster.stopAll()
	if err := b.cluster.copyStores(true); err != nil {
		return err
	}
	if err := b.cluster.startAll(b.ctx); err != nil {
		return err
	}
	if err := b.cluster.settled(b.ctx); err != nil {
		return err
	}
	return b.tell(doResume)
}

func restoreAway(b *bench) error {
	if err := b.copyOfStore(); err != nil {
		return err
	}
	if err := b.tell(doBegin); err != nil {
		return err
	}
	b.links(faultlink.Mode{Refuse: true})
	// These no node has seen when the store loses them: the service puts them
	// back.
	if err := b.acts(b.floors.acts / 2); err != nil {
		return err
	}
	if err := b.restore(); err != nil {
		return err
	}
	if err := b.acts(2 * b.floors.acts); err != nil {
		return err
	}
	b.links(faultlink.Mode{})
	return b.otherHistory()
}

func restoreConnected(b *bench) error {
	if err := b.copyOfStore(); err != nil {
		return err
	}
	if err := b.tell(doBegin); err != nil {
		return err
	}
	if err := b.restore(); err != nil {
		return err
	}
	if err := b.acts(2 * b.floors.acts); err != nil {
		return err
	}
	return b.otherHistory()
}

func wipe(b *bench) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	if err := b.tell(doPause); err != nil {
		return err
	}
	if err := b.sleep(time.Second); err != nil {
		return err
	}
	if err := b.cluster.js.DeleteStream(b.ctx, b.cluster.names.Events()); err != nil {
		return err
	}
	if err := b.cluster.provision(b.ctx); err != nil {
		return err
	}
	if err := b.tell(doResume); err != nil {
		return err
	}
	if err := b.acts(2 * b.floors.acts); err != nil {
		return err
	}
	return b.otherHistory()
}

// otherHistory waits until every node has noticed that the stream is another
// one, lets the operator accept it a little later, and waits for recovery.
func (b *bench) otherHistory() error {
	if err := b.until("every node notices another history", b.row.maxStaleness+time.Minute, func(r report) bool {
		return !slices.ContainsFunc(r.Nodes, func(n nodeReport) bool { return n.Fresh || n.Reason != "history" })
	}); err != nil {
		return err
	}
	if err := b.sleep(3 * time.Second); err != nil {
		return err
	}
	if err := stream.Accept(b.ctx, b.cluster.js, b.cluster.names, b.cluster.epoch); err != nil {
		return err
	}
	return b.recovered()
}

func wrongClock(b *bench) error {
	if err := b.tell(doBegin); err != nil {
		return err
	}
	n := b.nodes[3].name
	for _, offset := range []time.Duration{10 * time.Minute, 0, -10 * time.Minute} {
		if _, err := b.do(order{Do: doClock, Node: n, Offset: offset}); err != nil {
			return err
		}
		want := offset == 0
		if err := b.until(fmt.Sprintf("%s with its clock %v off", n, offset), time.Minute, func(r report) bool {
			return r.Nodes[3].Fresh == want
		}); err != nil {
			return err
		}
		if err := b.sleep(5 * time.Second); err != nil {
			return err
		}
	}
	if _, err := b.do(order{Do: doClock, Node: n}); err != nil {
		return err
	}
	return b.enough()
}
