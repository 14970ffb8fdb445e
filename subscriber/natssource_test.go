package subscriber

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// What RePublish did not write with our stream's name, a sequence and a time
// is not an event.
func TestLiveEvent(t *testing.T) {
	names, err := stream.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	s := &natsSource{names: names}
	good := map[string]string{
		"Nats-Stream": names.Events(), "Nats-Sequence": "7", "Nats-Time-Stamp": "2026-11-23T10:00:00.5Z",
	}
	for _, tc := range []struct {
		name, header, value, want string
	}{
		{"republished", "Other", "x", ""},
		{"another stream", "Nats-Stream", "OTHER_EVENTS", "foreign_stream"},
		{"no stream", "Nats-Stream", "", "foreign_stream"},
		{"sequence zero", "Nats-Sequence", "0", "no_sequence"},
		{"no sequence", "Nats-Sequence", "", "no_sequence"},
		{"bad time", "Nats-Time-Stamp", "yesterday", "no_time_stamp"},
		{"a status", "Status", "100", "status"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			msg := nats.NewMsg(names.LiveTick())
			for k, v := range good {
				msg.Header.Set(k, v)
			}
			msg.Header.Set(tc.header, tc.value)
			ev, reason := s.liveEvent(msg)
			if reason != tc.want || (reason == "") != (ev.sequence == 7 && ev.tick && !ev.at.IsZero()) {
				t.Errorf("liveEvent = %+v, %q, want reason %q", ev, reason, tc.want)
			}
		})
	}
}
