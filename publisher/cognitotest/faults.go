package cognitotest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Failure says how calls of one operation go wrong. With none of Code, Body
// and Drop the call is only delayed by Latency and then answered normally.
type Failure struct {
	// Code is the error code to answer, such as "InternalErrorException", or
	// for an OAuth path such as "server_error".
	Code string
	// Message goes with Code.
	Message string
	// Status is the HTTP status. Zero means 500 for InternalErrorException,
	// else 400.
	Status int
	// Body replaces the error document, as a proxy or firewall in front of
	// Cognito would. It is sent as text/html.
	Body string
	// Drop cuts the connection instead of answering.
	Drop bool
	// AfterEffect carries the call out before Latency and failure: the caller
	// can't know that it worked.
	AfterEffect bool
	// Latency is waited in real time. If the caller gives up or the server is
	// closed meanwhile, what comes after it does not happen.
	Latency time.Duration
	// Count is how many calls fail. Zero means all until [Server.Heal].
	Count int
}

// faults holds the failures to come, by operation.
type faults struct {
	mu     sync.Mutex
	queued map[string][]*Failure
}

// Fail makes calls of an operation fail: an API operation such as
// "RevokeToken", or an OAuth path such as "/oauth2/token". Failures of one
// operation queue up: the next begins when the Count of the one before is
// used up.
func (s *Server) Fail(op string, failure Failure) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if s.faults.queued == nil {
		s.faults.queued = map[string][]*Failure{}
	}
	s.faults.queued[op] = append(s.faults.queued[op], &failure)
}

// Heal removes all failures of an operation.
func (s *Server) Heal(op string) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	delete(s.faults.queued, op)
}

// take returns the failure of the call that has just come, if any.
func (f *faults) take(op string) (Failure, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.queued[op]
	if len(queue) == 0 {
		return Failure{}, false
	}
	first := queue[0]
	if first.Count == 1 {
		f.queued[op] = queue[1:]
	} else if first.Count > 1 {
		first.Count--
	}
	return *first, true
}

// endpoint is one operation as clients see it from outside.
type endpoint struct {
	name     string
	category Category
	refuse   func(http.ResponseWriter, *Error) // answers an error in the endpoint's own format
}

// guard counts the call, makes it fail if that was asked for, throttles it,
// and otherwise lets next answer.
func (s *Server) guard(w http.ResponseWriter, r *http.Request, e endpoint, next http.HandlerFunc) {
	s.counters.called(e.name)
	limited := func(w http.ResponseWriter, r *http.Request) {
		if s.quotas.allow(e.category, s.clock.now()) {
			next(w, r)
		} else {
			e.refuse(w, errTooManyRequests)
		}
	}
	if failure, failing := s.faults.take(e.name); failing {
		s.disturb(w, r, failure, e.refuse, limited)
	} else {
		limited(w, r)
	}
}

// disturb answers a call as the failure says.
func (s *Server) disturb(w http.ResponseWriter, r *http.Request, f Failure, refuse func(http.ResponseWriter, *Error), next http.HandlerFunc) {
	bufferBody(r)
	if f.AfterEffect {
		early := &recorded{header: w.Header().Clone(), status: http.StatusOK}
		next(early, r)
		next = early.replay
	}
	if !s.wait(r, f.Latency) || f.Drop {
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	}
	refusal := &Error{Code: f.Code, Message: f.Message, Status: f.Status}
	switch {
	case f.Body != "":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(refusal.status())
		_, _ = io.WriteString(w, f.Body)
	case f.Code != "":
		refuse(w, refusal)
	default:
		next(w, r)
	}
}

// bufferBody reads the body ahead: net/http notices that a client has gone
// only once the body is read.
func bufferBody(r *http.Request) {
	read, _ := io.ReadAll(io.LimitReader(r.Body, maxBody+1)) // the handler meets the error, if any, again
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(read), r.Body), r.Body}
}

// wait returns true after d, or false if the request or the server ends
// first.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

// recorded keeps an answer to send it later, or never.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorded) WriteHeader(status int)      { r.status = status }

func (r *recorded) replay(w http.ResponseWriter, _ *http.Request) {
	maps.Copy(w.Header(), r.header)
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes())
}
