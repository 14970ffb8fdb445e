package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	rollingClients = 8
	// steadyTime is how long the acceptance is measured before the restarts.
	steadyTime = 15 * time.Second
	// leaveTime is from a replica's /readyz turning off to its listeners
	// closing: longer than a load balancer takes to see the one.
	leaveTime = time.Second
	lookTime  = 100 * time.Millisecond
)

// rolling runs two replicas behind clients that go by /readyz as load balancers
// do, measures the acceptance, and restarts one replica after the other.
func rolling(ctx context.Context, out io.Writer) error {
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	var pair [2]*backend
	for i := range pair {
		cfg := serviceConfig{Name: fmt.Sprint("replica-", i+1), ShutdownDelay: leaveTime, UserUpdate: quota, UserList: 30}
		for _, addr := range []*string{&cfg.Public, &cfg.Admin, &cfg.Metrics} {
			if *addr, err = freeAddress(); err != nil {
				return err
			}
		}
		pair[i] = &backend{cfg: cfg}
		if pair[i].process, pair[i].at, err = s.startService(cfg); err != nil {
			return err
		}
		defer func() { pair[i].process.kill() }()
	}
	l := newLoad(s, pair)
	l.run()
	defer l.stop()
	time.Sleep(steadyTime)
	steady := l.latencies()
	for _, b := range pair {
		if err := b.process.stop(); err != nil {
			return err
		}
		if b.process, b.at, err = s.startService(b.cfg); err != nil {
			return err
		}
		time.Sleep(2 * time.Second) // under load with both
	}
	l.stop()
	slices.Sort(steady)
	rate := float64(len(steady)) / steadyTime.Seconds()
	fmt.Fprintf(out, "two replicas, %d clients: %.0f acceptances/s, p50 %v, p99 %v (%d in %v)\n",
		rollingClients, rate, percentile(steady, 50), percentile(steady, 99), len(steady), steadyTime)
	lost, err := l.lost()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "both restarted one after the other under load: %d requests accepted in all, %d failed, %d repeated after a connection error, %d acts lost\n",
		len(l.accepted), l.failed.Load(), l.repeated.Load(), lost)
	if l.failed.Load() > 0 || lost > 0 {
		return fmt.Errorf("requests failed or acts are lost; the last failure: %v", l.lastFailure)
	}
	return nil
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// backend is one replica as a load balancer sees it.
type backend struct {
	cfg     serviceConfig
	process *process
	at      urls
	healthy atomic.Bool
}

// load revokes one user after the other.
type load struct {
	stage    *stage
	pair     [2]*backend
	client   *http.Client
	quit     chan struct{}
	once     sync.Once
	done     sync.WaitGroup
	failed   atomic.Int64
	repeated atomic.Int64

	mu          sync.Mutex // guards the fields below
	took        []time.Duration
	accepted    map[string]revocation.Token // by the id of the act
	lastFailure error
}

func newLoad(s *stage, pair [2]*backend) *load {
	return &load{
		stage: s, pair: pair, quit: make(chan struct{}), accepted: make(map[string]revocation.Token),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: rollingClients}, Timeout: patience},
	}
}

func (l *load) run() {
	for _, b := range l.pair {
		url := "http://" + b.cfg.Metrics + "/readyz"
		l.done.Go(func() {
			again := time.NewTicker(lookTime)
			defer again.Stop()
			probe := &http.Client{Timeout: lookTime * 5}
			for {
				resp, err := probe.Get(url)
				b.healthy.Store(err == nil && resp.StatusCode == http.StatusOK)
				if err == nil {
					resp.Body.Close()
				}
				select {
				case <-l.quit:
					return
				case <-again.C:
				}
			}
		})
	}
	for c := range rollingClients {
		l.done.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.quit:
					return
				default:
					l.revoke(c, n)
				}
			}
		})
	}
}

func (l *load) stop() {
	l.once.Do(func() { close(l.quit) })
	l.done.Wait()
}

// revoke revokes a user of its own, at whichever replica is healthy, and asks
// the other one if the connection breaks.
func (l *load) revoke(client, n int) {
	name := fmt.Sprintf("user-%d-%d", client, n)
	user, err := l.stage.demo.Pool.CreateUser(cognitotest.UserConfig{Username: name})
	if err != nil {
		l.fail(err)
		return
	}
	issued := time.Now().Unix()
	tok := revocation.Token{
		Pool: l.stage.demo.Pool.ID(), Subject: user.Subject, JTI: name, OriginJTI: name, ClientID: l.stage.demo.Client.ID,
		IssuedAt: issued, AuthTime: issued, ExpiresAt: issued + 3600,
	}
	began := time.Now()
	for try := range 20 {
		b := l.pair[(client+n+try)%2]
		if !b.healthy.Load() {
			b = l.pair[(client+n+try+1)%2]
		}
		a, status, err := revokeUser(l.client, "http://"+b.cfg.Admin, user.Subject, name)
		switch {
		case err != nil:
			l.repeated.Add(1)
			time.Sleep(lookTime)
			continue
		case status != http.StatusCreated:
			l.fail(fmt.Errorf("%s answers with %d", b.cfg.Name, status))
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.took = append(l.took, time.Since(began))
		l.accepted[a.ID] = tok
		return
	}
	l.fail(errors.New("no replica takes connections"))
}

func (l *load) fail(err error) {
	l.failed.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastFailure = err
}

func (l *load) latencies() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.took)
}

// lost counts acts that were accepted and that a node does not enforce, or that
// a replica does not know.
func (l *load) lost() (int, error) {
	var tokens []revocation.Token
	for _, tok := range l.accepted {
		tokens = append(tokens, tok)
	}
	lost := make(map[string]bool)
	for _, node := range l.stage.nodes {
		for chunk := range slices.Chunk(tokens, 500) {
			got, err := refused(node, chunk)
			if err != nil {
				return 0, err
			}
			for i, tok := range chunk {
				if !got[i] {
					lost[tok.JTI] = true
				}
			}
		}
	}
	for id, tok := range l.accepted {
		for _, b := range l.pair {
			req, err := http.NewRequest(http.MethodGet, "http://"+b.cfg.Admin+"/v1/revocations/"+id, nil)
			if err != nil {
				return 0, err
			}
			req.Header.Set("Authorization", "Bearer "+apiKey)
			resp, err := l.client.Do(req)
			if err != nil {
				return 0, err
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				lost[tok.JTI] = true
			}
		}
	}
	return len(lost), nil
}
