package denylist_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-4e8dee1b/revoked/internal/acttest"
	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

const pool = "eu-west-1_A"

func session(id string, expires int64) revocation.Act {
	return revocation.Act{
		ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: expires,
		Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: id},
	}
}

func tokenOf(originJTI string) *revocation.Token {
	return &revocation.Token{Pool: pool, OriginJTI: originJTI, JTI: "j", Subject: "s", IssuedAt: 1}
}

func refusals(d *denylist.Denylist, tok revocation.Token, now int64) []revocation.ActID {
	var ids []revocation.ActID
	for _, a := range d.FindAll(&tok, now) {
		ids = append(ids, a.ID)
	}
	slices.SortFunc(ids, func(a, b revocation.ActID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// The set equals a naive model after any sequence of operations: same acts,
// same refusals, for any token at any time.
func TestEqualsModelOnRandomOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, m := denylist.NewTiny(), new(acttest.Model)
		if rapid.Bool().Draw(t, "large pages") {
			d = denylist.New()
		}
		for _, a := range acttest.History().Draw(t, "history") {
			d.Apply(a)
			m.Apply(a)
			if problems := d.CheckWhole(); problems != nil {
				t.Fatal(problems)
			}
			if rapid.IntRange(0, 3).Draw(t, "prune") == 0 {
				asOf := acttest.Now().Draw(t, "as-of")
				d.Prune(asOf)
				m.Prune(asOf)
			}
		}
		for range 8 {
			tok, now := acttest.Token().Draw(t, "token"), acttest.Now().Draw(t, "now")
			want := m.Refuses(tok, now)
			if diff := cmp.Diff(want, refusals(d, tok, now)); diff != "" {
				t.Fatalf("refusals of %+v at %d (-model +denylist):\n%s", tok, now, diff)
			}
			id, kind, found := d.Find(&tok, now)
			hashes := d.Prehash(&tok)
			if again, _, foundAgain := d.FindHashed(&tok, &hashes, now); again != id || foundAgain != found {
				t.Fatalf("FindHashed(%+v, %d) = %s, %v, Find says %s, %v", tok, now, again, foundAgain, id, found)
			}
			if found != (len(want) > 0) || found && !slices.Contains(want, id) {
				t.Fatalf("Find(%+v, %d) = %s, %v, want one of %v", tok, now, id, found, want)
			}
			if a, ok := d.Act(id); found && (!ok || a.Target.Kind != kind) {
				t.Fatalf("Find names act %s of kind %s, Act says %+v, %v", id, kind, a, ok)
			} else if ok {
				if same, held := d.Held(&a); !held || same != a {
					t.Fatalf("Held(%+v) = %+v, %v", a, same, held)
				}
				a.ID[0]++
				if other, held := d.Held(&a); held && other.ID != a.ID {
					t.Fatalf("Held of act %s is %+v", a.ID, other)
				}
			}
		}
		if got, want := d.Len(), len(m.Acts()); got != want {
			t.Fatalf("%d acts, want %d", got, want)
		}
	})
}

// Every order and duplication of the copies of a story, some of them over the
// fast path, ends in one state once the stream has brought each copy.
func TestOrderAndFastCopiesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		story := acttest.Story().Draw(t, "story")
		m := new(acttest.Model)
		for _, a := range story {
			m.Apply(a)
		}
		d := denylist.New()
		for _, a := range acttest.Delivery(story).Draw(t, "delivery") {
			if rapid.Bool().Draw(t, "fast") {
				d.ApplyProvisional(a, acttest.Epoch+120)
			}
			d.Apply(a)
		}
		for id, want := range m.Acts() {
			if got, ok := d.Act(id); !ok || got != want {
				t.Fatalf("act %s = %+v, %v, want %+v", id, got, ok, want)
			}
		}
		tok, now := acttest.Token().Draw(t, "token"), acttest.Now().Draw(t, "now")
		if diff := cmp.Diff(m.Refuses(tok, now), refusals(d, tok, now)); diff != "" {
			t.Fatalf("refusals (-model +denylist):\n%s", diff)
		}
	})
}

func TestEndsAtExpiryPlusLeeway(t *testing.T) {
	const leeway = 300
	d := denylist.New()
	a := session("s1", 1000)
	d.Apply(a)
	for now, want := range map[int64]bool{0: true, 1000: true, 1000 + leeway - 1: true, 1000 + leeway: false} {
		if _, _, found := d.Find(tokenOf("s1"), now); found != want {
			t.Errorf("found at %d = %v, want %v", now, found, want)
		}
	}
	if n := d.Prune(1000 + leeway - 1); n != 0 {
		t.Errorf("Prune a second before the end removed %d", n)
	}
	if n := d.Prune(1000 + leeway); n != 1 || d.Len() != 0 {
		t.Errorf("Prune at the end removed %d, %d left", n, d.Len())
	}
}

func TestExtendedActOutlivesItsFirstEnd(t *testing.T) {
	d := denylist.New()
	a := session("s1", 1000)
	d.Apply(a)
	a.ExpiresAt = 2000
	if d.Apply(a) != denylist.Merged {
		t.Error("an extension changed nothing")
	}
	if d.Apply(a) != denylist.Unchanged {
		t.Error("a repeated copy changed the set")
	}
	if n := d.Prune(1300); n != 0 {
		t.Errorf("Prune at the first end removed %d", n)
	}
	if _, _, found := d.Find(tokenOf("s1"), 2299); !found {
		t.Error("not refused before the second end")
	}
	if n := d.Prune(2300); n != 1 {
		t.Errorf("Prune at the second end removed %d, want 1", n)
	}
}

func TestTombstoneOutlivesEveryCopyItCancels(t *testing.T) {
	d := denylist.New()
	long := session("s1", 5000)
	lift := long
	lift.State, lift.ExpiresAt = revocation.StateLifted, 1000
	if got := d.Apply(long); got != denylist.Enforced {
		t.Errorf("a new act has effect %d, want Enforced", got)
	}
	d.Apply(lift)
	d.Prune(1300)
	if got := d.Apply(long); got != denylist.Unchanged { // late
		t.Errorf("a late copy of a lifted act has effect %d, want Unchanged", got)
	}
	if _, _, found := d.Find(tokenOf("s1"), 2000); found {
		t.Error("a late copy brought a lifted act back")
	}
	if n := d.Prune(5300); n != 1 {
		t.Errorf("the tombstone was not removed after the last copy's end: %d", n)
	}
}

func TestProvisional(t *testing.T) {
	const until = 100
	a := session("s1", 1000)
	lifted := a
	lifted.State = revocation.StateLifted

	d := denylist.New()
	if d.ApplyProvisional(lifted, until) != denylist.Unchanged || d.Len() != 0 {
		t.Error("the fast path lifted an act")
	}
	if d.ApplyProvisional(a, until) != denylist.Enforced {
		t.Error("a new provisional act changed nothing")
	}
	for now, want := range map[int64]bool{until - 1: true, until: false} {
		if _, _, found := d.Find(tokenOf("s1"), now); found != want {
			t.Errorf("provisional act found at %d = %v, want %v", now, found, want)
		}
	}
	if d.ApplyProvisional(a, until-10) != denylist.Unchanged || d.ApplyProvisional(a, until+10) != denylist.Merged {
		t.Error("a repeat must renew, an older one not shorten")
	}
	if _, _, found := d.Find(tokenOf("s1"), until+9); !found {
		t.Error("renewed provisional act is not found")
	}
	if got := d.Stats().Provisional; got != 1 {
		t.Errorf("Provisional = %d, want 1", got)
	}
	if got := d.Apply(a); got != denylist.Merged {
		t.Errorf("the stream's copy of an act in force by the fast path has effect %d, want Merged", got)
	}
	if d.ApplyProvisional(a, 2000) != denylist.Unchanged {
		t.Error("a fast copy changed an act of the stream")
	}
	if _, _, found := d.Find(tokenOf("s1"), 1299); !found {
		t.Error("the stream's copy did not make the act permanent")
	}
	d.Apply(lifted)
	d.ApplyProvisional(a, until)
	if _, _, found := d.Find(tokenOf("s1"), 1); found {
		t.Error("a fast copy brought a tombstoned act back")
	}

	orphan := denylist.New()
	orphan.ApplyProvisional(a, until)
	if n := orphan.Prune(until - 1); n != 0 {
		t.Error("pruned before its time")
	}
	if n := orphan.Prune(until); n != 1 {
		t.Error("an act that the stream never brought stays")
	}
}

// The filter may never say "no" to a member, over growth and rebuilds.
func TestFilterNeverHidesAMember(t *testing.T) {
	d := denylist.New()
	const n = 20_000
	for i := range n {
		d.Apply(session(fmt.Sprint(i), int64(1000+i)))
		if i%997 == 0 {
			d.Prune(int64(i/2) + 1300)
		}
	}
	gone := int64((n-1)/997*997/2 + 1300) // the last Prune
	for i := range n {
		want := int64(1000+i)+300 > gone
		if _, _, found := d.Find(tokenOf(fmt.Sprint(i)), gone); found != want {
			t.Fatalf("entry %d found = %v, want %v", i, found, want)
		}
	}
	st := d.Stats()
	if st.FilterAdded > st.FilterCapacity {
		t.Errorf("filter holds %d of %d", st.FilterAdded, st.FilterCapacity)
	}
	before := st.FalseMaybes
	const strangers = 100_000
	for i := range strangers {
		d.Find(&revocation.Token{Pool: pool, OriginJTI: fmt.Sprint("x", i)}, gone)
	}
	if got := d.Stats().FalseMaybes - before; got > strangers/200 {
		t.Errorf("%d of %d strangers pass the filter, want about 1 in 1000", got, strangers)
	}
}

func TestFilterShrinksAfterMostHaveEnded(t *testing.T) {
	d := denylist.New()
	for i := range 5000 {
		d.Apply(session(fmt.Sprint(i), 1000))
	}
	d.Apply(session("survivor", 9000))
	d.Prune(2000)
	if st := d.Stats(); st.Acts != 1 || st.FilterAdded != 1 {
		t.Errorf("after Prune: %+v, want one act, one key in the filter", st)
	}
	if _, _, found := d.Find(tokenOf("survivor"), 2000); !found {
		t.Error("the survivor is lost")
	}
}

func TestAcceptedTokenAllocatesNothing(t *testing.T) {
	d := denylist.New()
	for _, k := range revocation.Kinds() {
		a := session("other", 1<<32)
		a.Target.Kind = k
		if k == revocation.KindPool {
			a.Target.ID, a.Target.Pool = "", "eu-west-1_B"
		}
		if k.HasCutoff() {
			a.Basis, a.Cutoff = revocation.BasisSession, 1
		}
		d.Apply(a)
	}
	tok := tokenOf("fine")
	tok.Groups = []string{"a", "b"}
	if n := testing.AllocsPerRun(1000, func() { d.Find(tok, 5) }); n != 0 {
		t.Errorf("Find allocates %v times", n)
	}
}

// Checks run beside inserts, extensions, lifts and prunes; an act that was
// applied before a check began is seen by it.
func TestConcurrentUse(t *testing.T) {
	d := denylist.New()
	const writers, perWriter = 4, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range perWriter {
				id := fmt.Sprint(w, "-", i)
				a := session(id, int64(10_000+i))
				d.ApplyProvisional(a, 50)
				d.Apply(a)
				if _, _, found := d.Find(tokenOf(id), 100); !found {
					t.Errorf("act on %s not seen after Apply", id)
				}
				if i%50 == 0 {
					d.Prune(100)
					d.Stats()
				}
			}
		})
	}
	wg.Wait()
	if d.Len() != writers*perWriter {
		t.Errorf("%d acts, want %d", d.Len(), writers*perWriter)
	}
}

func BenchmarkFindAccepted(b *testing.B) {
	d := denylist.New()
	for i := range 10_000 {
		d.Apply(session(fmt.Sprint(i), 1<<32))
	}
	tok := tokenOf("fine")
	b.ReportAllocs()
	for b.Loop() {
		d.Find(tok, 5)
	}
}

// What many acts on one target cost: a look at a token of it that none refuses,
// and, as apply-ns, each act.
func BenchmarkCrowd(b *testing.B) {
	for _, n := range []int{1, 1000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := denylist.New()
			user := revocation.Target{Kind: revocation.KindUser, Pool: pool, ID: "user"}
			began := time.Now()
			for i := range n {
				d.Apply(revocation.Act{
					ID: revocation.NewActID(), State: revocation.StateOpen, Target: user,
					Basis: revocation.BasisToken, Cutoff: int64(1000 + i), ExpiresAt: 1 << 32,
				})
			}
			apply := time.Since(began)
			tok := &revocation.Token{Pool: pool, Subject: "user", IssuedAt: 1 << 31, ExpiresAt: 1<<31 + 3600}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, found := d.Find(tok, 5); found {
					b.Fatal("refused a token that was issued after every cutoff")
				}
			}
			b.ReportMetric(float64(apply.Nanoseconds())/float64(n), "apply-ns")
		})
	}
}

// A set made of what All gives behaves as the first one, whatever follows.
func TestAllIsEnoughToMakeTheSetAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, second := denylist.New(), denylist.New()
		for _, a := range acttest.History().Draw(t, "before") {
			first.Apply(a)
		}
		first.ApplyProvisional(session("provisional", 1<<32), 1<<32)
		for a, keep := range first.All() {
			hidden := a
			hidden.State, hidden.ExpiresAt = revocation.StateOpen, keep
			second.Apply(hidden)
			second.Apply(a)
		}
		if got, want := second.Len(), first.Len()-1; got != want {
			t.Fatalf("%d acts, want %d: all but the provisional one", got, want)
		}
		after, asOf := acttest.History().Draw(t, "after"), acttest.Now().Draw(t, "as-of")
		for _, d := range []*denylist.Denylist{first, second} {
			d.Prune(asOf)
			for _, a := range after {
				d.Apply(a)
			}
		}
		tok, now := acttest.Token().Draw(t, "token"), acttest.Now().Draw(t, "now")
		if diff := cmp.Diff(refusals(first, tok, now), refusals(second, tok, now)); diff != "" {
			t.Errorf("refusals of %+v at %d (-first +second):\n%s", tok, now, diff)
		}
	})
}

// Count counts what a target's index entry leads to: lifted and provisional
// acts, and those that except different sessions.
func TestCount(t *testing.T) {
	d := denylist.New()
	user := revocation.Target{Kind: revocation.KindUser, Pool: "p", ID: "u"}
	add := func(target revocation.Target, state revocation.State) {
		a := revocation.Act{ID: revocation.NewActID(), State: state, Target: target, ExpiresAt: acttest.Epoch}
		if target.Kind.HasCutoff() {
			a.Basis, a.Cutoff = revocation.BasisSession, 1
		}
		d.Apply(a)
	}
	count := func(target revocation.Target, want int) {
		t.Helper()
		if got := d.Count(target); got != want {
			t.Errorf("Count(%+v) = %d, want %d", target, got, want)
		}
	}
	count(user, 0)
	add(user, revocation.StateOpen)
	add(user, revocation.StateLifted)
	spared := user
	spared.ExceptSession = "s"
	add(spared, revocation.StateConfirmed)
	for _, other := range []revocation.Target{
		{Kind: revocation.KindClient, Pool: "p", ID: "u"}, {Kind: revocation.KindUser, Pool: "q", ID: "u"},
		{Kind: revocation.KindUser, Pool: "p", ID: "v"}, {Kind: revocation.KindPool, Pool: "p"},
	} {
		add(other, revocation.StateOpen)
		count(other, 1)
	}
	count(user, 3)
	count(spared, 3)
	d.Prune(acttest.Epoch + 300)
	count(user, 0)
}
