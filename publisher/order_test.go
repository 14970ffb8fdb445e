package publisher_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// checkOrder checks what holds of every history, whatever failed in it.
func checkOrder(t tester, w *world) {
	t.Helper()
	acts := make(map[revocation.ActID]*progress)
	for i, e := range w.history() {
		p := acts[e.act.ID]
		if p == nil {
			p = new(progress)
			acts[e.act.ID] = p
		}
		problem := ""
		switch e.name {
		case fast:
			p.fast = true
		case put:
			problem = p.put(e)
		case appendAct:
			problem = p.append(e)
		case signOut, revokeToken:
			problem = "an act was to be told of that is not on the stream"
			for _, p := range acts {
				if p.concerns(e) && p.copies > 0 {
					p.told, problem = true, ""
				}
			}
		}
		if problem != "" {
			t.Errorf("effect %d, %s of act %s: %s", i, e.name, e.act.ID, problem)
		}
	}
}

// progress is how far an act has come in a history.
type progress struct {
	fast   bool
	stored bool
	told   bool // Cognito, whatever it answered
	done   bool // it is recorded that Cognito has answered with success
	task   publisher.Task
	copies int   // on the stream
	latest int64 // expiry of any of them
}

func (p *progress) put(e effect) (problem string) {
	final := e.task.Due.IsZero() || e.task.Cognito.State == publisher.LegDone
	switch {
	case !p.fast:
		return "stored before the fast path was tried"
	case final && e.task.Grant != publisher.Grant{}:
		return "the grant is kept in a final state"
	}
	if e.took {
		if !p.stored {
			p.task = e.task
		}
		p.stored = true
		p.done = p.done || e.task.Cognito.State == publisher.LegDone
	}
	return ""
}

func (p *progress) append(e effect) (problem string) {
	switch {
	case !p.stored:
		return "published before its task was stored"
	case e.act.State == revocation.StateConfirmed && p.told && !p.done:
		return "confirmed before it was recorded that Cognito is done"
	case e.ttl <= 0 || e.ttl%time.Second != 0:
		return "the TTL " + e.ttl.String() + " is not a positive number of whole seconds"
	}
	counts := time.Unix(max(p.latest, e.act.ExpiresAt), 0).Add(revocation.MaxLeeway)
	if gone := e.at.Add(e.ttl); gone.Before(counts) {
		return "gone from the stream at " + gone.String() + " while a copy of the act counts until " + counts.String()
	}
	if fixed := p.task.Act; e.act.Target != fixed.Target || e.act.Basis != fixed.Basis || e.act.Cutoff != fixed.Cutoff {
		return "a copy differs in more than state and expiry"
	}
	if e.took {
		p.copies++
		p.latest = max(p.latest, e.act.ExpiresAt)
	}
	return ""
}

// concerns reports whether a call to Cognito is about the act.
func (p *progress) concerns(e effect) bool {
	if e.name == signOut {
		return p.task.Act.Target.ID == e.arg
	}
	return p.task.Grant.ClientID+" "+p.task.Grant.RefreshToken == e.arg
}

func TestOrderOfEffects(t *testing.T) {
	session := sessionRequest()
	learned := sessionRequest()
	learned.Grant.Fresh = true
	byID := sessionRequest()
	byID.Grant = nil
	for _, test := range []struct {
		name string
		req  publisher.Request
		want string
	}{
		{"user", userRequest(), "fast put append await put; sign out put append put"},
		{"session with proof", session, "fast put append await put; revoke token ask token put append put"},
		{"learned session", learned, "fast put append await put; revoke token put append put"},
		{"session by id", byID, "fast put append await put; "},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				pr := w.start(t)
				s := pr.revoke(t, test.req)
				if s.Denied.Sequence != 1 || s.Denied.At.IsZero() || s.Act.State != revocation.StateOpen {
					t.Errorf("Revoke = %+v, want an open act at sequence 1", s)
				}
				synctest.Wait()
				const accepted = 5 // effects
				got := names(w.history())
				if flat := strings.Join(got[:accepted], " ") + "; " + strings.Join(got[accepted:], " "); flat != test.want {
					t.Errorf("effects:\n got %s\nwant %s", flat, test.want)
				}
				checkOrder(t, w)
				puts := w.history(put)
				if len(puts) < 4 {
					return
				}
				// Recorded as done while the act is still open, then confirmed.
				recorded, last := puts[2].task, puts[3].task
				if recorded.Cognito.State != publisher.LegDone || recorded.Act.State != revocation.StateOpen || recorded.Grant != (publisher.Grant{}) {
					t.Errorf("stored before the confirmation: %+v", recorded)
				}
				if last.Act.State != revocation.StateConfirmed || !last.Due.IsZero() || last.Cognito.Attempts != 1 || last.Cognito.DoneAt.IsZero() {
					t.Errorf("stored at the end: %+v", last)
				}
			})
		})
	}
}

func TestCallerHasSuccessOnlyAfterAllThree(t *testing.T) {
	for _, late := range []string{put, appendAct, await} {
		t.Run(late, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.delay[late] = 3 * time.Second
				pr := w.start(t)
				start := time.Now()
				returned := make(chan publisher.Status, 1)
				go func() { returned <- pr.revoke(t, userRequest()) }()
				synctest.Wait()
				if got := names(w.history()); got[0] != fast {
					t.Fatalf("effects = %v, want fast first and at once", got)
				}
				time.Sleep(3*time.Second - time.Nanosecond)
				if len(returned) > 0 || len(w.history(cognitoCalls...)) > 0 {
					t.Errorf("Revoke returned, or told Cognito, before the %s", late)
				}
				s := <-returned
				if late == await && s.Denied.At.Sub(start) != 0 {
					t.Errorf("Denied.At = %v after the start, want the time of the acknowledgement", s.Denied.At.Sub(start))
				}
			})
		})
	}
}

func TestFastPathIsRepeatedUntilTheAppendIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.delay[appendAct] = 3500 * time.Millisecond
		w.delay[await] = 5 * time.Second
		pr := w.start(t)
		start := time.Now()
		s := pr.revoke(t, userRequest())
		time.Sleep(time.Minute)
		var at []time.Duration
		for _, e := range w.history(fast) {
			at = append(at, e.at.Sub(start))
			if e.act != s.Act {
				t.Errorf("fast copy %+v, want %+v", e.act, s.Act)
			}
			if !e.sent.Equal(e.at) {
				t.Errorf("the copy of %v was marked as sent at %v", e.at, e.sent)
			}
		}
		want := []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}
		if !slices.Equal(at, want) {
			t.Errorf("fast copies %v after the start, want %v", at, want)
		}
	})
}

func TestCallerWhoGoesAwayDoesNotStopTheRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.delay[put] = time.Second
		w.delay[appendAct] = time.Second
		pr := w.start(t)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		s, err := pr.Revoke(ctx, userRequest())
		if err != nil || s.Denied.Sequence == 0 {
			t.Errorf("Revoke = %+v, %v, want success", s, err)
		}
		time.Sleep(time.Minute)
		if s := pr.status(t, s.Act.ID); s.Act.State != revocation.StateConfirmed {
			t.Errorf("act is %v, want confirmed", s.Act.State)
		}
	})
}

func TestCloseWaitsForWorkAndLosesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.delay[put] = 2 * time.Second
		pr := w.start(t)
		s := pr.revoke(t, userRequest())
		synctest.Wait() // Cognito was told, its answer is being recorded
		if n := len(w.history(signOut)); n != 1 {
			t.Fatalf("%d sign-outs before Close, want 1", n)
		}
		before := time.Now()
		for range 2 {
			if err := pr.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if waited := time.Since(before); waited > 10*time.Second {
			t.Errorf("Close took %v", waited)
		}
		ended := len(w.history())
		time.Sleep(time.Hour)
		if got := len(w.history()); got != ended {
			t.Errorf("%d effects after Close: %v", got-ended, names(w.history()[ended:]))
		}
		if leg := w.stored[s.Act.ID].Cognito.State; leg != publisher.LegDone {
			t.Errorf("after Close the stored leg is %q, want the answer recorded", leg)
		}
		// The next process confirms without telling Cognito again.
		next := w.start(t)
		time.Sleep(time.Minute)
		if s := next.status(t, s.Act.ID); s.Act.State != revocation.StateConfirmed || len(w.history(signOut)) != 1 {
			t.Errorf("act is %v after %d sign-outs, want confirmed after 1", s.Act.State, len(w.history(signOut)))
		}
		checkOrder(t, w)
	})
}

func TestBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answer["beat"] = errWorld
		w.start(t)
		time.Sleep(25 * time.Second)
		w.set(func() { delete(w.answer, "beat") })
		time.Sleep(10 * time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		want := revocation.Beat{ServiceID: "service-1", Epoch: epoch, Version: revocation.WireVersion}
		if len(w.beats) != 4 || w.beats[3] != want {
			t.Errorf("beats within 35 s: %+v, want 4 like %+v", w.beats, want)
		}
		if !strings.Contains(w.log.String(), "beat not stored") {
			t.Errorf("a beat that is lost is not logged: %s", w.log)
		}
	})
}

func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		pr := w.start(t)
		var ids []revocation.ActID
		for range 3 {
			ids = append(ids, pr.revoke(t, userRequest()).Act.ID)
		}
		list, err := pr.Publisher.List(t.Context(), publisher.Query{Limit: 2})
		if err != nil || len(list) != 2 || list[0].Act.ID != ids[2] || list[1].Act.ID != ids[1] {
			t.Errorf("List(2) = %+v, %v, want the two newest of %v", list, err, ids)
		}
		if _, err := pr.Publisher.Get(t.Context(), revocation.NewActID()); !errors.Is(err, publisher.ErrNotFound) {
			t.Errorf("Get of an unknown act = %v, want ErrNotFound", err)
		}
		w.set(func() { w.answer["list"] = errWorld })
		if _, err := pr.Publisher.List(t.Context(), publisher.Query{Limit: 2}); !errors.Is(err, errWorld) {
			t.Errorf("List = %v, want the store's error", err)
		}
	})
}
