package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/seed-4e8dee1b/revoked/internal/client"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const key = "secret-key"

// dial returns a client of a server that answers with h.
func dial(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return newClient(t, client.Config{URL: server.URL})
}

func newClient(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	cfg.APIKey = key
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNew(t *testing.T) {
	tests := []struct {
		name string
		cfg  client.Config
		want error
	}{
		{"loopback", client.Config{URL: "http://127.0.0.1:8081", APIKey: key}, nil},
		{"all of loopback", client.Config{URL: "http://127.9.9.9", APIKey: key}, nil},
		{"loopback of IPv6", client.Config{URL: "http://[::1]:8081/", APIKey: key}, nil},
		{"loopback as IPv4 in IPv6", client.Config{URL: "http://[::ffff:127.0.0.1]:8081/", APIKey: key}, nil},
		{"localhost", client.Config{URL: "http://LocalHost:8081", APIKey: key}, nil},
		{"https", client.Config{URL: "https://revoked.example/base", APIKey: key}, nil},
		{"plain http elsewhere", client.Config{URL: "http://revoked.example", APIKey: key}, client.ErrPlainHTTP},
		{"plain http to all interfaces", client.Config{URL: "http://0.0.0.0:8081", APIKey: key}, client.ErrPlainHTTP},
		{"name that begins like loopback", client.Config{URL: "http://127.0.0.1.example", APIKey: key}, client.ErrPlainHTTP},
		{"name that begins like localhost", client.Config{URL: "http://localhost.example", APIKey: key}, client.ErrPlainHTTP},
		{"plain http, told so", client.Config{URL: "http://revoked.example", APIKey: key, InsecureHTTP: true}, nil},
		{"no address", client.Config{APIKey: key}, client.ErrURL},
		{"no scheme", client.Config{URL: "127.0.0.1:8081", APIKey: key}, client.ErrURL},
		{"other scheme", client.Config{URL: "nats://127.0.0.1:4222", APIKey: key}, client.ErrURL},
		{"no host", client.Config{URL: "https://:8081", APIKey: key}, client.ErrURL},
		{"credentials", client.Config{URL: "https://u:secret@h", APIKey: key}, client.ErrURL},
		{"query", client.Config{URL: "https://h?secret", APIKey: key}, client.ErrURL},
		{"empty query", client.Config{URL: "https://h?", APIKey: key}, client.ErrURL},
		{"fragment", client.Config{URL: "https://h#secret", APIKey: key}, client.ErrURL},
		{"no key", client.Config{URL: "https://h"}, client.ErrAPIKey},
		{"key with a line break", client.Config{URL: "https://h", APIKey: "secret\nX: y"}, client.ErrAPIKey},
		{"key with a space", client.Config{URL: "https://h", APIKey: "secret key"}, client.ErrAPIKey},
		{"key beyond ASCII", client.Config{URL: "https://h", APIKey: "sécret"}, client.ErrAPIKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client.New(tt.cfg)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("New(%+v) = %v, want %v", tt.cfg, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("New repeats a secret: %v", err)
			}
		})
	}
}

func TestRequestCarriesKeyAndBase(t *testing.T) {
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"revocations":[]}`)
	}))
	defer server.Close()
	c := newClient(t, client.Config{URL: server.URL + "/base/", UserAgent: "test/1"})
	if _, err := c.List(t.Context(), client.Query{}); err != nil {
		t.Fatal(err)
	}
	type request struct{ URI, Authorization, UserAgent string }
	want := request{"/base/v1/revocations", "Bearer " + key, "test/1"}
	if diff := cmp.Diff(want, request{got.RequestURI, got.Header.Get("Authorization"), got.UserAgent()}); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestRevokeReadsTheAnswer(t *testing.T) {
	const body = `{"id":"x","denied":{"sequence":7},"cutoff":1795507201,"unknown":[1]}`
	for _, status := range []int{200, 201, 202} {
		c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
		got, err := c.Revoke(t.Context(), client.Request{Kind: "user", ID: "s"})
		if err != nil {
			t.Fatalf("status %d: %v", status, err)
		}
		if got.Waiting != (status == 202) || got.Denied.Sequence != 7 || string(got.Raw) != body ||
			got.Cutoff.String() != "2026-11-24T08:00:01Z" {
			t.Errorf("status %d: Revoke = %+v", status, got)
		}
	}
}

// A redirect must lead neither the key nor a token anywhere.
func TestRedirectIsNotFollowed(t *testing.T) {
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := dial(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, status)
		})
		_, err := c.Revoke(t.Context(), client.Request{Kind: "token", Token: "a.b.c"})
		problem, ok := errors.AsType[*client.ProblemError](err)
		if !ok || problem.Status != status || problem.Location != other.URL {
			t.Errorf("redirect %d: error %v, want a ProblemError with the location", status, err)
		}
		if _, err := c.List(t.Context(), client.Query{}); err == nil {
			t.Errorf("redirect %d of List: no error", status)
		}
	}
	if elsewhere != 0 {
		t.Errorf("the other server got %d requests, want 0", elsewhere)
	}
}

func TestUnansweredSaysWhetherSent(t *testing.T) {
	t.Run("connection refused", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		checkUnanswered(t, newClient(t, client.Config{URL: server.URL}), false)
	})
	t.Run("certificate not trusted", func(t *testing.T) {
		server := httptest.NewUnstartedServer(nil)
		server.Config.ErrorLog = nil
		server.StartTLS()
		defer server.Close()
		checkUnanswered(t, newClient(t, client.Config{URL: server.URL}), false)
	})
	t.Run("connection cut", func(t *testing.T) {
		checkUnanswered(t, dial(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), true)
	})
	t.Run("context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := dial(t, func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		_, err := c.Revoke(ctx, client.Request{Kind: "user", ID: "s"})
		unanswered, ok := errors.AsType[*client.UnansweredError](err)
		if !ok || !unanswered.Sent || !errors.Is(err, context.Canceled) {
			t.Errorf("Revoke = %v, want an UnansweredError, sent, that wraps Canceled", err)
		}
	})
}

func checkUnanswered(t *testing.T, c *client.Client, sent bool) {
	t.Helper()
	_, err := c.Revoke(t.Context(), client.Request{Kind: "token", Token: "the.secret.token"})
	unanswered, ok := errors.AsType[*client.UnansweredError](err)
	if !ok || unanswered.Sent != sent {
		t.Errorf("Revoke = %v, want an UnansweredError with Sent %v", err, sent)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error repeats a secret: %v", err)
	}
}

func TestUnreadableAnswers(t *testing.T) {
	tests := []struct {
		name, contentType, body string
	}{
		{"no type", "", `{"id":"x"}`},
		{"html", "text/html", "<html>"},
		{"not JSON", "application/json", "{"},
		{"other JSON", "application/json", `[]`},
		{"no id", "application/json", `{}`},
		{"odd time", "application/json", `{"id":"x","cutoff":"yesterday"}`},
		{"two values", "application/json", `{"id":"x"}{"id":"y"}`},
		{"endless", "application/json", `"` + strings.Repeat("x", 8<<20)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = nil
				if tt.contentType != "" {
					w.Header().Set("Content-Type", tt.contentType)
				}
				w.Header().Set("Location", "/v1/revocations/x")
				w.WriteHeader(http.StatusCreated)
				io.WriteString(w, tt.body)
			})
			_, err := c.Revoke(t.Context(), client.Request{Kind: "user", ID: "s"})
			unreadable, ok := errors.AsType[*client.UnreadableError](err)
			if !ok || unreadable.Status != 201 || unreadable.Location != "/v1/revocations/x" {
				t.Errorf("Revoke = %v, want an UnreadableError with status and location", err)
			}
			if len(err.Error()) > 500 {
				t.Errorf("the error is %d bytes long", len(err.Error()))
			}
		})
	}
}

func TestListNeedsAList(t *testing.T) {
	c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"acts":[]}`)
	})
	list, err := c.List(t.Context(), client.Query{Limit: 1})
	if _, ok := errors.AsType[*client.UnreadableError](err); !ok {
		t.Errorf("List of an answer without one = %v, %v, want an UnreadableError", list, err)
	}
	if rev, err := c.Get(t.Context(), revocation.NewActID()); err == nil {
		t.Errorf("Get of an answer without id = %+v, want an error", rev)
	}
}

// The command is installed on the machines of people: it is small and has no
// way to the stream or to Cognito but the service.
func TestLinksNeitherStreamNorCognito(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		for _, bad := range []string{"github.com/nats-io", "github.com/aws", "github.com/lestrrat-go", "/revoked/publisher", "/revoked/subscriber"} {
			if strings.Contains(dep, bad) {
				t.Errorf("links %s", strings.TrimSpace(dep))
			}
		}
	}
}

// What arrived of a batch is told, also if the rest does not arrive.
func TestRevokeAllThatBreaksOff(t *testing.T) {
	const line = `{"line":1,"status":201,"revocation":{"id":"000102030405060708090a0b0c0d0e0f"}}` + "\n"
	for name, answer := range map[string]string{
		"cut":        line + `{"line":2,"sta`,
		"no JSON":    line + "oops\n",
		"no result":  line + `{"line":2,"status":201}` + "\n",
		"both":       line + `{"line":2,"status":201,"revocation":{},"problem":{}}` + "\n",
		"endless":    line + strings.Repeat("x", 1<<20),
		"no line":    line + `{"status":201,"revocation":{}}` + "\n",
		"other type": "",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/x-ndjson")
				if answer == "" {
					w.Header().Set("Content-Type", "application/json")
				}
				if r.Header.Get("Content-Type") != "application/x-ndjson" || r.Header.Get("Idempotency-Key") != "k" {
					t.Errorf("headers %v", r.Header)
				}
				io.WriteString(w, answer)
			})
			var got []client.LineResult
			err := c.RevokeAll(t.Context(), []byte("{}\n{}\n"), "k", func(r client.LineResult) error {
				got = append(got, r)
				return nil
			})
			if _, ok := errors.AsType[*client.UnreadableError](err); !ok {
				t.Errorf("error = %v, want an UnreadableError", err)
			}
			if want := min(1, len(answer)); len(got) != want {
				t.Errorf("results %+v, want %d", got, want)
			}
		})
	}
}
