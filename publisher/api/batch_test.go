package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
)

// lineResult is one line of an answer.
type lineResult struct {
	Line, Status int
	Revocation   *struct{ ID, Target, Kind string }
	Problem      *problem
}

func (a answer) lines(t *testing.T) []lineResult {
	t.Helper()
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("answer = %v, want lines", a)
	}
	var all []lineResult
	for text := range strings.Lines(a.body) {
		var l lineResult
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		all = append(all, l)
	}
	return all
}

// Every line has its result, in order; wrong ones stop no other.
func TestBatch(t *testing.T) {
	w := newWorld(t)
	got := w.batch(strings.Join([]string{
		userByID,
		`{"kind":"everybody","id":"x"}`,
		``,
		`{"kind":"session","token":"` + accessNoIDs + `"}`,
		`garbage`,
		`{"kind":"token","token":"` + access + `"}` + "\r",
		`{"kind":"user","id":"` + strings.Repeat("x", 64<<10) + `"}`,
		"{\"kind\":\"user\",\"id\":\"\xff\"}",
		`{"kind":"user","id":"last"}`,
	}, "\n")).lines(t)
	want := []struct {
		line, status int
		is           string // target or problem
	}{
		{1, 201, "sub-1"},
		{2, 422, api.ProblemUnknownKind},
		{4, 422, api.ProblemNoSessionID},
		{5, 400, api.ProblemMalformed},
		{6, 201, "jti-1"},
		{7, 413, api.ProblemTooLarge},
		{8, 400, api.ProblemMalformed},
		{9, 201, "last"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d results %+v, want %d", len(got), got, len(want))
	}
	for i, w := range want {
		is := ""
		if got[i].Revocation != nil {
			is = got[i].Revocation.Target
		} else if got[i].Problem != nil {
			is = got[i].Problem.Type
		}
		if got[i].Line != w.line || got[i].Status != w.status || is != w.is {
			t.Errorf("result %d = %+v, want %+v", i, got[i], w)
		}
	}
	if len(w.fake.requests) != 3 {
		t.Errorf("requests %+v, want three", w.fake.requests)
	}
}

// The role counts for each line.
func TestBatchRoles(t *testing.T) {
	w := newWorld(t)
	got := w.batch(userByID+"\n"+`{"kind":"client","id":"x"}`, bearer(keyOfOperator)).lines(t)
	if got[0].Status != 201 || got[1].Status != 403 || got[1].Problem.Type != api.ProblemForbidden {
		t.Errorf("results = %+v, want 201 and 403", got)
	}
	w.batch(userByID, bearer(keyOfViewer)).wantProblem(t, http.StatusForbidden, api.ProblemForbidden, "")
}

func TestBatchRefused(t *testing.T) {
	w := newWorld(t)
	w.batch("\n \n").wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, "")
	w.batch(strings.Repeat(userByID+"\n", 10_001)).wantProblem(t, http.StatusRequestEntityTooLarge, api.ProblemTooLarge, "")
	large := &countingReader{r: strings.NewReader(strings.Repeat("x", 20<<20))}
	w.postReader(large, header("Content-Type", "application/x-ndjson")).
		wantProblem(t, http.StatusRequestEntityTooLarge, api.ProblemTooLarge, "")
	if large.n > 9<<20 {
		t.Errorf("%d bytes were read", large.n)
	}
	broken := io.MultiReader(strings.NewReader(userByID+"\n"), failingReader{})
	w.postReader(broken, header("Content-Type", "application/x-ndjson")).wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, "")
	w.batch(userByID, header("Idempotency-Key", "a b")).wantProblem(t, http.StatusBadRequest, api.ProblemMalformed, "Idempotency-Key")
	w.fake.quiet(t)
}

// 10,000 lines are carried out.
func TestLongestBatch(t *testing.T) {
	w := newWorld(t)
	var body bytes.Buffer
	for i := range 10_000 {
		fmt.Fprintf(&body, `{"kind":"user","id":"sub-%d"}`+"\n", i)
	}
	got := w.batch(body.String()).lines(t)
	for i, l := range got {
		if l.Line != i+1 || l.Revocation == nil || l.Revocation.Target != fmt.Sprint("sub-", i) {
			t.Fatalf("result %d = %+v", i, l)
		}
	}
	if len(got) != 10_000 {
		t.Errorf("%d results, want 10,000", len(got))
	}
}

// slowRevoker finishes revocations when it is told to.
type slowRevoker struct {
	fakeRevoker
	release chan struct{}
	most    atomic.Int64 // under way at once
	now     atomic.Int64
	begun   atomic.Int64
}

func (s *slowRevoker) Revoke(ctx context.Context, req publisher.Request) (publisher.Status, error) {
	n := s.now.Add(1)
	defer s.now.Add(-1)
	s.begun.Add(1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	<-s.release
	if req.Target.ID == "panics" {
		panic("a bug")
	}
	return s.fakeRevoker.Revoke(ctx, req)
}

func newSlowServer(t *testing.T) (*slowRevoker, *httptest.Server) {
	t.Helper()
	slow := &slowRevoker{release: make(chan struct{})}
	h, err := api.NewAdmin(api.AdminConfig{
		Common: api.Common{Revoker: slow, Tokens: fakeTokens{}, Audit: &fakeAudit{}}, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: &fakeFleet{}, Doctor: &fakeFleet{}, Feed: &fakeFleet{}, Keys: keys, Pools: []string{pool},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return slow, srv
}

func sendBatch(ctx context.Context, t *testing.T, url, body, key string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/revocations", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/x-ndjson")
	return http.DefaultClient.Do(r)
}

// waitFor waits for a condition.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
	}
}

// Results are sent as they are there, many lines are under way at once, and a
// bug takes its own line only.
func TestBatchStreams(t *testing.T) {
	slow, srv := newSlowServer(t)
	body := `{"kind":"user","id":"first"}` + "\n" + `{"kind":"user","id":"panics"}` + strings.Repeat("\n"+userByID, 998)
	resp, err := sendBatch(t.Context(), t, srv.URL, body, key)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	waitFor(t, "256 lines under way", func() bool { return slow.now.Load() >= 256 })
	slow.release <- struct{}{} // any one of them
	in := bufio.NewReader(resp.Body)
	go func() { // ends when the batch has
		for range 999 {
			slow.release <- struct{}{}
		}
	}()
	for i := range 1000 {
		text, err := in.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var l lineResult
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatal(err)
		}
		want := 201
		if i == 1 {
			want = 500
		}
		if l.Line != i+1 || l.Status != want {
			t.Errorf("result %d = %+v, want status %d", i, l, want)
		}
	}
	if most := slow.most.Load(); most > 258 {
		t.Errorf("%d lines were under way at once, want about 256", most)
	}
}

// Who goes away stops what was not begun, and nothing else.
func TestBatchOfSomebodyWhoGoesAway(t *testing.T) {
	slow, srv := newSlowServer(t)
	ctx, goAway := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if resp, err := sendBatch(ctx, t, srv.URL, strings.Repeat(userByID+"\n", 1000), key); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}()
	waitFor(t, "lines under way", func() bool { return slow.now.Load() >= 64 })
	goAway()
	<-gone
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case slow.release <- struct{}{}:
			case <-stop:
				return
			}
		}
	}()
	srv.Close() // returns when what was begun has ended
	close(stop)
	slow.mu.Lock()
	defer slow.mu.Unlock()
	if n := len(slow.requests); n != int(slow.begun.Load()) || n > 900 {
		t.Errorf("%d revocations of %d that were begun, want all of these, and far from 1000", n, slow.begun.Load())
	}
	if slow.ctxErr != nil {
		t.Errorf("a line that was begun was canceled: %v", slow.ctxErr)
	}
}

// Batches are few at a time, for each is in memory; and no caller has all of
// them, however slowly it sends or reads.
func TestBatchesAreBounded(t *testing.T) {
	slow, srv := newSlowServer(t)
	status := func(key string) (int, string) {
		t.Helper()
		resp, err := sendBatch(t.Context(), t, srv.URL, userByID, key)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Retry-After")
	}
	var clients sync.WaitGroup
	begin := func(key string, n int64) {
		t.Helper()
		clients.Go(func() {
			if resp, err := sendBatch(t.Context(), t, srv.URL, userByID, key); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
		waitFor(t, fmt.Sprint(n, " batches"), func() bool { return slow.now.Load() == n })
	}
	for n := range int64(3) {
		begin(key, n+1)
	}
	if code, again := status(key); code != http.StatusTooManyRequests || again == "" {
		t.Errorf("the fourth batch of one caller: %d with Retry-After %q, want 429 with one", code, again)
	}
	begin(keyOfOperator, 4)
	if code, again := status(keyOfOperator); code != http.StatusTooManyRequests || again == "" {
		t.Errorf("the fifth batch: %d with Retry-After %q, want 429 with one", code, again)
	}
	close(slow.release)
	clients.Wait()
	for _, key := range []string{key, keyOfOperator} {
		waitFor(t, "room for a batch", func() bool { code, _ := status(key); return code == http.StatusOK })
	}
}
