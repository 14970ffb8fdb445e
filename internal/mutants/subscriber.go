package main

var subscriberMutants = []mutant{
	{
		file: "subscriber/follow.go", find: "if f.deny.Apply(a) == denylist.Enforced {", replace: "if f.deny.Apply(a) != denylist.Unchanged {",
		promise: "propagation counts an act once, by the copy that brings it into force", run: "TestPropagation",
	}, {
		file: "subscriber/follow.go", find: "case f.since.IsZero() || sent.Before(f.since):", replace: "case sent.Before(f.since):",
		promise: "what a start replays is not propagation", run: "TestPropagation",
	}, {
		file: "subscriber/follow.go", find: "case sent.After(stored):", replace: "case false:",
		promise: "a sender whose clock is ahead does not make propagation look faster", run: "TestPropagation",
	}, {
		file: "subscriber/propagation.go", find: " + time.Duration(p.behind.Load())", replace: "",
		promise: "a node whose clock is behind does not make propagation look faster", run: "TestPropagation",
	}, {
		file: "subscriber/follow.go", find: "		f.view.count(&f.view.counters.Reconnects)\n		f.catchUp(ctx)\n", replace: "		f.view.count(&f.view.counters.Reconnects)\n",
		promise: "a reconnect catches up although nothing seems missing",
	}, {
		file: "subscriber/follow.go", find: "case ev.sequence <= f.last:", replace: "case ev.sequence < f.last:",
		promise: "a repeated message changes nothing",
	}, {
		file: "subscriber/follow.go", find: "	if ev.sequence > f.last+1 {\n		if !f.behind {", replace: "	if false {\n		if !f.behind {",
		promise: "a hole is noticed",
	}, {
		file: "subscriber/follow.go", find: "if t.sequence > f.last {", replace: "if false {",
		promise: "a tick ahead of what is applied proves nothing",
	}, {
		file: "subscriber/follow.go", find: "f.view.proven(newest.at, now)", replace: "f.view.proven(now, now)",
		promise: "the as-of time is the server's, not that of arrival",
	}, {
		file: "subscriber/catchup.go", find: "uint64(len(b.payloads)) != want {", replace: "uint64(len(b.payloads)) > want {",
		promise: "a short batch is refused",
	}, {
		file: "subscriber/catchup.go", find: "if f.last < f.target {", replace: "if false {",
		promise: "a replica that lags is asked again",
	}, {
		file: "subscriber/follow.go", find: "		f.view.unreadable(revocation.Unread{Err: err}, f.last)", replace: "		_ = err",
		promise: "what can't be read is never skipped in silence",
	}, {
		file: "subscriber/fast.go", find: "if !until.After(now) {", replace: "if false {",
		promise: "late fast copies are ignored",
	}, {
		file: "subscriber/fast.go", find: "if sent.After(now) {", replace: "if false {",
		promise: "a fast copy from the future counts no longer than a fresh one",
	}, {
		file: "subscriber/view.go", find: "now.Add(min(left, v.maxStaleness))", replace: "now.Add(v.maxStaleness)",
		promise: "an old tick leaves only the rest of MaxStaleness",
	}, {
		file: "subscriber/view.go", find: "smallest.Abs() > maxClockOffset", replace: "smallest.Abs() >= maxClockOffset",
		promise: "two seconds of clock offset are tolerated",
	}, {
		file: "subscriber/view.go", find: "	if b := v.blind.Load(); b != nil {\n		return b.err\n	}\n", replace: "",
		promise: "an incomplete view or a wrong clock is stale",
	}, {
		file: "subscriber/subscriber.go", find: "	if id, kind, found := s.deny.Find(&tok, now.Unix()); found {", replace: "	if err := s.view.check(now); err != nil {\n		return err\n	}\n	if id, kind, found := s.deny.Find(&tok, now.Unix()); found {",
		promise: "revoked wins over stale",
	}, {
		file: "subscriber/natssource.go", find: `if h.Get("Nats-Stream") != s.names.Events() {`, replace: "if false {",
		promise: "messages of another stream do not count",
	}, {
		file: "subscriber/follow.go", find: "later := ev.at.After(f.newest) || f.view.check(time.Now()) != nil", replace: "later := ev.at.After(f.newest)",
		promise: "a stream made anew is noticed although the clock was ahead before",
	}, {
		file: "subscriber/view.go", find: "return !off && offset.Abs() <= maxClockOffset, off", replace: "return !off, off",
		promise: "a tick that comes late proves nothing",
	}, {
		file: "subscriber/follow.go", find: "	if off {\n		f.ticks = nil\n	}\n", replace: "	_ = off\n",
		promise: "ticks that wait prove nothing once the clock is seen to be wrong",
	}, {
		file: "subscriber/follow.go", find: "	if ev.rollsUp {\n", replace: "	if ev.rollsUp && ev.tick {\n",
		promise: "a message that removes others is noticed", run: "MessageThatRemoves",
	}, {
		file: "subscriber/natssource.go", find: `(what != "sub" || h.Get("Nats-Subject") != s.names.Schedule())`, replace: `what != "sub"`,
		promise: "acts that were removed by their subject are missed", run: "LiveEventThatRollsUp",
	}, {
		file: "subscriber/file.go", find: "if writableByAll(info) {", replace: "if writableByAll(info) && info.Size() == 0 {",
		promise: "a local file that everybody may write is no knowledge", run: "FileOfEverybody",
	}, {
		file: "subscriber/file.go", find: "	if err := os.Remove(next); err != nil &&", replace: "	if err := error(nil); err != nil &&",
		promise: "what a crash has left does not keep a file from being written", run: "FileOfEverybody",
	}, {
		file: "subscriber/catchup.go", find: "	f.anchor = f.mark\n", replace: "",
		promise: "a rollback while all is read anew is noticed", run: "FullDenylist",
	}, {
		file: "subscriber/config.go", find: "return s.MaxStaleness + defaultOpenTimeout", replace: "return defaultOpenTimeout",
		promise: "a start from a local file gets past a stream that was made anew",
	}, {
		file: "subscriber/view.go", find: "return min(asOf.Unix(), now.Unix())", replace: "return max(asOf.Unix(), now.Unix())",
		promise: "a clock that jumps ahead loses no act", run: "RemovedByTheClock",
	},
}
