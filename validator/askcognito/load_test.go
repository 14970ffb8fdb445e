package askcognito_test

import (
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

const (
	loadRate  = 1000 // requests a second
	loadUsers = 10   // who send half of the requests, with one token each
)

// Under load the budget holds whatever is asked: half of the requests are of a
// few users that come again and again, half of users that come once. ASK_FOR
// says for how long; make bench-askcognito is 10 s.
func TestBudgetUnderLoad(t *testing.T) {
	length := time.Second
	if s := os.Getenv("ASK_FOR"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t)
	w.cfg.Rate, w.cfg.CacheFor = 0, 0 // the defaults
	asker := w.asker(t)
	auth := w.auth(t, asker)
	mint := func(n int) []string {
		tokens := make([]string, n)
		for i := range tokens {
			tokens[i] = w.pool.Mint(cognitotest.MintOptions{ClientID: w.client, Username: "jane"})
		}
		return tokens
	}
	total := int(length.Seconds() * loadRate)
	again, once := mint(loadUsers), mint(total/2)

	var served, refused [2]atomic.Uint64 // of those that come again, and once
	var requests sync.WaitGroup
	begin := time.Now()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for sent := 0; sent < total; <-pace.C {
		// What a late tick has missed is made up for.
		for due := min(total, int(time.Since(begin).Seconds()*loadRate)); sent < due; sent++ {
			kind, token := sent%2, again[sent/2%loadUsers]
			if kind == 1 {
				token = once[sent/2]
			}
			requests.Go(func() {
				switch code := w.route(t, auth, token); code {
				case http.StatusOK:
					served[kind].Add(1)
				case http.StatusServiceUnavailable:
					refused[kind].Add(1)
				default:
					t.Errorf("status %d, want 200 or 503", code)
				}
			})
		}
	}
	requests.Wait()
	took := time.Since(begin)

	calls, stats := w.srv.Calls("GetUser")+w.srv.Calls("/oauth2/userInfo"), asker.Stats()
	const rate, burst = 1, 1
	if most := burst + rate*took.Seconds(); float64(calls) > most || calls == 0 {
		t.Errorf("%d calls in %v, want from 1 to %.1f", calls, took, most)
	}
	if uint64(calls) != stats.Calls || stats.Accepted != served[0].Load()+served[1].Load() {
		t.Errorf("cognito saw %d calls, %v were served: the counts say %+v", calls, served[0].Load()+served[1].Load(), stats)
	}
	t.Logf("%d requests in %.1f s (%.0f/s): %d calls at Cognito (%.2f/s)", total, took.Seconds(), float64(total)/took.Seconds(), calls, float64(calls)/took.Seconds())
	t.Logf("%d users again and again: %d served, %d refused", loadUsers, served[0].Load(), refused[0].Load())
	t.Logf("%d users once: %d served, %d refused", len(once), served[1].Load(), refused[1].Load())
}
