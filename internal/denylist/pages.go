package denylist

import (
	"encoding/binary"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// pages is where records are. A reference is page number << shift | position;
// 0 refers to nothing. Slices are never changed below their length, so readers
// may keep a copy of the struct: a page that is given up, and a number that is
// used again, make new slices.
type pages struct {
	records [][]record // nil for a number that is free
	texts   []*text    // by page
	pools   []string   // by index; the first is not used
	scopes  []uint64   // hashes of pools
	shift   uint8
}

// text holds what does not fit into the records of a page. Bytes are appended
// and never changed; readers load the slice after the record that points there.
type text struct{ bytes atomic.Pointer[[]byte] }

// add appends parts, each but the last behind its length, and returns where.
// It is called by the writer.
func (t *text) add(pool, id, except string) (offset, length int) {
	var old []byte
	if p := t.bytes.Load(); p != nil {
		old = *p
	}
	grown := binary.AppendUvarint(old, uint64(len(pool)))
	grown = append(grown, pool...)
	grown = binary.AppendUvarint(grown, uint64(len(id)))
	grown = append(grown, id...)
	grown = append(grown, except...)
	t.bytes.Store(&grown)
	return len(old), len(grown) - len(old)
}

// manyPools is how many names are compared with faster than one is hashed.
const manyPools = 8

// scope returns the hash of a pool, and false if no act names it.
func (p *pages) scope(h *hasher, pool string) (uint64, bool) {
	if len(p.pools) == 2 && p.pools[1] == pool { // most nodes know one
		return p.scopes[1], true
	}
	return p.scopeOfMany(h, pool)
}

func (p *pages) scopeOfMany(h *hasher, pool string) (uint64, bool) {
	if len(p.pools) > manyPools {
		return h.scope(pool), true
	}
	for i, known := range p.pools {
		if known == pool {
			return p.scopes[i], true
		}
	}
	return 0, false
}

// record returns the record at ref, nil if a reader's copy of pages is older
// than ref.
func (p *pages) record(ref uint32) *record {
	page, at := ref>>p.shift, ref&(1<<p.shift-1)
	if int(page) >= len(p.records) || int(at) >= len(p.records[page]) {
		return nil
	}
	return &p.records[page][at]
}

// unpack returns what the text of a record says; the slices are not to be
// changed. The pool is empty if the record names it by index.
func (p *pages) unpack(ref uint32, r *record) (pool, id, except []byte) {
	all := *p.texts[ref>>p.shift].bytes.Load()
	offset, length := r.target[0], r.target[1]
	rest := all[offset : offset+length]
	cut := func() (part []byte) {
		n, size := binary.Uvarint(rest)
		part, rest = rest[size:size+int(n)], rest[size+int(n):]
		return part
	}
	pool, id = cut(), cut()
	return pool, id, rest
}

// key is a target in the form in which records are compared with it.
type key struct {
	kind   revocation.Kind
	pool   string
	id     string // may be empty if packed
	packed bool   // id is a UUID: high and low
	high   uint64
	low    uint64
}

func keyOf(kind revocation.Kind, pool, id string) key {
	k := key{kind: kind, pool: pool, id: id}
	k.high, k.low, k.packed = packUUID(id)
	return k
}

// hasID reports whether text is the key's id.
func (k *key) hasID(text []byte) bool {
	if k.packed && k.id == "" {
		id := formatUUID(k.high, k.low)
		return string(id[:]) == string(text)
	}
	return k.id == string(text)
}

// names reports whether the record at ref is of an act on k.
func (p *pages) names(ref uint32, r *record, k *key) bool {
	status := r.status.Load()
	if kindOf(status) != k.kind {
		return false
	}
	pool := int(status >> recPoolShift)
	if status&recText == 0 {
		return k.packed && r.target[0] == k.high && r.target[1] == k.low && pool < len(p.pools) && p.pools[pool] == k.pool
	}
	spelled, id, _ := p.unpack(ref, r)
	if pool != 0 {
		return pool < len(p.pools) && p.pools[pool] == k.pool && k.hasID(id)
	}
	return string(spelled) == k.pool && k.hasID(id)
}

// key returns the key of a record's target.
func (p *pages) key(ref uint32, r *record) key {
	status := r.status.Load()
	k := key{kind: kindOf(status), pool: p.pools[status>>recPoolShift]}
	if status&recText == 0 {
		k.packed, k.high, k.low = true, r.target[0], r.target[1]
		return k
	}
	pool, id, _ := p.unpack(ref, r)
	if len(pool) > 0 {
		k.pool = string(pool)
	}
	return keyOf(k.kind, k.pool, string(id))
}

// act returns a record as the act that it is of.
func (p *pages) act(ref uint32, r *record) revocation.Act {
	k, s := p.key(ref, r), r.span()
	a := revocation.Act{
		ID: r.id, State: s.state, ExpiresAt: s.expires,
		Target: revocation.Target{Kind: k.kind, Pool: k.pool, ID: k.id},
		Basis:  r.basis(), Cutoff: r.cutoff(),
	}
	if r.status.Load()&recText == 0 {
		id := formatUUID(k.high, k.low)
		a.Target.ID = string(id[:])
	} else {
		_, _, except := p.unpack(ref, r)
		a.Target.ExceptSession = string(except)
	}
	return a
}

// spares reports whether the act of the record at ref excepts the session.
func (p *pages) spares(ref uint32, r *record, session string) bool {
	if r.status.Load()&recText == 0 || session == "" {
		return false
	}
	_, _, except := p.unpack(ref, r)
	return string(except) == session
}

// pageInfo is what the writer knows of a page.
type pageInfo struct {
	used, live int
	// firstEnd is not later than the first end of its records.
	firstEnd int64
}

// store is pages with what the writer needs beside them.
type store struct {
	pages
	info      []pageInfo // by page
	free      []int      // numbers of pages
	tail      int        // the page that takes new records
	poolIndex map[string]uint16
}

const (
	// pageShift makes pages of 1024 records. They are 7 pages of the operating
	// system exactly, and no size class of Go's allocator wastes a byte.
	pageShift = 10
	noEnd     = 1<<63 - 1
)

func newStore(h *hasher, shift uint8) store {
	s := store{
		pages:     pages{pools: []string{""}, scopes: []uint64{h.scope("")}, shift: shift},
		poolIndex: make(map[string]uint16),
	}
	s.newPage()
	return s
}

// newPage begins a page. It changes pages, but nothing of an older copy.
func (s *store) newPage() {
	fresh := make([]record, 1<<s.shift)
	if n := len(s.free); n > 0 {
		s.tail, s.free = s.free[n-1], s.free[:n-1]
		s.records, s.texts = slices.Clone(s.records), slices.Clone(s.texts)
		s.records[s.tail], s.texts[s.tail] = fresh, new(text)
	} else {
		s.tail = len(s.records)
		s.records, s.texts = append(s.records, fresh), append(s.texts, new(text))
		s.info = append(s.info, pageInfo{})
	}
	s.info[s.tail] = pageInfo{firstEnd: noEnd}
	if s.tail == 0 {
		s.info[0].used = 1 // reference 0 refers to nothing
	}
}

// release gives up pages whose records nobody refers to any more.
func (s *store) release(empty []int) {
	s.records, s.texts = slices.Clone(s.records), slices.Clone(s.texts)
	for _, p := range empty {
		s.records[p], s.texts[p] = nil, nil
		s.info[p] = pageInfo{firstEnd: noEnd}
	}
	s.free = append(s.free, empty...)
}

// full reports whether the next record begins a page.
func (s *store) full() bool { return s.info[s.tail].used == 1<<s.shift }

// nextRef is where put will write, if the tail has room.
func (s *store) nextRef() uint32 { return uint32(s.tail)<<s.shift | uint32(s.info[s.tail].used) }

// put writes the record of an act into the tail, which has room, without
// linking it to an index.
func (s *store) put(a *revocation.Act, sp span, next uint32) uint32 {
	info := &s.info[s.tail]
	ref := uint32(s.tail)<<s.shift | uint32(info.used)
	r := &s.records[s.tail][info.used]
	info.used++
	info.live++
	info.firstEnd = min(info.firstEnd, sp.end())
	pool := s.poolIndex[a.Target.Pool]
	flags := uint64(pool) << recPoolShift
	high, low, packed := packUUID(a.Target.ID)
	if packed && pool != 0 && a.Target.ExceptSession == "" {
		r.target = [2]uint64{high, low}
	} else {
		flags |= recText
		spelled := ""
		if pool == 0 {
			spelled = a.Target.Pool
		}
		offset, length := s.texts[s.tail].add(spelled, a.Target.ID, a.Target.ExceptSession)
		r.target = [2]uint64{uint64(offset), uint64(length)}
	}
	r.fill(a, sp, flags, next)
	return ref
}

// learnPool gives a pool an index, and reports whether that changed pages. A
// pool beyond the last index is spelled out in the text of each record.
func (s *store) learnPool(h *hasher, pool string) bool {
	if _, known := s.poolIndex[pool]; known || pool == "" || len(s.pools) == 1<<16 {
		return false
	}
	s.poolIndex[pool] = uint16(len(s.pools))
	s.pools, s.scopes = append(s.pools, pool), append(s.scopes, h.scope(pool))
	return true
}

// live returns every record that is linked, with its reference.
func (s *store) live() iter.Seq2[uint32, *record] {
	return func(yield func(uint32, *record) bool) {
		for page, records := range s.records {
			for at := range records {
				r := &records[at]
				if r.status.Load()&recLive != 0 && !yield(uint32(page)<<s.shift|uint32(at), r) {
					return
				}
			}
		}
	}
}
