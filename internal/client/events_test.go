package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

// answering is a service that answers everything with one body.
type answering struct{ contentType, body string }

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {a.contentType}},
		Body: io.NopCloser(bytes.NewBufferString(a.body)),
	}, nil
}

// FuzzEvents reads any stream of events. It ends, with an error that says why,
// and every event before is whole.
func FuzzEvents(f *testing.F) {
	for _, seed := range []string{
		"id: a.1\nevent: hello\ndata: {\"event\":\"hello\",\"time\":\"2026-11-25T10:00:00Z\"}\n\n: heartbeat\n\n",
		"data: {\"event\":\"end\",\"reason\":\"slow\"}\n\ndata: {\"event\":\"act\"}\n\n",
		"data: {\"event\":\"receipt\",\"receipt\":null}\r\n\r\n", "data: {}\n", "data: {\"event\":1}\n", "data: [", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c, err := New(Config{URL: "http://127.0.0.1:1", APIKey: "k", Transport: answering{typeEvents, body}})
		if err != nil {
			t.Fatal(err)
		}
		ended := false
		err = c.Events(t.Context(), time.Minute, func(ev Event) error {
			if ev.Name == "" || !json.Valid(ev.Raw) || bytes.ContainsAny(ev.Raw, "\n") {
				t.Errorf("event %+v of %q", ev, ev.Raw)
			}
			if ended {
				t.Error("an event after the end")
			}
			ended = ev.Name == "end"
			return nil
		})
		_, unreadable := errors.AsType[*UnreadableError](err)
		if err == nil || !unreadable && !errors.Is(err, ErrEventsEnded) {
			t.Errorf("the stream ends with %v", err)
		}
	})
}
