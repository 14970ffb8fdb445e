package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/faultlink"
)

// tools are the programs that a run needs.
type tools struct {
	server []string // nats-server
	self   []string // this program, for its roles
	node   []string // this program, with a clock that can be set if the row needs it
}

// floors are the least that a row must have done to prove anything.
type floors struct {
	acts             int
	checks, positive int64
}

// bench is a cluster with the revoke service, nodes and a recorder, and the
// network between them, for one row.
type bench struct {
	ctx     context.Context //nolint:containedctx // bounds the row, which is what a bench is
	row     row
	tools   tools
	dir     string
	floors  floors
	cluster *cluster
	service *child
	nodes   []*benchNode
	watch   *child // the recorder
	notes   []string
}

// benchNode is a node process and its links.
type benchNode struct {
	name   string
	server int // the only one it knows; -1: it knows all
	links  []*faultlink.Proxy
	proc   *child
}

// child is this program in one of its roles. It ends when stdin is closed.
type child struct {
	*process
	stdin io.WriteCloser
	lines *bufio.Scanner // its standard output; nil if that goes to the log
}

// startChild starts a role with its configuration. The child ends with ctx.
func (b *bench) startChild(name string, command []string, role string, config any, talks bool) (*child, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(b.ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, configVariable+"="+string(text))
	c := &child{}
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if talks {
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		c.lines = bufio.NewScanner(out)
		c.lines.Buffer(nil, 1<<20)
	}
	c.process, err = startProcess(b.dir, name, cmd)
	return c, err
}

// read reads one line of JSON.
func (c *child) read(v any) error {
	if !c.lines.Scan() {
		<-c.gone
		return fmt.Errorf("%s has ended (%v): see its log", c.name, c.end)
	}
	return json.Unmarshal(c.lines.Bytes(), v)
}

func (c *child) close() {
	c.stdin.Close()
	select {
	case <-c.gone:
	case <-time.After(10 * time.Second):
		c.kill()
	}
}

// newBench starts everything and returns when every node is live.
func newBench(ctx context.Context, r row, dir string, t tools, f floors) (*bench, error) {
	b := &bench{ctx: ctx, row: r, tools: t, dir: dir, floors: f}
	if err := b.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting: %w", err), b.close())
	}
	return b, nil
}

func (b *bench) start() error {
	small := -1
	if b.row.smallDisk {
		small = 2
	}
	var err error
	if b.cluster, err = startCluster(b.ctx, b.dir, b.tools.server, small); err != nil {
		return err
	}
	c := b.cluster
	if b.service, err = b.startChild("service", b.tools.self, "service", serviceConfig{
		Servers: c.urls(), NKey: c.seed("SERVICE"), Dir: b.dir,
	}, true); err != nil {
		return err
	}
	var service serviceInfo
	if err := b.service.read(&service); err != nil {
		return err
	}
	watch := recorderConfig{NKey: c.seed("SERVICE"), Service: service.URL, MaxStaleness: b.row.maxStaleness}
	for _, s := range c.servers {
		watch.Servers = append(watch.Servers, "nats://"+s.client)
	}
	for i, server := range []int{0, 1, 2, -1} {
		n := &benchNode{name: fmt.Sprint("n", i+1), server: server}
		if err := b.startNode(n, b.tools.node); err != nil {
			return err
		}
		watch.Nodes = append(watch.Nodes, nodeAddress{n.name, b.socket(n)})
	}
	b.watch, err = b.startChild("recorder", b.tools.self, "recorder", watch, true)
	if err != nil {
		return err
	}
	return b.until("acts before the fault", time.Minute, func(r report) bool {
		return r.Acts >= 50 && !slices.ContainsFunc(r.Nodes, func(n nodeReport) bool { return !n.Fresh || n.Missing > 0 })
	})
}

func (b *bench) socket(n *benchNode) string { return filepath.Join(b.dir, n.name+".sock") }

func (b *bench) startNode(n *benchNode, command []string) error {
	var urls []string
	for i, s := range b.cluster.servers {
		if n.server >= 0 && n.server != i {
			continue
		}
		p, err := faultlink.RunClient(s.client)
		if err != nil {
			return err
		}
		n.links = append(n.links, p)
		urls = append(urls, "nats://"+p.Address())
	}
	b.nodes = append(b.nodes, n)
	var err error
	n.proc, err = b.startChild(n.name, command, "node", nodeConfig{
		Name: n.name, Socket: b.socket(n), Servers: strings.Join(urls, ","),
		NKey: b.cluster.seed("NODE_ORDERS"), MaxStaleness: b.row.maxStaleness,
	}, false)
	return err
}

// startCold starts a node that knows every server, and lets the recorder ask it.
func (b *bench) startCold() error {
	n := &benchNode{name: "cold", server: -1}
	if err := b.startNode(n, b.tools.node); err != nil {
		return err
	}
	_, err := b.do(order{Do: doJoin, Node: n.name, Socket: b.socket(n)})
	return err
}

func (b *bench) close() error {
	for _, c := range []*child{b.watch, b.service} {
		if c != nil {
			c.close()
		}
	}
	for _, n := range b.nodes {
		if n.proc != nil {
			n.proc.close()
		}
		for _, l := range n.links {
			l.Close()
		}
	}
	if b.cluster != nil {
		return b.cluster.close()
	}
	return nil
}

// do gives the recorder an order.
func (b *bench) do(o order) (report, error) {
	line, err := json.Marshal(o)
	if err != nil {
		return report{}, err
	}
	if _, err := b.watch.stdin.Write(append(line, '\n')); err != nil {
		return report{}, err
	}
	var r report
	if err := b.watch.read(&r); err != nil {
		return report{}, err
	}
	if r.Err != "" {
		return r, errors.New(r.Err)
	}
	return r, nil
}

// tell gives an order whose report nobody needs.
func (b *bench) tell(what string) error {
	_, err := b.do(order{Do: what})
	return err
}

// until waits for a condition.
func (b *bench) until(what string, limit time.Duration, cond func(report) bool) error {
	end := time.Now().Add(limit)
	for {
		r, err := b.do(order{Do: doReport})
		if err != nil {
			return err
		}
		if cond(r) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %v: %s", what, limit, states(r))
		}
		if err := b.sleep(50 * time.Millisecond); err != nil {
			return err
		}
	}
}

func states(r report) string {
	list := []string{fmt.Sprintf("%d acts", r.Acts)}
	for _, n := range r.Nodes {
		list = append(list, fmt.Sprintf("%s %s %s, %d missing", n.Name, n.State, n.Reason, n.Missing))
	}
	return strings.Join(list, "; ")
}

// sleep lets a fault last.
func (b *bench) sleep(d time.Duration) error {
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// acts waits until n acts more were acknowledged since the beginning.
func (b *bench) acts(n int) error {
	return b.until(fmt.Sprint(n, " acts"), 2*time.Minute, func(r report) bool { return r.Acts >= n })
}

// staleAt waits until the nodes that know only the given server are stale; all
// nodes if it is -1.
func (b *bench) staleAt(server int) error {
	return b.until("staleness", b.row.maxStaleness+30*time.Second, func(r report) bool {
		for i, n := range r.Nodes {
			if (server < 0 || b.nodes[i].server == server) && n.Stale < 0 {
				return false
			}
		}
		return true
	})
}

// recovered ends the fault, and waits until every node is fresh and enforces
// everything.
func (b *bench) recovered() error {
	if err := b.tell(doHeal); err != nil {
		return err
	}
	return b.until("recovery", 2*time.Minute, func(r report) bool {
		return !slices.ContainsFunc(r.Nodes, func(n nodeReport) bool { return n.Recovered < 0 })
	})
}

// links sets every link between nodes and servers.
func (b *bench) links(m faultlink.Mode) {
	for _, n := range b.nodes {
		for _, l := range n.links {
			l.Set(m)
		}
	}
}

func (b *bench) notef(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// outcome is what a row prints.
type outcome struct {
	row                  string
	maxStaleness         time.Duration
	acts                 int
	checks, positive     int64
	lost                 int
	accepts, refusals    int64
	gap, stale, recovery time.Duration // -1: never
	samples              []string
	notes                []string
	err                  error
	took                 time.Duration
}

// finish makes sure that enough was done, checks every act once more and sums
// up.
func (b *bench) finish() (outcome, error) {
	o := outcome{stale: -1, recovery: -1}
	err := b.until("enough checks", time.Minute, func(r report) bool {
		checks, positive := totals(r)
		return checks >= b.floors.checks && positive >= b.floors.positive
	})
	// A node that has seen nothing but what the stream holds now.
	err = errors.Join(err, b.tell(doPause), b.startCold())
	r, finalErr := b.do(order{Do: doFinal})
	if err = errors.Join(err, finalErr); err != nil && len(r.Nodes) == 0 {
		return o, err
	}
	o.checks, o.positive = totals(r)
	o.notes = b.notes
	for _, n := range r.Nodes {
		o.lost += n.Lost
		o.accepts += n.FalseAccepts
		o.refusals += n.FalseRefusals
		o.gap = max(o.gap, n.Gap)
		if n.Stale >= 0 && (o.stale < 0 || n.Stale < o.stale) {
			o.stale = n.Stale
		}
		o.recovery = max(o.recovery, n.Recovered)
		o.acts = max(o.acts, n.Acts) // up to the recovery of the last node
		if n.Sample != "" {
			o.samples = append(o.samples, n.Name+": "+n.Sample)
		}
	}
	return o, err
}

func totals(r report) (checks, positive int64) {
	for _, n := range r.Nodes {
		checks += n.Checks
		positive += n.Positive
	}
	return checks, positive
}

// failed says what makes the row fail; empty if nothing does.
func (o outcome) failed(f floors) string {
	var why []string
	for _, c := range []struct {
		bad  bool
		text string
	}{
		{o.err != nil, fmt.Sprint(o.err)},
		{o.lost > 0, fmt.Sprint(o.lost, " acts lost")},
		{o.accepts > 0, fmt.Sprint(o.accepts, " false accepts")},
		{o.refusals > 0, fmt.Sprint(o.refusals, " false refusals")},
		{o.acts < f.acts, fmt.Sprint("only ", o.acts, " acts")},
		{o.checks < f.checks, fmt.Sprint("only ", o.checks, " checks")},
		{o.positive < f.positive, fmt.Sprint("only ", o.positive, " positive checks")},
	} {
		if c.bad {
			why = append(why, c.text)
		}
	}
	return strings.Join(why, "; ")
}
