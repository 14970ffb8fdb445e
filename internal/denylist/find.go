package denylist

import (
	"math/bits"
	"slices"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// Find returns an act that refuses tok at now (Unix seconds), and its kind. A
// claim that is empty is never looked up.
//
// It sees every act whose Apply returned before. What a check meets while
// writers go on is whole, for these reasons. A record is complete before an
// index points to it. An act that moves, and one that joins a chain, is
// reachable at its new place before the old one is given up; what was given
// up stays as it was for those who still look at it. And a number of a page is
// used again in a new snapshot only, so a look-up that found nothing is made
// again if the snapshot has changed meanwhile.
func (d *Denylist) Find(tok *revocation.Token, now int64) (revocation.ActID, revocation.Kind, bool) {
	present := d.present.Load()
	if present == 0 {
		return revocation.ActID{}, 0, false
	}
	s := d.snap.Load()
	scope, known := s.scope(&d.hasher, tok.Pool)
	if !known {
		return revocation.ActID{}, 0, false
	}
	for kinds := present; kinds != 0; kinds &= kinds - 1 {
		kind := revocation.Kind(bits.TrailingZeros32(kinds))
		claim := claimOf(tok, kind)
		if claim == "" && kind != revocation.KindPool {
			continue
		}
		hash := d.hasher.target(kind, scope, claim)
		if !maybe(s.filter, hash) {
			continue
		}
		if id, found := d.look(tok, kind, claim, hash, now); found {
			return id, kind, true
		}
	}
	if present>>revocation.KindGroup&1 != 0 {
		for _, g := range tok.Groups {
			if g == "" {
				continue
			}
			hash := d.hasher.target(revocation.KindGroup, scope, g)
			if !maybe(s.filter, hash) {
				continue
			}
			if id, found := d.look(tok, revocation.KindGroup, g, hash, now); found {
				return id, revocation.KindGroup, true
			}
		}
	}
	return revocation.ActID{}, 0, false
}

// Prehash returns hashes of the claims of tok for [Denylist.FindHashed], to be
// kept with a token that will be checked again.
func (d *Denylist) Prehash(tok *revocation.Token) revocation.Hashes {
	h := revocation.Hashes{Denylist: d.hasher.instance}
	scope := d.hasher.scope(tok.Pool)
	for _, kind := range revocation.Kinds() {
		if claim := claimOf(tok, kind); claim != "" || kind == revocation.KindPool {
			h.Claims[kind] = d.hasher.target(kind, scope, claim)
		}
	}
	for _, g := range tok.Groups {
		hash := uint64(0)
		if g != "" {
			hash = d.hasher.target(revocation.KindGroup, scope, g)
		}
		h.Groups = append(h.Groups, hash)
	}
	return h
}

// FindHashed is Find with the hashes that [Denylist.Prehash] made for tok.
// Those of another instance are of no use: then it hashes again.
func (d *Denylist) FindHashed(tok *revocation.Token, h *revocation.Hashes, now int64) (revocation.ActID, revocation.Kind, bool) {
	if h.Denylist != d.hasher.instance || len(h.Groups) != len(tok.Groups) {
		return d.Find(tok, now)
	}
	present := d.present.Load()
	if present == 0 {
		return revocation.ActID{}, 0, false
	}
	s := d.snap.Load()
	for kinds := present; kinds != 0; kinds &= kinds - 1 {
		kind := revocation.Kind(bits.TrailingZeros32(kinds))
		hash := h.Claims[kind&7]
		if hash == 0 || !maybe(s.filter, hash) {
			continue
		}
		if id, found := d.look(tok, kind, claimOf(tok, kind), hash, now); found {
			return id, kind, true
		}
	}
	if present>>revocation.KindGroup&1 != 0 {
		for i, hash := range h.Groups {
			if hash == 0 || !maybe(s.filter, hash) {
				continue
			}
			if id, found := d.look(tok, revocation.KindGroup, tok.Groups[i], hash, now); found {
				return id, revocation.KindGroup, true
			}
		}
	}
	return revocation.ActID{}, 0, false
}

// claimOf returns the claim that a kind compares; of groups and the pool, which
// are no single claim, the empty string.
func claimOf(tok *revocation.Token, kind revocation.Kind) string {
	switch kind {
	case revocation.KindToken:
		return tok.JTI
	case revocation.KindSession:
		return tok.OriginJTI
	case revocation.KindUser:
		return tok.Subject
	case revocation.KindClient:
		return tok.ClientID
	case revocation.KindDevice:
		return tok.DeviceKey
	}
	return ""
}

// look is what happens after the filter's "maybe".
func (d *Denylist) look(tok *revocation.Token, kind revocation.Kind, claim string, hash uint64, now int64) (revocation.ActID, bool) {
	k := keyOf(kind, tok.Pool, claim)
	for s := d.snap.Load(); ; {
		_, head := s.index.find(&s.pages, hash, &k)
		for ref := head; ref != 0; {
			r := s.record(ref)
			if r == nil {
				break // in a page that s does not have: s has been replaced
			}
			if s.refuses(ref, r, tok, now) {
				return r.id, true
			}
			ref = r.next()
		}
		again := d.snap.Load()
		if again == s {
			if head == 0 {
				d.falseMaybes.Add(1)
			}
			return revocation.ActID{}, false
		}
		s = again
	}
}

// refuses reports whether the act at ref, which names a claim of tok, refuses it.
func (p *pages) refuses(ref uint32, r *record, tok *revocation.Token, now int64) bool {
	span := r.span()
	if !span.refuses(now) || p.spares(ref, r, tok.OriginJTI) {
		return false
	}
	basis := r.basis()
	return basis == revocation.BasisNone || revocation.Cuts(basis, r.cutoff(), *tok)
}

// FindAll returns every act that refuses tok at now (Unix seconds), each once,
// in no particular order.
func (d *Denylist) FindAll(tok *revocation.Token, now int64) []revocation.Act {
	var all []revocation.Act
	scope := d.hasher.scope(tok.Pool)
	look := func(kind revocation.Kind, claim string) {
		if claim != "" || kind == revocation.KindPool {
			all = append(all, d.lookAll(tok, keyOf(kind, tok.Pool, claim), d.hasher.target(kind, scope, claim), now)...)
		}
	}
	for kind := revocation.KindToken; kind <= revocation.KindPool; kind++ {
		if kind != revocation.KindGroup {
			look(kind, claimOf(tok, kind))
		}
	}
	for i, g := range tok.Groups {
		if !slices.Contains(tok.Groups[:i], g) { // a group may stand twice in a token
			look(revocation.KindGroup, g)
		}
	}
	return all
}

// lookAll is look for every act on a target.
func (d *Denylist) lookAll(tok *revocation.Token, k key, hash uint64, now int64) []revocation.Act {
	for s := d.snap.Load(); ; {
		var all []revocation.Act
		_, ref := s.index.find(&s.pages, hash, &k)
		for ref != 0 {
			r := s.record(ref)
			if r == nil {
				break
			}
			if s.refuses(ref, r, tok, now) {
				all = append(all, s.act(ref, r))
			}
			ref = r.next()
		}
		again := d.snap.Load()
		if again == s {
			return all
		}
		s = again
	}
}
