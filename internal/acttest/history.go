package acttest

import (
	"github.com/seed-4e8dee1b/revoked/revocation"
	"pgregory.net/rapid"
)

// History draws copies of several acts on a few targets as a node might
// receive them: the stories of one to three targets and some stray acts, in
// any order, any copy up to three times.
func History() *rapid.Generator[[]revocation.Act] {
	return rapid.Custom(func(t *rapid.T) []revocation.Act {
		copies := rapid.SliceOfN(Act(), 0, 4).Draw(t, "stray")
		for range rapid.IntRange(1, 3).Draw(t, "stories") {
			copies = append(copies, Story().Draw(t, "story")...)
		}
		return Delivery(copies).Draw(t, "delivery")
	})
}

// Story draws what may happen to one target, in the order in which the
// service publishes it: two revokes, an extension of the first, its
// confirmation, and a lift of each. Any step but the first may be missing, and
// the two revokes may be one (the retry of a request). No expiry depends on
// another: a service that computes them badly must not change the outcome
// either.
func Story() *rapid.Generator[[]revocation.Act] {
	return rapid.Custom(func(t *rapid.T) []revocation.Act {
		target := Target().Draw(t, "target")
		first, second := actOn(t, target), actOn(t, target)
		steps := []revocation.Act{
			inState(first, revocation.StateOpen),
			inState(second, revocation.StateOpen),
			inState(first, revocation.StateOpen), // the extension
			inState(first, revocation.StateConfirmed),
			inState(first, revocation.StateLifted),
			inState(second, revocation.StateLifted),
		}
		story := steps[:0]
		for i, a := range steps {
			if i == 0 || rapid.Bool().Draw(t, "happens") {
				a.ExpiresAt = expiry(t)
				story = append(story, a)
			}
		}
		return story
	})
}

// Delivery draws an order in which copies arrive, each at least once and at
// most three times: over the fast path, from the stream and in a replay.
func Delivery(copies []revocation.Act) *rapid.Generator[[]revocation.Act] {
	return rapid.Custom(func(t *rapid.T) []revocation.Act {
		var arrived []revocation.Act
		for _, a := range copies {
			for range rapid.IntRange(1, 3).Draw(t, "times") {
				arrived = append(arrived, a)
			}
		}
		if len(arrived) < 2 {
			return arrived
		}
		return rapid.Permutation(arrived).Draw(t, "order")
	})
}

func inState(a revocation.Act, s revocation.State) revocation.Act {
	a.State = s
	return a
}
