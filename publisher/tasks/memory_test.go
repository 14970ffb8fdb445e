package tasks_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// newTask returns one whose act lives for a day, due after the given time; a
// negative one means never.
func newTask(due time.Duration) publisher.Task {
	t := publisher.Task{KeepUntil: time.Now().Add(24 * time.Hour).Unix()}
	t.Act.ID = revocation.NewActID()
	t.AcceptedAt = time.Now()
	if due >= 0 {
		t.Due = time.Now().Add(due)
	}
	return t
}

// put stores tasks and returns the last one as it is stored.
func put(t testing.TB, m publisher.Tasks, list ...publisher.Task) (last publisher.Task) {
	t.Helper()
	for _, task := range list {
		var err error
		if last, err = m.Put(t.Context(), task); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func TestGetReturnsTheNewestVersion(t *testing.T) {
	m := tasks.NewMemory()
	task := newTask(-1)
	if _, err := m.Get(t.Context(), task.Act.ID); !errors.Is(err, publisher.ErrNotFound) {
		t.Errorf("Get before Put = %v, want ErrNotFound", err)
	}
	task.Grant = publisher.Grant{ClientID: "client-1", RefreshToken: "refresh-1"}
	task = put(t, m, task)
	task.Grant = publisher.Grant{}
	task.Cognito = publisher.Leg{State: publisher.LegDone, Attempts: 2}
	task = put(t, m, newTask(-1), task)
	got, err := m.Get(t.Context(), task.Act.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(task, got); diff != "" {
		t.Errorf("Get (-want +got):\n%s", diff)
	}
}

func TestListIsByAcceptanceNewestFirst(t *testing.T) {
	m := tasks.NewMemory()
	if list, err := m.List(t.Context(), publisher.Query{Limit: 10}); err != nil || len(list) != 0 {
		t.Errorf("List of an empty store = %v, %v", list, err)
	}
	first, second, third := newTask(-1), newTask(time.Hour), newTask(0)
	put(t, m, first, second, third, first) // a new version changes no order
	for limit, want := range map[int][]publisher.Task{
		0: {}, 1: {third}, 2: {third, second}, 3: {third, second, first}, 10: {third, second, first},
	} {
		list, err := m.List(t.Context(), publisher.Query{Limit: limit})
		got := ids(list)
		if err != nil || !slices.Equal(got, ids(want)) {
			t.Errorf("List(%d) = %v, %v; want %v", limit, got, err, ids(want))
		}
	}
}

func TestListSelects(t *testing.T) {
	m := tasks.NewMemory()
	newAct := func(kind revocation.Kind, pool, id string, state revocation.State) publisher.Task {
		task := newTask(-1)
		task.Act.Target = revocation.Target{Kind: kind, Pool: pool, ID: id}
		task.Act.State = state
		return task
	}
	a := newAct(revocation.KindUser, "p1", "x", revocation.StateOpen)
	b := newAct(revocation.KindClient, "p1", "x", revocation.StateConfirmed)
	c := newAct(revocation.KindUser, "p2", "y", revocation.StateOpen)
	d := newAct(revocation.KindPool, "p1", "", revocation.StateLifted)
	put(t, m, a, b, c, d)
	tests := []struct {
		name  string
		query publisher.Query
		want  []publisher.Task
	}{
		{"all", publisher.Query{}, []publisher.Task{d, c, b, a}},
		{"kind", publisher.Query{Kind: revocation.KindUser}, []publisher.Task{c, a}},
		{"pool", publisher.Query{Pool: "p1"}, []publisher.Task{d, b, a}},
		{"id of any kind", publisher.Query{IDs: []string{"x"}}, []publisher.Task{b, a}},
		{"several ids", publisher.Query{IDs: []string{"x", ""}}, []publisher.Task{d, b, a}},
		{"no id", publisher.Query{IDs: []string{}}, nil},
		{"state", publisher.Query{State: revocation.StateOpen}, []publisher.Task{c, a}},
		{"everything at once", publisher.Query{Kind: revocation.KindUser, Pool: "p1", IDs: []string{"x"}, State: revocation.StateOpen}, []publisher.Task{a}},
		{"behind the second", publisher.Query{After: c.Act.ID}, []publisher.Task{b, a}},
		{"behind one that is not selected", publisher.Query{After: c.Act.ID, Pool: "p1"}, []publisher.Task{b, a}},
		{"behind the last", publisher.Query{After: a.Act.ID}, nil},
		{"the limit counts what is selected", publisher.Query{Kind: revocation.KindUser, Limit: 1}, []publisher.Task{c}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.query.Limit == 0 {
				tt.query.Limit = 10
			}
			list, err := m.List(t.Context(), tt.query)
			if err != nil || !slices.Equal(ids(list), ids(tt.want)) {
				t.Errorf("List(%+v) = %v, %v; want %v", tt.query, ids(list), err, ids(tt.want))
			}
		})
	}
	if _, err := m.List(t.Context(), publisher.Query{After: revocation.NewActID(), Limit: 1}); !errors.Is(err, publisher.ErrNotFound) {
		t.Errorf("List behind an unknown act = %v, want ErrNotFound", err)
	}
}

func ids(list []publisher.Task) []revocation.ActID {
	ids := make([]revocation.ActID, len(list))
	for i, t := range list {
		ids[i] = t.Act.ID
	}
	return ids
}

// A task is forgotten a day after its act has ended, not before, and whatever
// became of older ones.
func TestForgetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := tasks.NewMemory()
		work(t, m, 1, func(publisher.Task) time.Time { return time.Now().Add(time.Hour) })
		standing, short, open := newTask(-1), newTask(-1), newTask(0)
		standing.KeepUntil = time.Now().Add(1000 * time.Hour).Unix()
		put(t, m, standing, short, open)
		time.Sleep(48*time.Hour - time.Nanosecond)
		synctest.Wait()
		if _, err := m.Get(t.Context(), short.Act.ID); err != nil {
			t.Errorf("Get a moment before the day is over: %v", err)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if _, err := m.Get(t.Context(), short.Act.ID); !errors.Is(err, publisher.ErrNotFound) {
			t.Errorf("Get after the day = %v, want ErrNotFound", err)
		}
		time.Sleep(100 * time.Hour)
		list, err := m.List(t.Context(), publisher.Query{Limit: 10})
		if want := []revocation.ActID{open.Act.ID, standing.Act.ID}; err != nil || !slices.Equal(ids(list), want) {
			t.Errorf("List = %v, %v; want %v: one task is still due, the other's act lives", ids(list), err, want)
		}
		// A task that is done after its act has ended long ago.
		open, err = m.Get(t.Context(), open.Act.ID)
		if err != nil {
			t.Fatal(err)
		}
		open.Due = time.Time{}
		put(t, m, open)
		synctest.Wait()
		if _, err := m.Get(t.Context(), open.Act.ID); !errors.Is(err, publisher.ErrNotFound) {
			t.Errorf("Get of a task that is done and ended = %v, want ErrNotFound", err)
		}
	})
}
