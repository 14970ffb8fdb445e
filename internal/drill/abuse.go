package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	// garbageRate is what an attacker sends, each second.
	garbageRate = 1000
	// realRate is what others send meanwhile.
	realRate  = 10
	quietTime = 10 * time.Second
	floodTime = 30 * time.Second
	// learnBudget is the service's own default, in refreshes a second.
	learnBudget = 6
	// victims are people who do nothing.
	victims = 20
)

// abuse floods the drop-in with what looks like refresh tokens, from one
// address, while others sign out from another.
func abuse(ctx context.Context, out io.Writer) error {
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	svc, at, err := s.startService(serviceConfig{Name: "abuse"})
	if err != nil {
		return err
	}
	defer svc.kill()
	var people []revocation.Token
	for i := range victims {
		tokens, err := s.signIn(fmt.Sprint("victim-", i))
		if err != nil {
			return err
		}
		tok, err := claims(tokens.AccessToken)
		if err != nil {
			return err
		}
		people = append(people, tok)
	}
	endpoint := at.Public + "/oauth2/revoke"

	quiet, quietLearned, err := s.signOuts("quiet", endpoint, quietTime)
	if err != nil {
		return err
	}
	before, err := metric(at, "process_resident_memory_bytes")
	if err != nil {
		return err
	}
	refreshes := s.cognito.Calls("GetTokensFromRefreshToken")
	stop := s.flood(endpoint)
	busy, learned, err := s.signOuts("busy", endpoint, floodTime)
	sent, answers := stop()
	if err != nil {
		return err
	}
	spent := s.cognito.Calls("GetTokensFromRefreshToken") - refreshes
	after, err := metric(at, "process_resident_memory_bytes")
	if err != nil {
		return err
	}
	denied := 0
	for _, node := range s.nodes {
		got, err := refused(node, people)
		if err != nil {
			return err
		}
		for _, r := range got {
			if r {
				denied++
			}
		}
	}
	budget := learnBudget * (int(floodTime.Seconds()) + 1)
	slices.Sort(quiet)
	slices.Sort(busy)
	fmt.Fprintf(out, "garbage: %d requests in %v (%.0f/s), answered %s\n", sent, floodTime, float64(sent)/floodTime.Seconds(), answers)
	fmt.Fprintf(out, "sign-in quota: %d refreshes, budget %d; of %d real refresh tokens presented alone, %d were learned (quiet: %d)\n",
		spent, budget, learned.presented, learned.learned, quietLearned.learned)
	fmt.Fprintf(out, "real sign-outs with an access token: quiet p50 %v, p99 %v (%d); under garbage p50 %v, p99 %v (%d)\n",
		percentile(quiet, 50), percentile(quiet, 99), len(quiet), percentile(busy, 50), percentile(busy, 99), len(busy))
	fmt.Fprintf(out, "memory of the service: %.1f MB before, %.1f MB after; victims denied: %d of %d at 3 nodes\n", before/1e6, after/1e6, denied, victims)
	switch {
	case denied > 0:
		return errors.New("a victim was denied")
	case spent > budget:
		return errors.New("the budget was exceeded")
	case float64(sent) < garbageRate*floodTime.Seconds()*0.9:
		return errors.New("the flood was not as large as it should be")
	case learned.presented > 0 && learned.learned < learned.presented/2:
		return errors.New("garbage from one address has starved another one")
	case after > before*1.5+32e6:
		return errors.New("the service has grown")
	}
	return nil
}

// learning counts refresh tokens that were presented alone.
type learning struct{ presented, learned int }

// signOuts has people sign out, realRate a second, for a while. One in ten
// presents the refresh token alone.
func (s *stage) signOuts(name, endpoint string, during time.Duration) ([]time.Duration, learning, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: realRate}}
	var mu sync.Mutex
	var took []time.Duration
	var alone learning
	var failure error
	var pending sync.WaitGroup
	pace := time.NewTicker(time.Second / realRate)
	defer pace.Stop()
	for n := range int(during.Seconds()) * realRate {
		<-pace.C
		tokens, err := s.signIn(fmt.Sprintf("%s-%d", name, n))
		if err != nil {
			return nil, alone, err
		}
		form := url.Values{"client_id": {s.demo.Client.ID}, "token": {tokens.RefreshToken}}
		learn := n%realRate == 0
		if !learn {
			form.Set("access_token", tokens.AccessToken)
		}
		pending.Go(func() {
			began := time.Now()
			resp, err := client.PostForm(endpoint, form)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failure = err
				return
			}
			resp.Body.Close()
			denied := resp.StatusCode == http.StatusOK && resp.Header.Get("Revoked-Local") == "denied"
			switch {
			case learn:
				alone.presented++
				if denied {
					alone.learned++
				}
			case !denied:
				failure = fmt.Errorf("a real sign-out was answered with %s", resp.Status)
			default:
				took = append(took, time.Since(began))
			}
		})
	}
	pending.Wait()
	return took, alone, failure
}

// flood sends garbage from an address of its own until stop, which returns how
// much was sent and how it was answered.
func (s *stage) flood(endpoint string) (stop func() (int64, string)) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 66)}, Timeout: 5 * time.Second}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}}
	var sent atomic.Int64
	var mu sync.Mutex
	statuses := make(map[int]int)
	quit := make(chan struct{})
	work := make(chan struct{}, garbageRate)
	var senders sync.WaitGroup
	senders.Go(func() {
		defer close(work)
		// In small portions: a ticker does not keep up with a millisecond.
		pace := time.NewTicker(10 * time.Millisecond)
		defer pace.Stop()
		for began := time.Now(); ; {
			select {
			case <-quit:
				return
			case <-pace.C:
			}
			for sent.Load() < int64(time.Since(began).Seconds()*garbageRate) {
				select {
				case work <- struct{}{}:
					sent.Add(1)
				case <-quit:
					return
				}
			}
		}
	})
	for range 64 {
		senders.Go(func() {
			for range work {
				resp, err := client.PostForm(endpoint, url.Values{"client_id": {s.demo.Client.ID}, "token": {garbageToken()}})
				status := 0
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					status = resp.StatusCode
				}
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	return func() (int64, string) {
		close(quit)
		senders.Wait()
		var parts []string
		for status, n := range statuses {
			parts = append(parts, fmt.Sprintf("%d: %d", status, n))
		}
		slices.Sort(parts)
		return sent.Load(), strings.Join(parts, ", ")
	}
}

// garbageToken looks like one of Cognito's refresh tokens: five parts, of which
// the first is the header that they all have.
func garbageToken() string {
	part := func(n int) string {
		raw := make([]byte, n)
		rand.Read(raw) // it never fails
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`))
	return strings.Join([]string{header, part(256), part(12), part(900), part(16)}, ".")
}
