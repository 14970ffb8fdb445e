package publisher_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-4e8dee1b/revoked/internal/acttest"
	"github.com/seed-4e8dee1b/revoked/internal/denylist" //nolint:depguard // the node that receives the copies
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// published is a copy as the publisher sent it, and until when it may arrive.
type published struct {
	act      revocation.Act
	at, gone time.Time
	fast     bool
}

// story is all that was published about two acts on one target.
type story struct {
	name   string
	copies []published // in the order in which they were sent
	lifted map[revocation.ActID]time.Time
}

// stories lets a publisher revoke each kind of target twice, with and without
// an outage of Cognito that lasts until the acts are extended, with and without
// a longer expiry of the caller's, and lift none, one or both.
func stories(t *testing.T) []story {
	t.Helper()
	unproven := sessionRequest()
	unproven.Grant.AccessToken = ""
	var all []story
	for name, req := range map[string]publisher.Request{
		"token": target(revocation.KindToken), "session": sessionRequest(), "session by id": with(sessionRequest(), noGrant),
		"session, skip": with(with(sessionRequest(), noGrant), skip), "session, unproven": unproven,
		"user": userRequest(), "user except": with(userRequest(), except), "user, skip": with(userRequest(), skip),
		"client": target(revocation.KindClient), "client, session basis": with(target(revocation.KindClient), sessionBasis),
		"group": target(revocation.KindGroup), "group, session basis": with(target(revocation.KindGroup), sessionBasis),
		"device": target(revocation.KindDevice), "device, session basis": with(target(revocation.KindDevice), sessionBasis),
		"pool": target(revocation.KindPool), "pool, session basis": with(target(revocation.KindPool), sessionBasis),
	} {
		outages := []time.Duration{0}
		if name == "user" || name == "session" {
			outages = []time.Duration{0, 25 * hour}
		}
		for _, outage := range outages {
			for _, keep := range []time.Duration{0, 5 * day} {
				for lifts := range 3 {
					synctest.Test(t, func(t *testing.T) {
						req := req
						if keep > 0 {
							keepFor(keep)(&req)
						}
						all = append(all, tell(t, fmt.Sprintf("%s, outage %v, kept for %v, %d lifts", name, outage, keep, lifts), req, outage, lifts))
					})
				}
			}
		}
	}
	return all
}

// tell carries out one story.
func tell(t *testing.T, name string, req publisher.Request, outage time.Duration, lifts int) story {
	t.Helper()
	w := newWorld()
	w.noBeats = true
	w.validity = publisher.Validity{Token: 2 * hour, Refresh: 3 * day}
	if outage > 0 {
		for _, call := range cognitoCalls {
			w.answer[call] = &publisher.CognitoError{Op: call, Code: "unreachable", Retry: true}
		}
	}
	pr := w.start(t)
	var acts []revocation.ActID
	for range 2 {
		acts = append(acts, pr.revoke(t, req).Act.ID)
		time.Sleep(time.Minute)
	}
	if outage > 0 {
		time.Sleep(outage)
		w.set(func() { clear(w.answer) })
		if lifts < 2 { // else the leg is canceled
			time.Sleep(10 * time.Minute)
		}
	}
	s := story{name: name, lifted: make(map[revocation.ActID]time.Time)}
	for _, id := range acts[:lifts] {
		pr.lift(t, id)
		s.lifted[id] = time.Now()
	}
	time.Sleep(time.Hour)
	for _, e := range took(w.history(fast, appendAct)) {
		p := published{act: e.act, at: e.at, gone: e.at.Add(e.ttl)}
		if e.name == fast {
			p.fast, p.gone = true, e.at.Add(2*time.Minute)
		}
		s.copies = append(s.copies, p)
	}
	return s
}

// Whatever the publisher sends about two acts on one target (revokes, fast
// copies, extensions, confirmations, lifts): every order and duplication of it
// ends in the same set, which is that of a naive model; and in whatever order
// it arrives while it may, at a node that forgets what has ended, or at one that
// starts at any time, what is lifted stays lifted.
func TestEveryOrderOfWhatIsPublishedEndsTheSame(t *testing.T) {
	all := stories(t)
	most := 0
	for _, s := range all {
		most = max(most, len(s.copies))
	}
	if len(all) < 100 || most < 9 {
		t.Fatalf("%d stories of up to %d copies: too few to say anything", len(all), most)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(all).Draw(t, "story")
		inAnyOrder(t, s)
		inTime(t, s)
		fromTheStream(t, s)
	})
}

// String is what rapid prints of a failing case.
func (s story) String() string { return s.name }

// inAnyOrder delivers everything up to three times, without regard to time.
func inAnyOrder(t *rapid.T, s story) {
	t.Helper()
	var copies []revocation.Act
	d, m := denylist.New(), new(acttest.Model)
	for _, c := range s.copies {
		if c.fast {
			d.ApplyProvisional(c.act, c.gone.Unix())
			continue
		}
		m.Apply(c.act)
		copies = append(copies, c.act)
	}
	for _, a := range acttest.Delivery(copies).Draw(t, "delivery") {
		d.Apply(a)
	}
	want := m.Acts()
	for id, a := range want {
		if got, _ := d.Act(id); got != a {
			t.Fatalf("act %+v, want %+v", got, a)
		}
	}
	if d.Len() != len(want) {
		t.Fatalf("%d acts, want %d", d.Len(), len(want))
	}
	tok := s.copies[0].act.Witness()
	now := s.copies[rapid.IntRange(0, len(s.copies)-1).Draw(t, "end of")].act.ExpiresAt + rapid.SampledFrom([]int64{-1, 0, 299, 300}).Draw(t, "beside it")
	got := len(d.FindAll(&tok, now))
	if want := len(m.Refuses(tok, now)); got != want {
		t.Fatalf("at %d, %d acts refuse %+v, want %d", now, got, tok, want)
	}
	if lifted := d.Outlived(); len(lifted) > 0 {
		t.Fatalf("lifts that the stream is missing: %+v", lifted)
	}
}

// inTime delivers each copy once or twice, at times at which it may arrive, to a
// node that forgets what has ended.
func inTime(t *rapid.T, s story) {
	t.Helper()
	type arrival struct {
		published
		now time.Time
	}
	var arrivals []arrival
	for _, c := range s.copies {
		for range rapid.IntRange(1, 2).Draw(t, "times") {
			late := time.Duration(rapid.IntRange(0, 999).Draw(t, "late by")) * c.gone.Sub(c.at) / 1000
			arrivals = append(arrivals, arrival{c, c.at.Add(late)})
		}
	}
	slices.SortFunc(arrivals, func(a, b arrival) int { return a.now.Compare(b.now) })
	d := denylist.New()
	gone := make(map[revocation.ActID]bool) // whose lift has arrived
	for _, c := range arrivals {
		now := c.now.Unix()
		d.Prune(now)
		if c.fast {
			d.ApplyProvisional(c.act, c.gone.Unix())
		} else {
			d.Apply(c.act)
		}
		gone[c.act.ID] = gone[c.act.ID] || c.act.State == revocation.StateLifted
		tok := c.act.Witness()
		for _, a := range d.FindAll(&tok, now) {
			if gone[a.ID] {
				t.Fatalf("at %v the lifted act %s is back: %+v", c.now, a.ID, a)
			}
		}
	}
}

// fromTheStream starts a node at some time after the last lift: it reads what
// the stream still holds.
func fromTheStream(t *rapid.T, s story) {
	t.Helper()
	last := slices.MaxFunc(s.copies, func(a, b published) int { return a.gone.Compare(b.gone) })
	from := s.copies[len(s.copies)-1].at
	start := from.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "start")) * last.gone.Sub(from) / 1000)
	d := denylist.New()
	for _, c := range s.copies {
		if !c.fast && start.Before(c.gone) {
			d.Apply(c.act)
		}
	}
	tok := s.copies[0].act.Witness()
	for _, a := range d.FindAll(&tok, start.Unix()) {
		if _, lifted := s.lifted[a.ID]; lifted {
			t.Fatalf("a node that starts at %v holds the lifted act %+v", start, a)
		}
	}
	// An act that is not lifted and has not ended is on the stream.
	model := new(acttest.Model)
	for _, c := range s.copies {
		model.Apply(c.act)
	}
	if got, want := d.FindAll(&tok, start.Unix()), model.Refuses(tok, start.Unix()); len(got) != len(want) {
		t.Fatalf("a node that starts at %v refuses by %+v, want %v", start, got, want)
	}
}
