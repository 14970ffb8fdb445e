package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	burstUsers   = 5000
	burstClients = 16
	// quota is Cognito's for sign-outs, which nobody can raise.
	quota = 25
	// drainTime is how long the queue may take: the quota, and half again.
	drainTime = burstUsers / quota * 3 / 2 * time.Second
)

// burst revokes thousands of users at once, as single requests and as a batch,
// against a Cognito that takes 25 sign-outs a second.
func burst(ctx context.Context, out io.Writer) error {
	var errs []error
	for _, mode := range []struct {
		name string
		send func(at urls, subs []string, accepted func(i int)) error
	}{{"single requests", sendSingly}, {"one batch", sendBatch}} {
		if err := oneBurst(ctx, out, mode.name, mode.send); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", mode.name, err))
		}
	}
	return errors.Join(errs...)
}

func oneBurst(ctx context.Context, out io.Writer, name string, send func(urls, []string, func(int)) error) error {
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	calls, err := s.countCalls("AdminUserGlobalSignOut")
	if err != nil {
		return err
	}
	defer calls.close()
	s.cognito.Limit(cognitotest.UserUpdate, quota)
	s.cognito.Limit(cognitotest.UserList, 30)
	subs, tokens, err := s.burstPeople()
	if err != nil {
		return err
	}
	svc, at, err := s.startService(serviceConfig{Name: "burst", Cognito: calls.url, UserUpdate: quota, UserList: 30})
	if err != nil {
		return err
	}
	defer svc.kill()
	for _, node := range s.nodes {
		var a nodeAnswer
		if err := node.ask(nodeRequest{Watch: tokens}, &a); err != nil {
			return err
		}
	}
	progress := watchQueue(out, name, at)
	defer progress.stop()
	began := time.Now()
	acceptedAt := make([]int64, burstUsers)
	var mu sync.Mutex
	if err := send(at, subs, func(i int) {
		now := time.Now().UnixNano()
		mu.Lock()
		defer mu.Unlock()
		acceptedAt[i] = now
	}); err != nil {
		return err
	}
	took := time.Since(began)
	time.Sleep(2 * time.Second) // longer than anybody may take to refuse
	after, never, err := s.refusedAfter(acceptedAt)
	if err != nil {
		return err
	}
	drained := progress.awaitEmpty(drainTime)
	most := calls.mostInASecond()
	throttled, err := metric(at, `revoked_service_cognito_calls_total{op="sign_out_user",outcome="retry"}`)
	if err != nil {
		throttled = 0 // nothing was counted under these labels
	}
	fmt.Fprintf(out, "%s: %d users accepted in %.1f s (%.0f/s)\n", name, burstUsers, took.Seconds(), burstUsers/took.Seconds())
	if len(after) > 0 {
		fmt.Fprintf(out, "  refused by Check on 3 node processes, after the acceptance: p50 %v, p99 %v, last %v (negative: before the answer came); never: %d\n",
			percentile(after, 50), percentile(after, 99), after[len(after)-1].Round(time.Millisecond), never)
	}
	fmt.Fprintf(out, "  sign-outs at Cognito: %d in %.0f s, at most %d within any second (quota %d); throttled: %.0f; queue drained to 0: %t\n",
		s.cognito.Calls("AdminUserGlobalSignOut"), time.Since(began).Seconds(), most, quota, throttled, drained)
	switch {
	case never > 0 || len(after) == 0 || after[len(after)-1] > time.Second:
		return errors.New("not everybody was refused within a second")
	case most > quota:
		return fmt.Errorf("%d sign-outs reached Cognito within a second", most)
	case !drained:
		return errors.New("the queue was not drained")
	}
	return nil
}

// burstPeople returns the subjects of as many users, and a token of each.
func (s *stage) burstPeople() (subs []string, tokens []revocation.Token, err error) {
	issued := time.Now().Unix()
	for i := range burstUsers {
		user, err := s.demo.Pool.CreateUser(cognitotest.UserConfig{Username: fmt.Sprint("user-", i)})
		if err != nil {
			return nil, nil, err
		}
		subs = append(subs, user.Subject)
		tokens = append(tokens, revocation.Token{
			Pool: s.demo.Pool.ID(), Subject: user.Subject, JTI: fmt.Sprint("jti-", i), OriginJTI: fmt.Sprint("session-", i),
			ClientID: s.demo.Client.ID, IssuedAt: issued, AuthTime: issued, ExpiresAt: issued + 3600,
		})
	}
	return subs, tokens, nil
}

// refusedAfter says how long after its acceptance each node has refused each
// watched token, in order, and how many never were.
func (s *stage) refusedAfter(acceptedAt []int64) (after []time.Duration, never int, err error) {
	for _, node := range s.nodes {
		var a nodeAnswer
		if err := node.ask(nodeRequest{Watched: true}, &a); err != nil {
			return nil, 0, err
		}
		for i, since := range a.Since {
			if since == 0 {
				never++
				continue
			}
			after = append(after, time.Duration(since-acceptedAt[i]))
		}
	}
	slices.Sort(after)
	return after, never, nil
}

// percentile returns a percentile of sorted durations.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)].Round(time.Millisecond / 10)
}

func sendSingly(at urls, subs []string, accepted func(int)) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: burstClients}, Timeout: patience}
	next := make(chan int)
	errs := make([]error, burstClients)
	var sending sync.WaitGroup
	for w := range burstClients {
		sending.Go(func() {
			for i := range next {
				_, status, err := revokeUser(client, at.Admin, subs[i], "")
				if err != nil || status != http.StatusCreated {
					errs[w] = errors.Join(err, fmt.Errorf("user %d: status %d", i, status))
					continue
				}
				accepted(i)
			}
		})
	}
	for i := range subs {
		next <- i
	}
	close(next)
	sending.Wait()
	return errors.Join(errs...)
}

func sendBatch(at urls, subs []string, accepted func(int)) error {
	var body strings.Builder
	for _, sub := range subs {
		fmt.Fprintf(&body, `{"kind":"user","id":%q}`+"\n", sub)
	}
	req, err := http.NewRequest(http.MethodPost, at.Admin+"/v1/revocations", strings.NewReader(body.String()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	n := 0
	for lines.Scan() {
		var result struct{ Line, Status int }
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			return err
		}
		if result.Status != http.StatusCreated {
			return fmt.Errorf("line %d: %s", result.Line, lines.Text())
		}
		accepted(result.Line - 1)
		n++
	}
	if n != len(subs) {
		return errors.Join(lines.Err(), fmt.Errorf("%d results of %d lines, status %s", n, len(subs), resp.Status))
	}
	return lines.Err()
}

// calls notes when calls of one operation arrive at Cognito.
type calls struct {
	url string
	srv *http.Server

	mu sync.Mutex // guards the field below
	at []time.Time
}

// countCalls serves the stage's Cognito on one more address, and counts there.
func (s *stage) countCalls(operation string) (*calls, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &calls{url: "http://" + ln.Addr().String()}
	inner := s.cognito.Handler()
	c.srv = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+operation) {
			now := time.Now()
			c.mu.Lock()
			c.at = append(c.at, now)
			c.mu.Unlock()
		}
		inner.ServeHTTP(w, r)
	})}
	go c.srv.Serve(ln)
	return c, nil
}

func (c *calls) close() { c.srv.Close() }

// mostInASecond is the largest number of calls within any second, wherever it
// begins.
func (c *calls) mostInASecond() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	most, first := 0, 0
	for i, at := range c.at {
		for at.Sub(c.at[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// queueWatch prints how many tasks wait for Cognito, as an operator sees it.
type queueWatch struct {
	quit  chan struct{}
	empty chan struct{}
	done  sync.WaitGroup
	once  sync.Once
}

func watchQueue(out io.Writer, name string, at urls) *queueWatch {
	q := &queueWatch{quit: make(chan struct{}), empty: make(chan struct{})}
	began := time.Now()
	q.done.Go(func() {
		again := time.NewTicker(time.Second)
		defer again.Stop()
		seen, zero := false, sync.Once{}
		for n := 1; ; n++ {
			select {
			case <-q.quit:
				return
			case <-again.C:
			}
			pending, err := metric(at, `revoked_service_tasks{state="pending"}`)
			if err != nil {
				continue
			}
			seen = seen || pending > 0
			if n%20 == 0 {
				fmt.Fprintf(out, "  %s, after %3.0f s: %4.0f wait for Cognito\n", name, time.Since(began).Seconds(), pending)
			}
			if stored, err := metric(at, "revoked_service_tasks_stored"); err == nil && seen && pending == 0 && stored == burstUsers {
				zero.Do(func() { close(q.empty) })
			}
		}
	})
	return q
}

func (q *queueWatch) awaitEmpty(most time.Duration) bool {
	select {
	case <-q.empty:
		return true
	case <-time.After(most):
		return false
	}
}

func (q *queueWatch) stop() {
	q.once.Do(func() { close(q.quit) })
	q.done.Wait()
}
