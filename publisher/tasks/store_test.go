package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/natsdev"
	"github.com/seed-4e8dee1b/revoked/internal/stream"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const (
	patience = 30 * time.Second
	keyA     = "0101010101010101010101010101010101010101010101010101010101010101"
	keyB     = "0202020202020202020202020202020202020202020202020202020202020202"
	poolID   = "eu-west-1_Test"
	secret   = "eyJjdHkiOiJKV1QifQ.the-refresh-token.a.b.c"
)

// server is a NATS server with the stream of tasks.
type server struct {
	js    jetstream.JetStream
	names stream.Names
	dir   string
}

func newServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	srv, err := natsdev.Start(natsdev.Config{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s := &server{dir: dir}
	if s.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	if s.names, err = stream.NewNames(""); err != nil {
		t.Fatal(err)
	}
	if err := stream.ProvisionOwn(t.Context(), s.js, stream.Settings{Names: s.names}); err != nil {
		t.Fatal(err)
	}
	return s
}

func keys(t *testing.T, text string) tasks.Keys {
	t.Helper()
	k, err := tasks.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *server) open(t *testing.T, replica, sealKeys string, changes ...func(*tasks.Config)) *tasks.Store {
	t.Helper()
	cfg := tasks.Config{
		JetStream: s.js, Replica: replica, Keys: keys(t, sealKeys), Logger: zerolog.New(zerolog.NewTestWriter(t)),
	}
	for _, change := range changes {
		change(&cfg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	store, err := tasks.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// raw returns the message of a task as the stream has it, and how many
// messages there are.
func (s *server) raw(t *testing.T, id revocation.ActID) (*jetstream.RawStreamMsg, uint64) {
	t.Helper()
	str, err := s.js.Stream(t.Context(), s.names.Tasks())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := str.GetLastMsgForSubject(t.Context(), s.names.Task(id.String()))
	if err != nil {
		t.Fatal(err)
	}
	return msg, str.CachedInfo().State.Msgs
}

// fullTask returns a task with a value in every field of every struct.
func fullTask(t *testing.T) publisher.Task {
	t.Helper()
	var task publisher.Task
	n := int64(0)
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				v.Set(reflect.ValueOf(time.Unix(1_800_000_000+n, n).UTC()))
				return
			}
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.String:
			v.SetString("text " + time.Unix(n, 0).UTC().Format("05"))
		case reflect.Int, reflect.Int64:
			v.SetInt(n)
		case reflect.Uint64:
			v.SetUint(uint64(n))
		case reflect.Uint8:
			v.SetUint(uint64(n % 256))
		case reflect.Array:
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Bool:
			v.SetBool(true)
		default:
			t.Fatalf("Task has a field of type %v: say here how to fill it", v.Type())
		}
	}
	for i := range reflect.TypeFor[publisher.Task]().NumField() {
		f := reflect.ValueOf(&task).Elem().Field(i)
		if f.Type() == reflect.TypeFor[publisher.Status]() {
			for j := range f.NumField() {
				if f.Field(j).Type() != reflect.TypeFor[revocation.Act]() {
					fill(f.Field(j))
				}
			}
			continue
		}
		fill(f)
	}
	task.Act = revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen,
		Target: revocation.Target{Kind: revocation.KindUser, Pool: poolID, ID: "sub-1", ExceptSession: "session-1"},
		Basis:  revocation.BasisSession, Cutoff: 1_800_000_000, ExpiresAt: 1_900_000_000,
	}
	task.KeepUntil = 1_900_000_000
	task.Grant.Sealed = false // only a store sets it
	task.Version = 0
	return task
}

// No field of a task is lost, over a restart either. A new field of Task that
// the record does not know fails here.
func TestEveryFieldIsStored(t *testing.T) {
	srv := newServer(t)
	task := fullTask(t)
	want := put(t, srv.open(t, "r1", keyA), task)
	got, err := srv.open(t, "r1", keyA).Get(t.Context(), task.Act.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("task after a restart (-want +got):\n%s", diff)
	}
	task.Version = want.Version
	if diff := cmp.Diff(task, want); diff != "" {
		t.Errorf("Put returns (-given +got):\n%s", diff)
	}
}

// storedTask is one as a publisher would make it.
func storedTask(kind revocation.Kind, id string) publisher.Task {
	t := newTask(-1)
	t.Act = revocation.Act{
		ID: t.Act.ID, State: revocation.StateOpen, ExpiresAt: t.KeepUntil,
		Target: revocation.Target{Kind: kind, Pool: poolID, ID: id},
	}
	if kind.HasCutoff() {
		t.Act.Basis, t.Act.Cutoff = revocation.BasisSession, time.Now().Unix()
	}
	t.Cognito.State = publisher.LegPending
	return t
}

// Neither the stream nor any file below it has the refresh token in the clear,
// and when the task has ended not even sealed.
func TestRefreshTokensAreSealedAndErased(t *testing.T) {
	srv := newServer(t)
	store := srv.open(t, "r1", keyA)
	task := storedTask(revocation.KindSession, "session-1")
	task.Grant = publisher.Grant{ClientID: "client-1", RefreshToken: secret, AccessToken: "access-" + secret}
	task = put(t, store, task)
	first, _ := srv.raw(t, task.Act.ID)
	task = put(t, store, task)
	second, count := srv.raw(t, task.Act.ID)
	if count != 1 {
		t.Errorf("the stream has %d messages of one task, want the newest alone", count)
	}
	grant := func(msg *jetstream.RawStreamMsg) string {
		_, rest, _ := strings.Cut(string(msg.Data), `"tokens":"`)
		sealed, _, _ := strings.Cut(rest, `"`)
		return sealed
	}
	if grant(first) == "" || grant(first) == grant(second) {
		t.Errorf("sealed twice as %q and %q, want fresh nonces", grant(first), grant(second))
	}
	want := time.Until(time.Unix(task.KeepUntil, 0)) + 24*time.Hour
	if ttl, err := time.ParseDuration(second.Header.Get("Nats-TTL")); err != nil || ttl < want || ttl > want+time.Minute {
		t.Errorf("TTL %v, %v; want the act's end and a day, %v", ttl, err, want)
	}
	task.Grant = publisher.Grant{}
	task.Cognito.State = publisher.LegDone
	put(t, store, task)
	last, _ := srv.raw(t, task.Act.ID)
	if strings.Contains(string(last.Data), "grant") {
		t.Errorf("the task has ended and keeps its grant: %s", last.Data)
	}
	err := filepath.WalkDir(srv.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("the-refresh-token")) {
			t.Errorf("%s has the refresh token in the clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeysAreRotated(t *testing.T) {
	srv := newServer(t)
	task := storedTask(revocation.KindSession, "session-1")
	task.Grant = publisher.Grant{ClientID: "client-1", RefreshToken: secret}
	put(t, srv.open(t, "old", keyA), task)

	// A replica without the key neither opens nor destroys what is sealed.
	blind := srv.open(t, "blind", keyB)
	got, err := blind.Get(t.Context(), task.Act.ID)
	if want := (publisher.Grant{ClientID: "client-1", Sealed: true}); err != nil || got.Grant != want {
		t.Fatalf("Grant without the key = %+v, %v; want %+v", got.Grant, err, want)
	}
	got.Cognito.Attempts++
	put(t, blind, got)
	if n := blind.Stats().Sealed; n == 0 {
		t.Error("Stats do not count the sealed task")
	}

	both := srv.open(t, "new", keyB+"\n"+keyA)
	got, err = both.Get(t.Context(), task.Act.ID)
	if err != nil || got.Grant != task.Grant || got.Cognito.Attempts != 1 {
		t.Fatalf("task with both keys = %+v, %v; want the grant %+v", got, err, task.Grant)
	}
	put(t, both, got) // sealed by the new key from here on
	got, err = blind.Get(t.Context(), task.Act.ID)
	if err != nil || got.Grant != task.Grant {
		t.Errorf("Grant after rotation = %+v, %v", got.Grant, err)
	}
}

// What is sealed opens in its own task only.
func TestSealBelongsToItsTask(t *testing.T) {
	srv := newServer(t)
	store := srv.open(t, "r1", keyA)
	victim, other := storedTask(revocation.KindSession, "session-1"), storedTask(revocation.KindSession, "session-1")
	victim.Grant = publisher.Grant{ClientID: "client-1", RefreshToken: secret}
	other.Grant = publisher.Grant{ClientID: "client-1", RefreshToken: "refresh-2"}
	put(t, store, victim, other)
	from, _ := srv.raw(t, victim.Act.ID)
	to, _ := srv.raw(t, other.Act.ID)
	part := func(msg *jetstream.RawStreamMsg) []byte {
		_, rest, _ := bytes.Cut(msg.Data, []byte(`"tokens":`))
		sealed, _, _ := bytes.Cut(rest, []byte("}"))
		return sealed
	}
	forged := bytes.Replace(to.Data, part(to), part(from), 1)
	if bytes.Equal(forged, to.Data) {
		t.Fatal("nothing was replaced")
	}
	if _, err := srv.js.Publish(t.Context(), to.Subject, forged); err != nil {
		t.Fatal(err)
	}
	got, err := store.Get(t.Context(), other.Act.ID)
	if err != nil || !got.Grant.Sealed || got.Grant.RefreshToken != "" {
		t.Errorf("task with the seal of another: grant %+v, %v; want it not opened", got.Grant, err)
	}
}

func TestKeysRefused(t *testing.T) {
	for _, text := range []string{"", " ,\n", keyA[:62], keyA + "00", keyA + "," + keyA, strings.Repeat("zz", 32)} {
		_, err := tasks.ParseKeys(text)
		if err == nil {
			t.Errorf("ParseKeys(%q) succeeded", text)
		} else if len(text) > 4 && strings.Contains(err.Error(), strings.TrimSpace(text)[:8]) {
			t.Errorf("ParseKeys: %v repeats the key", err)
		}
	}
}

// Two replicas that store at once lose nothing of each other.
func TestConcurrentVersionsMerge(t *testing.T) {
	srv := newServer(t)
	a, b := srv.open(t, "a", keyA), srv.open(t, "b", keyA)
	base := put(t, a, storedTask(revocation.KindUser, "sub-1"))
	told, extended := base, base
	told.Cognito = publisher.Leg{State: publisher.LegDone, Attempts: 1}
	extended.KeepUntil += 1000
	extended.Act.ExpiresAt += 1000
	put(t, a, told)
	got := put(t, b, extended)
	if got.Cognito.State != publisher.LegDone || got.Act.ExpiresAt != base.Act.ExpiresAt+1000 || got.KeepUntil != base.KeepUntil+1000 {
		t.Errorf("merged = %+v, want it told and extended", got)
	}
	stored, err := a.Get(t.Context(), base.Act.ID)
	if diff := cmp.Diff(got, stored, cmp.Comparer(func(x, y time.Time) bool { return x.Equal(y) })); err != nil || diff != "" {
		t.Errorf("stored (-put +got):\n%s", diff)
	}
}

// lossy stores a message and loses its acknowledgement, once.
type lossy struct {
	jetstream.JetStream
	once sync.Once
}

func (l *lossy) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ack, err := l.JetStream.PublishMsg(ctx, msg, opts...)
	l.once.Do(func() { ack, err = nil, context.DeadlineExceeded })
	return ack, err
}

func TestLostAcknowledgementIsNoConflict(t *testing.T) {
	srv := newServer(t)
	js := &lossy{JetStream: srv.js}
	store := srv.open(t, "r1", keyA, func(c *tasks.Config) { c.JetStream = js })
	task := storedTask(revocation.KindUser, "sub-1")
	task.Due = time.Now().Add(time.Hour)
	got := put(t, store, task)
	if got.Version != 1 || !got.Due.Equal(task.Due) {
		t.Errorf("Put = %+v, want version 1 as it was given", got)
	}
}

// Lists are the same on every replica and after a restart, and select.
func TestListOfStore(t *testing.T) {
	srv := newServer(t)
	a := srv.open(t, "a", keyA)
	var list []publisher.Task
	for i := range 5 {
		task := storedTask([]revocation.Kind{revocation.KindUser, revocation.KindSession}[i%2], []string{"x", "y", "z"}[i%3])
		task.AcceptedAt = time.Unix(int64(1000+i), 0)
		list = append(list, put(t, a, task))
	}
	put(t, a, list[0]) // a new version changes no order
	b := srv.open(t, "b", keyA)
	for name, store := range map[string]*tasks.Store{"the replica": a, "another replica": b} {
		for _, test := range []struct {
			query publisher.Query
			want  []int
		}{
			{publisher.Query{Limit: 10}, []int{4, 3, 2, 1, 0}},
			{publisher.Query{Limit: 2}, []int{4, 3}},
			{publisher.Query{Limit: 10, After: list[3].Act.ID}, []int{2, 1, 0}},
			{publisher.Query{Limit: 10, Kind: revocation.KindSession}, []int{3, 1}},
			{publisher.Query{Limit: 10, IDs: []string{"y"}}, []int{4, 1}},
			{publisher.Query{Limit: 10, State: revocation.StateLifted}, nil},
			{publisher.Query{Limit: 10, Pool: "other"}, nil},
		} {
			got, err := store.List(t.Context(), test.query)
			var want []publisher.Task
			for _, i := range test.want {
				want = append(want, list[i])
			}
			if err != nil || !slices.Equal(ids(got), ids(want)) {
				t.Errorf("List(%+v) of %s = %v, %v; want %v", test.query, name, ids(got), err, ids(want))
			}
		}
	}
	if _, err := b.List(t.Context(), publisher.Query{Limit: 1, After: revocation.NewActID()}); !errors.Is(err, publisher.ErrNotFound) {
		t.Errorf("List behind an unknown act = %v, want ErrNotFound", err)
	}
	if _, err := b.Get(t.Context(), revocation.NewActID()); !errors.Is(err, publisher.ErrNotFound) {
		t.Errorf("Get of an unknown act = %v, want ErrNotFound", err)
	}
}

// worker runs a store's Work and tells which tasks it was handed.
func worker(t *testing.T, store *tasks.Store, name string, handed chan<- string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	for range 3 {
		done.Go(func() {
			store.Work(ctx, func(ctx context.Context, task publisher.Task) time.Time {
				handed <- name
				task.Due = time.Time{}
				task, err := store.Put(ctx, task)
				if err != nil {
					return time.Now().Add(time.Second)
				}
				return task.Due
			})
		})
	}
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

func receive(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case name := <-from:
		return name
	case <-time.After(patience):
		t.Fatalf("no task was handed out within %v", patience)
		return ""
	}
}

// A task belongs to the replica that stored it, until that is late: then one of
// the others takes it over, and only one.
func TestDeadReplicasTasksAreTakenOver(t *testing.T) {
	srv := newServer(t)
	soon := func(c *tasks.Config) { c.Takeover = 2 * time.Second }
	a := srv.open(t, "a", keyA, soon)
	handed := make(chan string, 100)
	stopA := worker(t, a, "a", handed)
	worker(t, srv.open(t, "b", keyA, soon), "b", handed)
	worker(t, srv.open(t, "c", keyA, soon), "c", handed)
	due := func() publisher.Task {
		task := storedTask(revocation.KindUser, "sub-1")
		task.Due = time.Now()
		return task
	}
	for range 3 {
		task := due()
		task.Due = time.Now().Add(2 * time.Second) // the others know of it by then
		put(t, a, task)
	}
	for range 3 {
		if got := receive(t, handed); got != "a" {
			t.Fatalf("handed to %s, want a, which stored it", got)
		}
	}
	stopA()
	var left []publisher.Task
	for range 3 {
		left = append(left, put(t, a, due()))
	}
	for range left {
		if got := receive(t, handed); got == "a" {
			t.Fatalf("handed to a, which is dead")
		}
	}
	for _, task := range left {
		waitFor(t, "the task to be done", func() bool {
			got, err := a.Get(t.Context(), task.Act.ID)
			return err == nil && got.Due.IsZero()
		})
	}
	if n := len(handed); n != 0 {
		t.Errorf("%d tasks were handed out twice", n)
	}
	// The index of a replica that does nothing follows, too.
	waitFor(t, "nothing to be overdue", func() bool { return a.Stats() == tasks.Stats{Tasks: 6} })
}

// A replica that comes back goes on at once with what it had left.
func TestOwnTasksGoOnAfterARestart(t *testing.T) {
	srv := newServer(t)
	task := storedTask(revocation.KindUser, "sub-1")
	task.Due = time.Now()
	before := srv.open(t, "a", keyA)
	put(t, before, task)
	before.Close()
	handed := make(chan string, 10)
	worker(t, srv.open(t, "a", keyA), "a", handed) // takeover would take a minute
	receive(t, handed)
}

// A task that this version can't read is left alone and counted.
func TestUnreadableTaskIsCounted(t *testing.T) {
	srv := newServer(t)
	id := revocation.NewActID()
	if _, err := srv.js.Publish(t.Context(), srv.names.Task(id.String()), []byte(`{"format":99}`)); err != nil {
		t.Fatal(err)
	}
	store := srv.open(t, "a", keyA)
	if got := store.Stats(); got.Unreadable != 1 || got.Tasks != 0 {
		t.Errorf("Stats = %+v, want one that is not readable", got)
	}
	if _, err := store.Get(t.Context(), id); err == nil || errors.Is(err, publisher.ErrNotFound) {
		t.Errorf("Get = %v, want an error that says it can't be read", err)
	}
}

func TestDeadLettersAreCounted(t *testing.T) {
	srv := newServer(t)
	store := srv.open(t, "a", keyA)
	dead, pending, unproven := storedTask(revocation.KindUser, "x"), storedTask(revocation.KindUser, "y"), storedTask(revocation.KindUser, "z")
	dead.Cognito.State, dead.Due = publisher.LegFailed, time.Now().Add(time.Hour)
	pending.Due, pending.AcceptedAt = time.Now().Add(-time.Hour), time.Now().Add(-2*time.Hour)
	unproven.Cognito.State = publisher.LegFailed // nothing is left to do
	put(t, store, dead, pending, unproven)
	got := store.Stats()
	if got.Overdue < time.Hour {
		t.Errorf("Overdue = %v, want an hour", got.Overdue)
	}
	if got.Oldest < 2*time.Hour || got.Oldest > 3*time.Hour {
		t.Errorf("Oldest = %v, want two hours", got.Oldest)
	}
	got.Overdue, got.Oldest = 0, 0
	if want := (tasks.Stats{Tasks: 3, Pending: 1, DeadLetters: 1}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
}

func TestOpenRefusesAnotherStream(t *testing.T) {
	srv := newServer(t)
	if _, err := srv.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "OTHER_TASKS", Subjects: []string{"other.task.*"}, AllowMsgTTL: true, DenyDelete: true, DenyPurge: true,
	}); err != nil {
		t.Fatal(err)
	}
	_, err := tasks.Open(t.Context(), tasks.Config{JetStream: srv.js, Prefix: "other", Keys: tasks.RandomKeys(), Replica: "a"})
	if wrong, ok := errors.AsType[*stream.MismatchError](err); !ok || wrong.Field != "max_msgs_per_subject" {
		t.Errorf("Open = %v, want the field that differs", err)
	}
	_, err = tasks.Open(t.Context(), tasks.Config{JetStream: srv.js, Prefix: "none", Keys: tasks.RandomKeys(), Replica: "a"})
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("Open without a stream = %v, want ErrStreamNotFound", err)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
		<-again.C
	}
}

// Requests that are to have their effect once are known to every replica, also
// after a restart, and the newest of a key counts.
func TestOnceOfStore(t *testing.T) {
	srv := newServer(t)
	a, b := srv.open(t, "a", keyA), srv.open(t, "b", keyA)
	key := publisher.OnceKey{1}
	if _, err := a.Once(t.Context(), key); !errors.Is(err, publisher.ErrNotFound) {
		t.Errorf("Once of an unknown key = %v, want ErrNotFound", err)
	}
	first, second := storedTask(revocation.KindUser, "sub-1"), storedTask(revocation.KindUser, "sub-1")
	first.Once = publisher.Once{Key: key, Request: [32]byte{1}}
	second.Once = publisher.Once{Key: key, Request: [32]byte{2}}
	second.AcceptedAt = first.AcceptedAt.Add(time.Second)
	put(t, a, second, first)
	put(t, a, storedTask(revocation.KindUser, "sub-2"))
	for name, store := range map[string]*tasks.Store{"a": a, "b": b, "a later one": srv.open(t, "c", keyA)} {
		got, err := store.Once(t.Context(), key)
		if err != nil || got.Act.ID != second.Act.ID || got.Once != second.Once {
			t.Errorf("%s: Once = %+v, %v, want act %s at once", name, got, err, second.Act.ID)
		}
		if _, err := store.Once(t.Context(), publisher.OnceKey{2}); !errors.Is(err, publisher.ErrNotFound) {
			t.Errorf("%s: Once of another key = %v, want ErrNotFound", name, err)
		}
	}
}
