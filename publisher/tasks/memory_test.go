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

func put(t testing.TB, m *tasks.Memory, list ...publisher.Task) {
	t.Helper()
	for _, task := range list {
		if err := m.Put(t.Context(), task); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGetReturnsTheNewestVersion(t *testing.T) {
	m := tasks.NewMemory()
	task := newTask(-1)
	if _, err := m.Get(t.Context(), task.Act.ID); !errors.Is(err, publisher.ErrNotFound) {
		t.Errorf("Get before Put = %v, want ErrNotFound", err)
	}
	task.Grant = publisher.Grant{ClientID: "client-1", RefreshToken: "refresh-1"}
	put(t, m, task)
	task.Grant = publisher.Grant{}
	task.Cognito = publisher.Leg{State: publisher.LegDone, Attempts: 2}
	put(t, m, newTask(-1), task)
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
	if list, err := m.List(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("List of an empty store = %v, %v", list, err)
	}
	first, second, third := newTask(-1), newTask(time.Hour), newTask(0)
	put(t, m, first, second, third, first) // a new version changes no order
	for limit, want := range map[int][]publisher.Task{
		0: {}, 1: {third}, 2: {third, second}, 3: {third, second, first}, 10: {third, second, first},
	} {
		list, err := m.List(t.Context(), limit)
		got := ids(list)
		if err != nil || !slices.Equal(got, ids(want)) {
			t.Errorf("List(%d) = %v, %v; want %v", limit, got, err, ids(want))
		}
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
		list, err := m.List(t.Context(), 10)
		if want := []revocation.ActID{open.Act.ID, standing.Act.ID}; err != nil || !slices.Equal(ids(list), want) {
			t.Errorf("List = %v, %v; want %v: one task is still due, the other's act lives", ids(list), err, want)
		}
		// A task that is done after its act has ended long ago.
		open.Due = time.Time{}
		put(t, m, open)
		synctest.Wait()
		if _, err := m.Get(t.Context(), open.Act.ID); !errors.Is(err, publisher.ErrNotFound) {
			t.Errorf("Get of a task that is done and ended = %v, want ErrNotFound", err)
		}
	})
}
