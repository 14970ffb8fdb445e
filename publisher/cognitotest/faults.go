package cognitotest

import (
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
	// AfterEffect carries the call out before it fails: the caller can't
	// know that it worked.
	AfterEffect bool
	// Latency is waited before anything else happens, in real time. The
	// request's end and [Server.Close] cut it short.
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
	failure, failing := s.faults.take(e.name)
	if failing {
		s.wait(r, failure.Latency)
		if failure.answers() {
			s.fail(w, r, e, failure, next)
			return
		}
	}
	if !s.quotas.allow(e.category, s.clock.now()) {
		e.refuse(w, errTooManyRequests)
		return
	}
	next(w, r)
}

// answers reports whether the failure takes the place of the answer.
func (f Failure) answers() bool { return f.Code != "" || f.Body != "" || f.Drop }

func (s *Server) fail(w http.ResponseWriter, r *http.Request, e endpoint, f Failure, next http.HandlerFunc) {
	if f.AfterEffect {
		next(discarded{}, r)
	}
	refusal := &Error{Code: f.Code, Message: f.Message, Status: f.Status}
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	case f.Body != "":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(refusal.status())
		_, _ = w.Write([]byte(f.Body))
	default:
		e.refuse(w, refusal)
	}
}

// wait returns after d, or earlier if the request or the server ends.
func (s *Server) wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.done:
	}
}

// discarded is a response that nobody gets.
type discarded struct{}

func (discarded) Header() http.Header         { return http.Header{} }
func (discarded) Write(b []byte) (int, error) { return len(b), nil }
func (discarded) WriteHeader(int)             {}
