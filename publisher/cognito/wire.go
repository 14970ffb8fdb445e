package cognito

import (
	"io"
	"net/http"
	"time"
)

// httpClient is what requests are sent with.
type httpClient interface {
	Do(*http.Request) (*http.Response, error)
}

// watchedClient learns the clock offset from every answer, refusals and
// retried attempts included, and counts them.
type watchedClient struct {
	next httpClient
	pool *Pool
}

// Do sends one attempt.
func (c watchedClient) Do(r *http.Request) (*http.Response, error) {
	c.pool.stats.attempts.Add(1)
	sent := time.Now()
	resp, err := c.next.Do(withPlainBody(r))
	if err != nil || !fromCognito(resp) {
		return resp, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && c.pool.clock.learn(date, sent, time.Now()) {
		offset, _ := c.pool.clock.read()
		c.pool.log.Info().Int64("offset_ms", offset.Milliseconds()).Msg("clock offset changed")
	}
	return resp, nil
}

// fromCognito reports whether the answer has a request id, that of the API or
// that of the OAuth domain: the clock of a proxy or firewall that answers in
// Cognito's place is not Cognito's.
func fromCognito(resp *http.Response) bool {
	return resp.Header.Get("X-Amzn-Requestid") != "" || resp.Header.Get("X-Amz-Cognito-Request-Id") != ""
}

// withPlainBody hides every method of the request's body but Read and Close.
//
// The SDK closes the body as soon as the answer begins. After that, WriteTo of
// its body returns io.EOF where io.WriterTo demands nil, so net/http, if its
// writing goroutine has not yet looked for the end of the body, takes the
// request for broken and cuts the connection under the answer. With an
// endpoint on the same machine that happens every few calls; for a rotating
// client it would lose the new refresh token.
func withPlainBody(r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	plain := *r
	plain.Body = struct{ io.ReadCloser }{r.Body}
	return &plain
}
