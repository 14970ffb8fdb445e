package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Grade says how good what was found is.
type Grade string

// The grades.
const (
	Good    Grade = "ok"
	Warning Grade = "warn"    // works, but not as production should
	Unknown Grade = "unknown" // can't be found out over this connection
	Failure Grade = "FAIL"    // revoked would not work, or lose revocations
)

// Finding is the answer to one question about a NATS deployment.
type Finding struct {
	Grade Grade
	Topic string // what was asked
	Found string
	Fix   string // what to do about it; empty if Good
}

// minServer is the first nats-server with message schedules, which tick.
const (
	minServer    = "2.14.0"
	updateServer = "update to nats-server " + minServer + " or later: ticks need message schedules"
)

// CheckServer returns an error if the server that nc is connected to is too
// old. Such a server takes a stream's configuration and leaves out what it does
// not know.
func CheckServer(nc *nats.Conn) error {
	if version := nc.ConnectedServerVersion(); older(version, minServer) {
		return fmt.Errorf("stream: the server is nats-server %s: %s", version, updateServer)
	}
	return nil
}

const (
	// probeTimeout bounds one question.
	probeTimeout = 2 * time.Second
	// tickWait is how long a tick may take: three periods, and some delay.
	tickWait = 3*TickPeriod + probeTimeout
)

// Inspect asks, with the rights that nc has, everything about the server and
// the stream that revoked depends on. It changes nothing: what only an attempt
// can tell is attempted in a form that the server must refuse. It replaces nc's
// error handler, by which it learns what is not permitted.
func Inspect(ctx context.Context, nc *nats.Conn, names Names) []Finding {
	js, err := jetstream.New(nc)
	if err != nil {
		return []Finding{{Failure, "jetstream", err.Error(), "give another connection"}}
	}
	i := &inspection{nc: nc, js: js, names: names, giveUp: func() {}}
	nc.SetErrorHandler(i.denied)
	for _, step := range []func(context.Context){
		i.server, i.account, i.stream, i.own, i.schedule, i.directGet, i.ticks, i.rights, i.disk,
	} {
		step(ctx)
	}
	return i.findings
}

// inspection is the state of one Inspect.
type inspection struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	names    Names
	findings []Finding
	exists   bool // the stream does, as far as could be seen

	mu         sync.Mutex // guards the fields below
	violations []string   // texts of the server's permission violations
	giveUp     func()     // ends the present question
}

// question returns a context for one question, which ends early if the server
// refuses something: it does not answer what is not permitted.
func (i *inspection) question(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, most)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.giveUp = cancel
	return ctx, cancel
}

func (i *inspection) denied(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.violations = append(i.violations, strings.ToLower(err.Error()))
		i.giveUp()
	}
}

// forbidden reports whether the server has refused a use of subject.
func (i *inspection) forbidden(subject string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.ContainsFunc(i.violations, func(v string) bool {
		return strings.Contains(v, `"`+strings.ToLower(subject)+`"`)
	})
}

func (i *inspection) add(g Grade, topic, found, fix string) {
	i.findings = append(i.findings, Finding{g, topic, found, fix})
}

func (i *inspection) server(context.Context) {
	version := i.nc.ConnectedServerVersion()
	if older(version, minServer) {
		i.add(Failure, "server version", version, updateServer)
		return
	}
	i.add(Good, "server version", version, "")
}

// older compares versions such as 2.15.2 and 2.14.0-RC.1 by their numbers.
func older(version, than string) bool {
	have, want := strings.SplitN(version, ".", 3), strings.SplitN(than, ".", 3)
	for n := range want {
		if n >= len(have) {
			return true
		}
		digits, _, _ := strings.Cut(have[n], "-")
		h, err := strconv.Atoi(digits)
		w, _ := strconv.Atoi(want[n])
		if err != nil || h != w {
			return err != nil || h < w
		}
	}
	return false
}

func (i *inspection) account(ctx context.Context) {
	const topic = "jetstream"
	ctx, cancel := i.question(ctx, probeTimeout)
	defer cancel()
	info, err := i.js.AccountInfo(ctx)
	switch {
	case i.forbidden("$JS.API.INFO"):
		i.add(Unknown, topic, "this credential may not read the account's limits", "run the check as the administrator of JetStream")
		return
	case err != nil:
		i.add(Failure, topic, err.Error(), "enable JetStream on the server and for this account")
		return
	}
	unlessNegative := func(n int64) string {
		if n < 0 {
			return "unlimited"
		}
		return strconv.FormatInt(n, 10)
	}
	found := fmt.Sprintf("%d of %s streams, %d of %s bytes on disk",
		info.Streams, unlessNegative(int64(info.Limits.MaxStreams)), info.Store, unlessNegative(info.Limits.MaxStore))
	if most := info.Limits.MaxStore; most >= 0 && info.Store > uint64(most)/2 {
		i.add(Warning, topic, found, "raise the account's disk limit: a full store accepts no revocations")
		return
	}
	i.add(Good, topic, found, "")
}

func (i *inspection) stream(ctx context.Context) {
	info, hidden := i.look(ctx, i.names.Events())
	i.exists = info != nil || hidden // as far as we know
	if info == nil {
		return
	}
	i.compare(info, differences(i.names, info.Config), ", or remove the stream and provision again",
		fmt.Sprintf("epoch %s, %d messages, head %d", info.Config.Metadata[epochKey], info.State.Msgs, info.State.LastSeq))
	i.replicas(info)
}

// own looks at the revoke service's own streams.
func (i *inspection) own(ctx context.Context) {
	for _, want := range []jetstream.StreamConfig{wantedTasks(i.names), wantedFleet(i.names), wantedAudit(i.names, 0)} {
		i.ownStream(ctx, want)
	}
}

func (i *inspection) ownStream(ctx context.Context, want jetstream.StreamConfig) {
	if info, _ := i.look(ctx, want.Name); info != nil {
		i.compare(info, ownDifferences(want, info.Config), "", fmt.Sprintf("%d messages", info.State.Msgs))
	}
}

// look returns what is known of a stream, or nil, after it has said why. A hidden
// one may be there.
func (i *inspection) look(ctx context.Context, name string) (info *jetstream.StreamInfo, hidden bool) {
	topic := "stream " + name
	ctx, cancel := i.question(ctx, probeTimeout)
	defer cancel()
	s, err := i.js.Stream(ctx, name)
	switch {
	case i.forbidden("$JS.API.STREAM.INFO." + name):
		i.add(Unknown, topic, "this credential may not read it", "allow $JS.API.STREAM.INFO."+name+", or run the check as the administrator")
		return nil, true
	case errors.Is(err, jetstream.ErrStreamNotFound):
		i.add(Failure, topic, "does not exist", `run "revoked provision"`)
		return nil, false
	case err != nil:
		i.add(Failure, topic, err.Error(), "see why JetStream does not answer")
		return nil, false
	}
	return s.CachedInfo(), false
}

// compare adds what is wrong with a stream, and else that it is good.
func (i *inspection) compare(info *jetstream.StreamInfo, wrong []*MismatchError, orElse, good string) {
	topic := "stream " + info.Config.Name
	for _, d := range wrong {
		i.add(Failure, topic+", "+d.Field, d.Found, "wants "+d.Wanted+": correct it with the nats command"+orElse)
	}
	if len(wrong) == 0 {
		i.add(Good, topic, good, "")
	}
}

func (i *inspection) replicas(info *jetstream.StreamInfo) {
	const topic = "replicas"
	if info.Config.Replicas < 3 {
		i.add(Warning, topic, strconv.Itoa(info.Config.Replicas), "use 3 in production: with one, nobody can be revoked while its server is down")
		return
	}
	var bad []string
	if info.Cluster != nil {
		for _, p := range info.Cluster.Replicas {
			if p.Offline || !p.Current {
				bad = append(bad, p.Name)
			}
		}
	}
	if len(bad) > 0 {
		i.add(Warning, topic, fmt.Sprintf("%d, of which %s not current", info.Config.Replicas, strings.Join(bad, ", ")), "see these servers")
		return
	}
	i.add(Good, topic, strconv.Itoa(info.Config.Replicas), "")
}

func (i *inspection) schedule(ctx context.Context) {
	const topic = "tick schedule"
	if !i.exists {
		return
	}
	ctx, cancel := i.question(ctx, probeTimeout)
	defer cancel()
	err := VerifySchedule(ctx, i.js, i.names)
	switch {
	case err == nil:
		i.add(Good, topic, "stored", "")
	case i.forbidden("$JS.API.STREAM.INFO."+i.names.Events()) || i.forbidden(i.names.DirectGet()+"."+i.names.Schedule()):
		i.add(Unknown, topic, "this credential may not read it", "the ticks below tell")
	default:
		i.add(Failure, topic, err.Error(), `run "revoked provision"`)
	}
}

func (i *inspection) directGet(ctx context.Context) {
	const topic = "direct get"
	if !i.exists {
		return
	}
	ctx, cancel := i.question(ctx, probeTimeout)
	defer cancel()
	_, err := i.nc.RequestWithContext(ctx, i.names.DirectGet(), []byte(`{"seq":1,"no_hdr":true}`))
	switch {
	case i.forbidden(i.names.DirectGet()):
		i.add(Failure, topic, "not permitted", "allow "+i.names.DirectGet()+": nodes and the service catch up by it")
	case err != nil:
		i.add(Failure, topic, err.Error(), "see why the stream does not answer; a leader election takes up to 10 s")
	default:
		i.add(Good, topic, "answers", "")
	}
}

// ticks waits for one on the path that nodes use.
func (i *inspection) ticks(ctx context.Context) {
	const topic = "live ticks"
	if !i.exists {
		return
	}
	ctx, cancel := i.question(ctx, tickWait)
	defer cancel()
	sub, err := i.nc.SubscribeSync(i.names.LiveTick())
	if err != nil {
		i.add(Failure, topic, err.Error(), "see the connection")
		return
	}
	defer sub.Unsubscribe()
	msg, err := sub.NextMsgWithContext(ctx)
	switch {
	case i.forbidden(i.names.LiveTick()):
		i.add(Failure, topic, "subscribing is not permitted", "allow "+i.names.Live())
		return
	case err != nil:
		i.add(Failure, topic, fmt.Sprintf("none within %v", tickWait), "without ticks every node is stale: see the schedule and the stream's quorum")
		return
	}
	now := time.Now()
	at, err := time.Parse(time.RFC3339Nano, headerOf(msg.Header, "Nats-Time-Stamp"))
	if err != nil {
		i.add(Failure, topic, "a tick without the server's time stamp", "republish must carry headers: see the stream's settings")
		return
	}
	offset := now.Sub(at).Round(time.Millisecond)
	if offset.Abs() > maxOffset {
		i.add(Failure, topic, fmt.Sprintf("clock of this machine minus the server's: %v", offset), "set the clocks by NTP: beyond 2s every node on such a machine is stale")
		return
	}
	i.add(Good, topic, fmt.Sprintf("clock of this machine minus the server's, with the delay: %v", offset), "")
}

// maxOffset is that of the nodes; see subscriber.
const maxOffset = 2 * time.Second

// rights attempts what provisioning and the service do, in forms that the
// server refuses whatever the rights: a request for a stream of another name,
// and messages that expect another stream.
func (i *inspection) rights(ctx context.Context) {
	for _, r := range []struct {
		topic, subject, fix string
		store               bool
	}{
		{topic: "may provision", subject: "$JS.API.STREAM.CREATE." + i.names.Events(), fix: "provision with the administrator's credential; the service does not need this right"},
		{topic: "may publish the schedule", subject: i.names.Schedule(), store: true, fix: "provision with the administrator's credential; the service does not need this right"},
		{topic: "may publish acts", subject: i.names.Event(), store: true, fix: "the service's user needs " + i.names.Event() + "; the administrator does not"},
		{topic: "may publish beats", subject: i.names.Beat(), store: true, fix: "the service's user needs " + i.names.Beat() + "; the administrator does not"},
	} {
		if r.store && !i.exists {
			continue
		}
		msg := &nats.Msg{Subject: r.subject, Header: nats.Header{}, Data: []byte(`{"name":"-"}`)}
		if r.store {
			msg.Header.Set("Nats-Expected-Stream", "-")
		}
		attempt, cancel := i.question(ctx, probeTimeout)
		_, err := i.nc.RequestMsgWithContext(attempt, msg)
		cancel()
		switch {
		case i.forbidden(r.subject):
			i.add(Warning, r.topic, "no: not permitted on "+r.subject, r.fix)
		case err != nil:
			i.add(Unknown, r.topic, err.Error(), "see whether JetStream answers")
		default:
			i.add(Good, r.topic, "yes", "")
		}
	}
}

// disk says what no client can ask.
func (i *inspection) disk(context.Context) {
	i.add(Unknown, "sync_interval", "not readable over NATS",
		"set sync_interval: always in the jetstream block of every server: else an acknowledged revocation may not survive a power failure")
}
