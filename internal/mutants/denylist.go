package main

var denylistMutants = []mutant{
	{
		file: "internal/denylist/record.go", find: "now < s.expires+leewaySeconds && (", replace: "now <= s.expires+leewaySeconds && (",
		promise: "an act ends at its expiry plus leeway, not a second later",
	}, {
		file: "internal/denylist/record.go", find: "(s.until == 0 || now < s.until)", replace: "(s.until == 0 || now <= s.until)",
		promise: "a provisional act ends in time",
	}, {
		file: "internal/denylist/record.go", find: "	return s.expires + leewaySeconds", replace: "	return s.expires",
		promise: "nodes add MaxLeeway to the end of every act",
	}, {
		file: "internal/denylist/record.go", find: "return s.keep + leewaySeconds", replace: "return s.expires + leewaySeconds",
		promise: "a tombstone outlives every copy that it cancels",
	}, {
		file: "internal/denylist/record.go", find: "	return int64(low) | 1<<32\n", replace: "	return int64(low)\n",
		promise: "times have 33 bits",
	}, {
		file: "internal/denylist/denylist.go", find: "if a.State == revocation.StateLifted || until <= 0 {", replace: "if until <= 0 {",
		promise: "the fast path never lifts",
	}, {
		file: "internal/denylist/denylist.go", find: "	if before.until == 0 {\n		return Unchanged\n	}", replace: "",
		promise: "a fast copy does not make an act of the stream provisional",
	}, {
		file: "internal/denylist/denylist.go", find: "	after.until = 0\n", replace: "",
		promise: "the stream's copy makes a provisional act permanent",
	}, {
		file: "internal/denylist/find.go", find: "		return tok.OriginJTI\n", replace: "		return tok.JTI\n",
		promise: "sessions are looked up",
	}, {
		file: "internal/denylist/find.go", find: " || p.spares(ref, r, tok.OriginJTI)", replace: "",
		promise: "the excepted session is spared",
	}, {
		file: "internal/denylist/find.go", find: "			ref = r.next()\n		}\n		again := d.snap.Load()\n		if again == s {\n			if head", replace: "			break\n		}\n		again := d.snap.Load()\n		if again == s {\n			if head",
		promise: "each act on a target counts",
	}, {
		file: "internal/denylist/generation.go", find: "d.now.added >= d.now.capacity", replace: "false",
		promise: "the filter grows before it is full",
	}, {
		file: "internal/denylist/generation.go", find: "	_, first := d.now.index.find(&d.store.pages, hash, &k)\n", replace: "	first := ref\n",
		promise: "a rebuild keeps every act on a target",
	}, {
		file: "internal/denylist/prune.go", find: "if end := s.end(); end > asOf {", replace: "if end := s.end(); end >= asOf {",
		promise: "Prune removes what has ended by then",
	}, {
		file: "internal/denylist/denylist.go", find: "info.firstEnd = min(info.firstEnd, after.end())", replace: "_ = info",
		promise: "an act that was shortened is removed at its new end",
	}, {
		file: "internal/denylist/prune.go", find: "return page != d.store.tail && ", replace: "return false && ",
		promise: "memory of ended acts is given back",
	}, {
		file: "internal/denylist/uuid.go", find: "badA|badB|badC|badD == 0", replace: "badA|badB|badC|badD >= 0",
		promise: "only the canonical spelling of a UUID is packed",
	},
	{
		file: "internal/denylist/hash.go", find: "word8(id[28:36])+k[4], k[5]", replace: "word8(id[24:32])+k[4], k[5]",
		promise: "every byte of an id counts in its hash",
	}, {
		file: "internal/denylist/filter.go", find: "	for half := first; half < first+blockWords; half += blockWords / 2 {\n", replace: "	for half := first; half == first; half += blockWords / 2 {\n",
		promise: "the filter sets every bit that a check looks at",
	},
	// Broken builds that the soak must catch.
	{
		file: "internal/denylist/hash.go", run: "TestSoak",
		find:    "hashUUID(&h.uuids, id))\n	}\n	return h.mix(kind, scope, maphash.String(h.ids, id))\n}",
		replace: "hashUUID(&h.uuids, buffer[:copy(buffer, id)]))\n	}\n	return h.mix(kind, scope, maphash.String(h.ids, id))\n}\n\nvar buffer = make([]byte, uuidLength)",
		promise: "checks share no hasher",
	}, {
		file: "internal/denylist/denylist.go", find: "		d.next.link(slot, t.hash, there, ref)\n", replace: "		_, _ = slot, there\n", run: "TestSoak",
		promise: "a rebuild does not forget concurrent inserts",
	}, {
		file: "internal/denylist/denylist.go", find: "	d.now.link(t.slot, t.hash, t.head, ref)\n", run: "TestSoak",
		replace: "	d.acts.Add(1)\n	d.now.link(t.slot, t.hash, t.head, ref)\n	d.acts.Add(-1)\n",
		promise: "the filter's bits are set before the count says so",
	}, {
		file: "internal/denylist/denylist.go", find: "	d.acts.Add(1)\n", run: "TestSoak",
		replace: "	d.acts.Add(1)\n	if r := d.store.record(ref); d.Len()%200 == 0 {\n		d.remove(ref, r, r.span())\n	}\n",
		promise: "no live entry is evicted",
	}, {
		file: "internal/denylist/find.go", find: "h.Denylist != d.hasher.instance || ", replace: "h.Denylist == 0 || ", run: "TestSoak",
		promise: "hashes of another instance are not used",
	}, {
		file: "internal/denylist/denylist.go", find: "		d.outlived[a.ID] = lift\n", replace: "",
		promise: "a lift that a copy outlives is named",
	}, {
		file: "internal/denylist/denylist.go", find: "		delete(d.outlived, a.ID)\n", replace: "",
		promise: "a lift that outlives every copy is not named",
	}, {
		file: "internal/denylist/prune.go", find: "	delete(d.outlived, r.id)\n", replace: "",
		promise: "a lift whose every copy has ended is not named",
	},
}
