package cognitotest

import "sync"

// counters counts what clients asked for, answered or not.
type counters struct {
	mu       sync.Mutex
	calls    map[string]int // by operation
	requests map[string]int // by path
}

// Calls returns how often an operation was called: an API operation such as
// "RevokeToken", or an OAuth path such as "/oauth2/revoke". Calls that were
// throttled or made to fail count.
func (s *Server) Calls(op string) int {
	s.counters.mu.Lock()
	defer s.counters.mu.Unlock()
	return s.counters.calls[op]
}

// Requests returns how many HTTP requests came for a path, such as
// "/eu-west-1_AbCdEf123/.well-known/jwks.json".
func (s *Server) Requests(path string) int {
	s.counters.mu.Lock()
	defer s.counters.mu.Unlock()
	return s.counters.requests[path]
}

func (c *counters) called(op string)      { c.add(&c.calls, op) }
func (c *counters) requested(path string) { c.add(&c.requests, path) }

func (c *counters) add(counts *map[string]int, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *counts == nil {
		*counts = map[string]int{}
	}
	(*counts)[key]++
}
