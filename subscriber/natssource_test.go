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

// A message that has removed others says so; a schedule removes the one before
// it, which is as it should be on the subject of ours only.
func TestLiveEventThatRollsUp(t *testing.T) {
	names, err := stream.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	s := &natsSource{names: names}
	for _, tc := range []struct {
		subject, header string
		want            bool
	}{
		{names.Event(), "", false},
		{names.Event(), "sub", true},
		{names.Event(), "all", true},
		{names.Beat(), "sub", true},
		{names.Schedule(), "sub", false},
		{names.Schedule(), "all", true},
	} {
		msg := nats.NewMsg("revoked.live.schedule") // where it came does not count
		msg.Header = nats.Header{
			"Nats-Stream": {names.Events()}, "Nats-Sequence": {"7"}, "Nats-Time-Stamp": {"2026-11-23T10:00:00.5Z"},
			"Nats-Subject": {tc.subject},
		}
		if tc.header != "" {
			msg.Header.Set("Nats-Rollup", tc.header)
		}
		if ev, reason := s.liveEvent(msg); ev.rollsUp != tc.want || reason != "" {
			t.Errorf("%s with Nats-Rollup %q: rolls up %v (%q), want %v", tc.subject, tc.header, ev.rollsUp, reason, tc.want)
		}
	}
}

// Whatever the headers are, an event has a sequence, or there is a reason why it
// does not count.
func FuzzLiveEvent(f *testing.F) {
	names, err := stream.NewNames("")
	if err != nil {
		f.Fatal(err)
	}
	s := &natsSource{names: names}
	f.Add(names.Events(), "7", "2026-11-23T10:00:00.5Z", "1h0m0s", "", "", []byte("x"))
	f.Add(names.Events(), "18446744073709551615", "0000-01-01T00:00:00Z", "-1", "sub", "100", []byte{})
	f.Add("OTHER", "-1", "9999-12-31T23:59:59.999999999-23:59", "9223372036", "all", "", []byte("y"))
	f.Fuzz(func(t *testing.T, streamName, sequence, at, ttl, rollup, status string, payload []byte) {
		msg := &nats.Msg{Subject: names.LiveTick(), Data: payload, Header: nats.Header{
			"Nats-Stream": {streamName}, "Nats-Sequence": {sequence}, "Nats-Time-Stamp": {at}, "Nats-TTL": {ttl},
			"Nats-Rollup": {rollup}, "Status": {status},
		}}
		ev, reason := s.liveEvent(msg)
		if reason == "" && ev.sequence == 0 {
			t.Errorf("liveEvent(%v) = %+v without a reason", msg.Header, ev)
		}
		if !ev.expires.IsZero() && ev.expires.Before(ev.at) {
			t.Errorf("stored at %v, it ends at %v before", ev.at, ev.expires)
		}
		if rollup != "" && reason == "" && !ev.rollsUp {
			t.Errorf("Nats-Rollup %q passes unnoticed", rollup)
		}
	})
}
