package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Accepting stores the operator's word; everything else changes nothing.
func TestEpochAccept(t *testing.T) {
	srv := natsdev.Run(t)
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	names, err := stream.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"NATS_URL": srv.URL()}
	epoch := func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, errOut strings.Builder
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errOut, getenv: func(k string) string { return env[k] }}
		code = run(append([]string{"epoch", "accept"}, args...), a)
		return code, out.String(), errOut.String()
	}
	if code, _, stderr := epoch(); code != exitFailure || !strings.Contains(stderr, "stream not found") {
		t.Errorf("without a stream: %d, %q", code, stderr)
	}
	info, err := stream.Provision(t.Context(), js, stream.Settings{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	stored := func() *jetstream.RawStreamMsg {
		s, err := js.Stream(t.Context(), names.Events())
		if err != nil {
			t.Fatal(err)
		}
		msg, err := s.GetLastMsgForSubject(t.Context(), names.Beat())
		if err != nil {
			return nil
		}
		return msg
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		out  string // in either output
	}{
		{"only shown", nil, exitOK, "Nothing was changed"},
		{"another epoch", []string{"OTHER"}, exitFailure, "not OTHER: nothing was changed"},
		{"two epochs", []string{"A", "B"}, exitUsage, "one epoch at most"},
		{"bad prefix", []string{"--prefix", "a.b"}, exitUsage, "prefix"},
	} {
		code, stdout, stderr := epoch(c.args...)
		if code != c.code || !strings.Contains(stdout+stderr, c.out) {
			t.Errorf("%s: %d, %q, %q", c.name, code, stdout, stderr)
		}
		if stored() != nil {
			t.Errorf("%s: something was stored", c.name)
		}
	}
	if code, stdout, stderr := epoch(info.Epoch); code != exitOK || !strings.Contains(stdout, info.Epoch) || !strings.Contains(stderr, "Accepted") {
		t.Errorf("accept: %d, %q, %q", code, stdout, stderr)
	}
	msg := stored()
	if msg == nil {
		t.Fatal("nothing was stored")
	}
	m, err := revocation.Decode(msg.Data)
	if err != nil || m.Beat == nil || m.Beat.Accepted.Epoch != info.Epoch || m.Beat.Accepted.At.IsZero() || m.Beat.Epoch != "" {
		t.Errorf("stored %+v, %v, want an acceptance that is no sign of life", m, err)
	}
	env = map[string]string{}
	if code, _, stderr := epoch("--yes"); code != exitUsage || !strings.Contains(stderr, "NATS_URL") {
		t.Errorf("without NATS_URL: %d, %q", code, stderr)
	}
}
