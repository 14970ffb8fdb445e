package acttest

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Model is a set of acts that is obviously right and slow. It keeps every copy
// that it was given and decides by sorting them; it shares no rule with
// package revocation, so that a mistake there is a difference here. The zero
// value is empty. It is not safe for concurrent use.
type Model struct {
	copies map[revocation.ActID][]revocation.Act
}

// Apply adds one copy of an act.
func (m *Model) Apply(a revocation.Act) {
	if m.copies == nil {
		m.copies = make(map[revocation.ActID][]revocation.Act)
	}
	m.copies[a.ID] = append(m.copies[a.ID], a)
}

// Prune forgets the acts that have ended at now; a lifted one only once every
// copy of it has, so that no late copy brings it back. A copy that arrives
// later starts its act anew.
func (m *Model) Prune(now int64) {
	for id, a := range m.Acts() {
		if a.State == revocation.StateLifted {
			a = slices.MaxFunc(m.copies[id], func(a, b revocation.Act) int {
				return cmp.Compare(a.ExpiresAt, b.ExpiresAt)
			})
		}
		if ended(a, now) {
			delete(m.copies, id)
		}
	}
}

// Acts returns the outcome of each act: the copy with the largest expiry among
// those with the highest state.
func (m *Model) Acts() map[revocation.ActID]revocation.Act {
	acts := make(map[revocation.ActID]revocation.Act)
	for id, copies := range m.copies {
		acts[id] = slices.MaxFunc(copies, func(a, b revocation.Act) int {
			return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.ExpiresAt, b.ExpiresAt))
		})
	}
	return acts
}

// Refuses returns the ids of the acts that refuse tok at now, in ascending
// order.
func (m *Model) Refuses(tok revocation.Token, now int64) []revocation.ActID {
	acts := m.Acts()
	maps.DeleteFunc(acts, func(_ revocation.ActID, a revocation.Act) bool {
		return a.State == revocation.StateLifted || ended(a, now) || !covers(a, tok)
	})
	return slices.SortedFunc(maps.Keys(acts), func(a, b revocation.ActID) int {
		return bytes.Compare(a[:], b[:])
	})
}

// ended reports whether now is not before the end of a's leeway.
func ended(a revocation.Act, now int64) bool { return a.ExpiresAt+leeway <= now }

// covers states the match rules as a table of claims and a list of times.
func covers(a revocation.Act, tok revocation.Token) bool {
	want := a.Target.ID
	if a.Target.Kind == revocation.KindPool {
		want = a.Target.Pool
	}
	claims := map[revocation.Kind][]string{
		revocation.KindToken:   {tok.JTI},
		revocation.KindSession: {tok.OriginJTI},
		revocation.KindUser:    {tok.Subject},
		revocation.KindClient:  {tok.ClientID},
		revocation.KindGroup:   tok.Groups,
		revocation.KindDevice:  {tok.DeviceKey},
		revocation.KindPool:    {tok.Pool},
	}
	if want == "" || tok.Pool != a.Target.Pool || !slices.Contains(claims[a.Target.Kind], want) {
		return false
	}
	if spared := a.Target.ExceptSession; spared != "" && spared == tok.OriginJTI {
		return false
	}
	times := map[revocation.Basis][]int64{
		revocation.BasisToken:   {tok.IssuedAt},
		revocation.BasisSession: {tok.IssuedAt, tok.AuthTime},
	}[a.Basis]
	times = slices.DeleteFunc(slices.Clone(times), func(sec int64) bool { return sec == 0 })
	return len(times) == 0 || slices.Min(times) <= a.Cutoff
}
