package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Config says where the service is and who is asking.
type Config struct {
	// URL is the base of the administration API, such as
	// "http://127.0.0.1:8081". It may have a path, below which the API is
	// found. It must not contain credentials.
	URL string
	// APIKey is sent as a bearer token. Required.
	APIKey string
	// InsecureHTTP lets the API key travel unencrypted to hosts other than
	// loopback, where everybody on the way can read it.
	InsecureHTTP bool
	// UserAgent names the program to the service; empty means Go's default.
	UserAgent string
	// Transport carries the requests; nil means one connection per request,
	// with the proxies of the environment.
	Transport http.RoundTripper
}

// Errors of [New]. The text of the error that wraps them repeats neither the
// key nor the address: either may be a secret that was pasted in the wrong
// place.
var (
	ErrURL = errors.New("client: unusable address of the service")
	// ErrPlainHTTP: the API key would travel unencrypted to another host; see
	// [Config.InsecureHTTP].
	ErrPlainHTTP = errors.New("client: plain HTTP to a host other than loopback")
	ErrAPIKey    = errors.New("client: unusable API key")
)

// Client asks one service. It needs no closing.
type Client struct {
	base      *url.URL // immutable
	key       string
	userAgent string
	http      *http.Client
}

// New checks the configuration. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.URL)
	if err != nil {
		return nil, err
	}
	if base.Scheme == "http" && !cfg.InsecureHTTP && !loopback(base.Hostname()) {
		return nil, ErrPlainHTTP
	}
	if !visible(cfg.APIKey) {
		return nil, fmt.Errorf("%w: it is empty, or contains a space, a line break or a character beyond ASCII", ErrAPIKey)
	}
	transport := cfg.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.DisableKeepAlives = true
		own.MaxResponseHeaderBytes = 64 << 10
		transport = own
	}
	return &Client{
		base:      base,
		key:       cfg.APIKey,
		userAgent: cfg.UserAgent,
		http: &http.Client{
			Transport: transport,
			// A redirect could lead the key, or a token, to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		// The error of package url repeats its input.
		return nil, fmt.Errorf("%w: it is not a URL", ErrURL)
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, fmt.Errorf("%w: it must begin with https:// or http:// and a host", ErrURL)
	case u.User != nil:
		return nil, fmt.Errorf("%w: it contains credentials, which belong in the API key", ErrURL)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("%w: it has a query or a fragment", ErrURL)
	}
	return u, nil
}

// loopback reports whether host is this machine without asking a resolver:
// what a name means elsewhere may change between the question and the use.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true // RFC 6761, section 6.3
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// visible reports whether s can be sent as a bearer token: RFC 6750, section
// 2.1 allows no spaces or control characters.
func visible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func (c *Client) endpoint(elements ...string) *url.URL {
	return c.base.JoinPath(append([]string{"v1"}, elements...)...)
}
