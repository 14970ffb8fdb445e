// Command api measures what POST /v1/revocations carries out per second, alone
// and in batches, beside bare JetStream publishes in the same run.
//
// Everything is on this machine and over loopback: nats-server (one, store on
// disk with sync always) and the nodes, if there are any, each in a process of
// their own, and in this one a Cognito emulator, the revoke service, and those
// who ask. A publish is acknowledged by JetStream; a revocation is answered once its
// task and its act are acknowledged and the service's own denylist enforces it,
// which takes three acknowledged publishes one after the other and one that is
// not. Rounds of publishes, revocations and batches alternate, so that noise of
// the machine hits all three.
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/service"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

const apiKey = "key-of-the-benchmark"

func main() {
	callers := flag.String("callers", "1,16,64", "numbers of callers at once, separated by commas")
	rounds := flag.Int("rounds", 5, "rounds of each")
	length := flag.Duration("round", 2*time.Second, "length of a round")
	nodes := flag.Int("nodes", 0, "nodes that follow the stream meanwhile")
	role := flag.String("be", "", "for this program's own use: a part of the benchmark in a process of its own")
	dir := flag.String("dir", "", "directory of the store; one in memory (/dev/shm) leaves the disk out")
	flag.Parse()
	if *role != "" {
		if err := be(*role, flag.Args()); err != nil {
			fmt.Fprintf(os.Stderr, "api: %s: %v\n", *role, err)
			os.Exit(1)
		}
		return
	}
	if err := run(*dir, *callers, *nodes, *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(dir, callers string, nodes, rounds int, length time.Duration) error {
	b, err := start(dir, nodes)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Printf("%s, GOMAXPROCS %d; %d nodes follow; %d rounds of %v, medians of rounds\n", runtime.Version(), runtime.GOMAXPROCS(0), nodes, rounds, length)
	fmt.Println("publish: bare JetStream publish, acknowledged. revoke: POST /v1/revocations, answered 201. batch: lines of NDJSON.")
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "callers\tpublish/s\tp50\tp99\trevoke/s\tp50\tp99\trevoke/publish per s\tp50 ratio\t")
	var batches []float64
	var behind []time.Duration
	for text := range strings.SplitSeq(callers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-callers: %q is not a number of callers", text)
		}
		var publish, revoke results
		for range rounds {
			if err := publish.add(n, length, b.publish); err != nil {
				return fmt.Errorf("publishing: %w", err)
			}
			if err := revoke.add(n, length, b.revoke); err != nil {
				return fmt.Errorf("revoking: %w", err)
			}
			perSecond, err := b.batch(1000)
			if err != nil {
				return fmt.Errorf("a batch: %w", err)
			}
			batches = append(batches, perSecond)
			answered := time.Now()
			if err := b.awaitNodes(); err != nil {
				return err
			}
			behind = append(behind, time.Since(answered))
		}
		fmt.Fprintf(out, "%d\t%.0f\t%s\t%s\t%.0f\t%s\t%s\t%.2f\t%.1f\t\n", n,
			median(publish.perSecond), ms(median(publish.p50)), ms(median(publish.p99)),
			median(revoke.perSecond), ms(median(revoke.p50)), ms(median(revoke.p99)),
			median(revoke.perSecond)/median(publish.perSecond), float64(median(revoke.p50))/float64(median(publish.p50)))
		out.Flush()
	}
	fmt.Printf("batch: %.0f lines/s\n", median(batches))
	messages, err := b.messages()
	if err != nil {
		return err
	}
	fmt.Printf("%d acts in %d messages of the stream\n", b.users.Load(), messages)
	if nodes > 0 {
		fmt.Printf("the last node has all of a batch %s after its last answer\n", ms(median(behind)))
	}
	return nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

func median[T float64 | time.Duration](list []T) T {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

// results has one element for each round.
type results struct {
	perSecond []float64
	p50, p99  []time.Duration
}

// add runs one round: n goroutines that call do one after the other.
func (r *results) add(n int, length time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	began := time.Now()
	took := make([][]time.Duration, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for time.Since(began) < length && errs[i] == nil {
				t := time.Now()
				errs[i] = do(ctx)
				took[i] = append(took[i], time.Since(t))
			}
		})
	}
	all.Wait()
	elapsed := time.Since(began)
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	list := slices.Concat(took...)
	slices.Sort(list)
	r.perSecond = append(r.perSecond, float64(len(list))/elapsed.Seconds())
	r.p50 = append(r.p50, list[len(list)/2])
	r.p99 = append(r.p99, list[len(list)*99/100])
	return nil
}

// bench is everything that runs.
type bench struct {
	dir     string
	srv     *process
	nc      *nats.Conn
	js      jetstream.JetStream
	cognito *cognitotest.Server
	svc     *service.Service
	http    *http.Client
	users   atomic.Int64
	nodes   *process // nil for none
}

func start(dir string, nodes int) (_ *bench, err error) {
	b := &bench{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp(dir, "bench-api"); err != nil {
		return nil, err
	}
	var url string
	if b.srv, url, err = newProcess("server", b.dir); err != nil {
		return nil, err
	}
	if b.nc, err = nats.Connect(url); err != nil {
		return nil, err
	}
	if b.js, err = jetstream.New(b.nc); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	names, err := stream.NewNames("")
	if err != nil {
		return nil, err
	}
	if _, err := stream.Provision(ctx, b.js, stream.Settings{Names: names}); err != nil {
		return nil, err
	}
	if err := stream.ProvisionOwn(ctx, b.js, stream.Settings{Names: names}); err != nil {
		return nil, err
	}
	// Like the stream of acts, but for nobody.
	_, err = b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "BARE", Subjects: []string{"bare"}, Storage: jetstream.FileStorage, AllowMsgTTL: true,
	})
	if err != nil {
		return nil, err
	}
	if b.cognito, err = cognitotest.Start(cognitotest.Config{}); err != nil {
		return nil, err
	}
	demo, err := b.cognito.SeedDemo()
	if err != nil {
		return nil, err
	}
	cfg := service.Default()
	cfg.PublicAddr, cfg.AdminAddr, cfg.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.APIKey, cfg.RateLimit = apiKey, 1_000_000
	cfg.InsecureEphemeralSealKey = true
	cfg.ServiceID = "bench"
	cfg.NATS.URL = url
	cfg.Pools = []service.Pool{{
		ID: demo.Pool.ID(), Endpoint: b.cognito.URL(), JWKSURL: demo.Pool.JWKSURL(),
		Clients: []service.Client{{ID: demo.Client.ID}},
	}}
	if b.svc, err = service.Start(ctx, cfg); err != nil {
		return nil, err
	}
	if err = b.svc.WaitReady(ctx); err != nil || nodes == 0 {
		return b, err
	}
	b.nodes, _, err = newProcess("nodes", url, strconv.Itoa(nodes))
	return b, err
}

// awaitNodes returns when every node holds what was revoked so far.
func (b *bench) awaitNodes() error {
	if b.nodes == nil {
		return nil
	}
	if _, err := fmt.Fprintln(b.nodes.in, b.users.Load()); err != nil {
		return err
	}
	_, err := b.nodes.line()
	return err
}

// messages returns how many the stream holds with acts.
func (b *bench) messages() (uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	names, err := stream.NewNames("")
	if err != nil {
		return 0, err
	}
	events, err := b.js.Stream(ctx, names.Events())
	if err != nil {
		return 0, err
	}
	info, err := events.Info(ctx, jetstream.WithSubjectFilter(names.Event()))
	if err != nil {
		return 0, err
	}
	return info.State.Subjects[names.Event()], nil
}

func (b *bench) close() {
	if b.nodes != nil {
		b.nodes.stop()
	}
	if b.svc != nil {
		b.svc.Close()
	}
	if b.cognito != nil {
		b.cognito.Close()
	}
	if b.nc != nil {
		b.nc.Close()
	}
	if b.srv != nil {
		b.srv.stop()
	}
	os.RemoveAll(b.dir)
}

// payload is as long as a message with one act.
var payload = bytes.Repeat([]byte("x"), 120)

func (b *bench) publish(ctx context.Context) error {
	_, err := b.js.Publish(ctx, "bare", payload, jetstream.WithMsgTTL(24*time.Hour))
	return err
}

// order is a revocation of somebody new.
func (b *bench) order() string {
	return fmt.Sprintf(`{"kind":"user","id":"00000000-0000-4000-8000-%012d","cognito":"skip","reason":"benchmark"}`, b.users.Add(1))
}

func (b *bench) send(ctx context.Context, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.svc.AdminURL()+"/v1/revocations", body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", contentType)
	return b.http.Do(req)
}

func (b *bench) revoke(ctx context.Context) error {
	resp, err := b.send(ctx, "application/json", strings.NewReader(b.order()))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return err
}

// batch sends one and returns its lines per second.
func (b *bench) batch(lines int) (float64, error) {
	var body bytes.Buffer
	for range lines {
		body.WriteString(b.order() + "\n")
	}
	began := time.Now()
	resp, err := b.send(context.Background(), "application/x-ndjson", &body)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	done := 0
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		if !bytes.Contains(in.Bytes(), []byte(`"status":201,`)) {
			return 0, fmt.Errorf("line %d: %s", done+1, in.Text())
		}
		done++
	}
	if done != lines {
		return 0, fmt.Errorf("%d of %d lines were answered", done, lines)
	}
	return float64(lines) / time.Since(began).Seconds(), nil
}
