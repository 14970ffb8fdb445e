package main

var denylistMutants = []mutant{
	{
		file: "internal/denylist/denylist.go", find: "return now < e.end() && !e.act.Expired(now)", replace: "return now <= e.end()",
		promise: "an act ends at its expiry plus leeway, not a second later",
	}, {
		file: "internal/denylist/denylist.go", find: "	return e.act.ExpiresAt + leewaySeconds", replace: "	return e.act.ExpiresAt",
		promise: "nodes add MaxLeeway to the end of every act",
	}, {
		file: "internal/denylist/denylist.go", find: "return e.keep + leewaySeconds", replace: "return e.act.ExpiresAt + leewaySeconds",
		promise: "a tombstone outlives every copy that it cancels",
	}, {
		file: "internal/denylist/denylist.go", find: "if a.State == revocation.StateLifted || until <= 0 {", replace: "if until <= 0 {",
		promise: "the fast path never lifts",
	}, {
		file: "internal/denylist/denylist.go", find: "	if e.until == 0 {\n		return false\n	}", replace: "",
		promise: "a fast copy does not make an act of the stream provisional",
	}, {
		file: "internal/denylist/denylist.go", find: "	e.until = 0\n", replace: "",
		promise: "the stream's copy makes a provisional act permanent",
	}, {
		file: "internal/denylist/denylist.go", find: "look(revocation.KindSession, tok.OriginJTI)", replace: "_ = tok.OriginJTI",
		promise: "sessions are looked up",
	}, {
		file: "internal/denylist/denylist.go", find: "if d.added >= d.capacity {", replace: "if false {",
		promise: "the filter grows before it is full",
	}, {
		file: "internal/denylist/denylist.go", find: "if e := d.acts[id]; e != nil && e.end() <= asOf {", replace: "if e := d.acts[id]; e != nil {",
		promise: "an extended act outlives its first end",
	}, {
		file: "internal/denylist/ends.go", find: "h.items[0].at > t", replace: "h.items[0].at >= t",
		promise: "Prune removes what has ended by then",
	}, {
		file: "internal/denylist/filter.go", find: "	for k := range d.byTarget {\n		d.filter.Add(d.digest(k).bytes())\n	}\n", replace: "",
		promise: "the filter never says no to a member after a rebuild",
	},
}
