package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store whose server can be away.
type memory struct {
	mu      sync.Mutex // guards the fields below
	away    bool
	ids     map[string]bool
	entries []audit.Stored
}

func (m *memory) Append(_ context.Context, id string, entry []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errors.New("no server")
	}
	if m.ids == nil {
		m.ids = make(map[string]bool)
	}
	if !m.ids[id] {
		m.ids[id] = true
		m.entries = append(m.entries, audit.Stored{Sequence: uint64(len(m.entries) + 1), Entry: entry})
	}
	return nil
}

func (m *memory) Read(_ context.Context, upTo uint64, n int) ([]audit.Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := len(m.entries)
	if upTo > 0 {
		end = min(end, int(upTo))
	}
	return append([]audit.Stored(nil), m.entries[max(0, end-n):end]...), nil
}

func (m *memory) set(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

func (m *memory) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

func newLog(t *testing.T, s audit.Store, out *bytes.Buffer) *audit.Log {
	t.Helper()
	log := zerolog.Nop()
	if out != nil {
		log = zerolog.New(zerolog.SyncWriter(out))
	}
	l, err := audit.New(audit.Config{Store: s, Replica: "r1", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func entry(op string) audit.Entry {
	return audit.Entry{Actor: "alice", Operation: op, Outcome: audit.Accepted}
}

// What weakens protection is not done unless it is on record.
func TestRecordFailsWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{away: true}
		l := newLog(t, m, nil)
		if err := l.Record(t.Context(), entry("lift")); !errors.Is(err, audit.ErrNotStored) {
			t.Errorf("Record = %v, want ErrNotStored", err)
		}
		time.AfterFunc(5*time.Second, func() { m.set(false) })
		if err := l.Record(t.Context(), entry("lift")); err != nil || m.size() != 1 {
			t.Errorf("Record = %v, %d stored, want one", err, m.size())
		}
	})
}

// What adds protection never waits for the audit, and is on record later.
func TestNoteIsStoredInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{away: true}
		l := newLog(t, m, nil)
		began := time.Now()
		if l.Note(entry("revoke")) {
			t.Error("Note says stored while the store is away")
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("Note took %v", took)
		}
		if s := l.Stats(); s.Pending != 1 || s.Lost != 0 {
			t.Errorf("stats %+v, want one pending", s)
		}
		m.set(false)
		time.Sleep(time.Second)
		if s := l.Stats(); s != (audit.Stats{Stored: 1}) || m.size() != 1 {
			t.Errorf("stats %+v, %d stored", s, m.size())
		}
		if !l.Note(entry("revoke")) {
			t.Error("Note does not say stored")
		}
	})
}

// No entry is lost without a trace: not for want of room, not at the end.
func TestLostEntriesAreInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{away: true}
		var out bytes.Buffer
		l := newLog(t, m, &out)
		var notes sync.WaitGroup
		for range 10_005 {
			notes.Go(func() { l.Note(entry("revoke")) })
		}
		notes.Wait()
		if s := l.Stats(); s.Pending != 10_000 || s.Lost != 5 {
			t.Errorf("stats %+v, want 10,000 pending and 5 lost", s)
		}
		if err := l.Close(); err == nil {
			t.Error("Close says nothing of what is not stored")
		}
		l.Note(entry("late"))
		if s := l.Stats(); s.Pending != 0 || s.Lost != 10_006 {
			t.Errorf("stats after Close %+v, want all lost", s)
		}
		if got := strings.Count(out.String(), `"operation":"revoke"`); got != 10_005 || !strings.Contains(out.String(), `"operation":"late"`) {
			t.Errorf("%d entries in the log, want 10,005 and the late one", got)
		}
	})
}

func TestCloseStoresWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{away: true}
		l := newLog(t, m, nil)
		l.Note(entry("revoke"))
		time.AfterFunc(2*time.Second, func() { m.set(false) })
		if err := l.Close(); err != nil || m.size() != 1 {
			t.Errorf("Close = %v, %d stored", err, m.size())
		}
		if err := l.Close(); err != nil {
			t.Errorf("second Close = %v", err)
		}
	})
}

func TestReadSelectsAndPages(t *testing.T) {
	m := &memory{}
	l := newLog(t, m, nil)
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1203 {
		e := entry("revoke")
		e.Time = start.Add(time.Duration(i) * time.Minute)
		e.Act = fmt.Sprint(i)
		if i%100 == 0 {
			e.Actor, e.Outcome = "bob", audit.Refused
		}
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	read := func(q audit.Query) []string {
		var acts []string
		for pages := 0; ; pages++ {
			p, err := l.Read(t.Context(), q)
			if err != nil || pages > 1300 {
				t.Fatalf("Read: %v, %d pages", err, pages)
			}
			for _, e := range p.Entries {
				if e.Replica != "r1" || e.ID == "" || fmt.Sprint(e.Sequence-1) != e.Act {
					t.Fatalf("entry %+v", e)
				}
				acts = append(acts, e.Act)
			}
			if q.Before = p.Next; p.Next == 0 {
				return acts
			}
		}
	}
	if got := read(audit.Query{Limit: 7}); len(got) != 1203 || got[0] != "1202" || got[1202] != "0" {
		t.Errorf("all: %d entries", len(got))
	}
	want := []string{"1200", "1100", "1000", "900", "800", "700", "600", "500", "400", "300", "200", "100", "0"}
	for name, q := range map[string]audit.Query{"actor": {Actor: "bob", Limit: 5}, "outcome": {Outcome: audit.Refused, Limit: 50}} {
		if diff := cmp.Diff(want, read(q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := read(audit.Query{Since: start.Add(10 * time.Minute), Until: start.Add(12 * time.Minute), Limit: 50}); cmp.Diff([]string{"11", "10"}, got) != "" {
		t.Errorf("since, until: %v", got)
	}
	if got := read(audit.Query{Act: "7", Limit: 50}); cmp.Diff([]string{"7"}, got) != "" {
		t.Errorf("act: %v", got)
	}
	m.entries[3].Entry = []byte("{")
	if _, err := l.Read(t.Context(), audit.Query{Limit: 2000}); err == nil {
		t.Error("an entry that can't be read was left out")
	}
}

func TestFieldsAreBounded(t *testing.T) {
	m := &memory{}
	l := newLog(t, m, nil)
	e := entry("revoke")
	e.Target, e.Reason = strings.Repeat("x", 511)+"é", strings.Repeat("\x00", 1000)
	if err := l.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	p, err := l.Read(t.Context(), audit.Query{Limit: 1})
	if err != nil || len(p.Entries) != 1 || p.Entries[0].Target != strings.Repeat("x", 511) || len(p.Entries[0].Reason) != 512 {
		t.Errorf("Read = %+v, %v", p, err)
	}
}

func TestNATSStore(t *testing.T) {
	nc, err := nats.Connect(natsdev.Run(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	names, err := stream.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := audit.NewNATSStore(nc, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), 0, 10); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("Read without a stream = %v", err)
	}
	if err := stream.ProvisionOwn(t.Context(), js, stream.Settings{Names: names}); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Read(t.Context(), 0, 10); len(all) != 0 || err != nil {
		t.Errorf("Read of nothing = %v, %v", all, err)
	}
	for i := range 25 {
		for range 2 { // a retry
			if err := s.Append(t.Context(), fmt.Sprint(i), fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		upTo        uint64
		n           int
		first, last uint64
	}{{0, 10, 16, 25}, {15, 10, 6, 15}, {5, 10, 1, 5}, {1, 10, 1, 1}, {99, 100, 1, 25}} {
		all, err := s.Read(t.Context(), tt.upTo, tt.n)
		if err != nil || len(all) != int(tt.last-tt.first+1) || all[0].Sequence != tt.first || all[len(all)-1].Sequence != tt.last {
			t.Errorf("Read(%d, %d) = %v, %v, want %d to %d", tt.upTo, tt.n, all, err, tt.first, tt.last)
		}
	}
}
