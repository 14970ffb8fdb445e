package main

var publisherMutants = []mutant{
	// What a request means, and until when.
	{
		file: "publisher/expiry.go", find: "a.Cutoff = now.Unix() + 1", replace: "a.Cutoff = now.Unix()",
		promise: "a token minted while the request is under way is refused",
	}, {
		file: "publisher/expiry.go", find: "if a.Cutoff = req.Cutoff; a.Cutoff == 0 {", replace: "if a.Cutoff = 0; a.Cutoff == 0 {",
		promise: "a caller's own cutoff is taken",
	}, {
		file: "publisher/expiry.go", find: "			a.Basis = revocation.BasisToken\n", replace: "			a.Basis = revocation.BasisSession\n",
		promise: "client, group, device and pool take the token basis unless asked",
	}, {
		file: "publisher/expiry.go", find: `return req.Target.ExceptSession == ""`, replace: "return true",
		promise: "a user is not signed out at Cognito if one session is to be spared",
	}, {
		file: "publisher/expiry.go", find: "return req.Grant != nil", replace: "return true",
		promise: "a session known by its id alone stands",
	}, {
		file: "publisher/expiry.go", find: "a.ExpiresAt = end(time.Unix(a.Cutoff, 0), v.Token)", replace: "a.ExpiresAt = end(now, v.Token)",
		promise: "on the token basis an act ends with the last token that it covers",
	}, {
		file: "publisher/expiry.go", find: "return end(last, v.Refresh+v.Token)", replace: "return end(last, v.Refresh)",
		promise: "a standing act outlives the last token that a refresh token buys",
	}, {
		file: "publisher/expiry.go", find: "cutoff.After(last)", replace: "false",
		promise: "a standing act outlives a session that begins until the caller's cutoff",
	}, {
		file: "publisher/expiry.go", find: "	a.ExpiresAt = max(a.ExpiresAt, req.KeepUntil)\n", replace: "",
		promise: "a caller's longer expiry is a floor at acceptance",
	}, {
		file: "publisher/leg.go", find: "Validity.withDefaults().Token), t.Floor)", replace: "Validity.withDefaults().Token), 0)",
		promise: "a caller's longer expiry is a floor of the confirmed copy",
	}, {
		file: "publisher/expiry.go", find: "Add(revocation.MaxLeeway).Sub(now)", replace: "Sub(now)",
		promise: "a message stays for the leeway, too",
	}, {
		file: "publisher/expiry.go", find: "return (left + time.Second - 1).Truncate(time.Second)", replace: "return left.Truncate(time.Second)",
		promise: "the TTL of a message is rounded up",
	},
	// What is refused of a request.
	{
		file: "publisher/request.go", find: "time.Unix(r.Cutoff, 0).After(most)", replace: "false",
		promise: "no cutoff is more than two seconds ahead",
	}, {
		file: "publisher/request.go", find: "const maxCutoffAhead = 2 * time.Second", replace: "const maxCutoffAhead = 3 * time.Second",
		promise: "two seconds ahead are the most",
	}, {
		file: "publisher/request.go", find: "case !kind.HasCutoff() && r.Cutoff != 0:", replace: "case false:",
		promise: "a cutoff of a session is not ignored in silence",
	}, {
		file: "publisher/request.go", find: "case kind == revocation.KindUser && r.Basis == revocation.BasisToken:", replace: "case false:",
		promise: "the token basis of a user is not ignored in silence",
	}, {
		file: "publisher/publisher.go", find: "if messageTTL(act.ExpiresAt, now) == 0 {", replace: "if false {",
		promise: "a cutoff whose tokens have all expired is refused at once",
	},
	// Cognito.
	{
		file: "publisher/leg.go", find: "time.Now().Add(max(passed, 0))", replace: "time.Now().Add(0 * passed)",
		promise: "Cognito is told when the caller's cutoff has passed",
	}, {
		file: "publisher/leg.go", find: "<= openLife/2 {", replace: "<= 0 {",
		promise: "an open act is extended at half its life",
	}, {
		file: "publisher/leg.go", find: "act.ExpiresAt = max(act.ExpiresAt, standing(", replace: "act.ExpiresAt = max(act.ExpiresAt, 0*standing(",
		promise: "an act that Cognito does not prove stands",
	}, {
		file: "publisher/leg.go", find: "	if err == nil && !revoked {", replace: "	if err == nil && !revoked && false {",
		promise: "Cognito's success alone does not confirm a session",
	},
	// Lifts.
	{
		file: "publisher/lift.go", find: "act.State, act.ExpiresAt = revocation.StateLifted, t.KeepUntil", replace: "act.State = revocation.StateLifted",
		promise: "a lift ends with the latest end of any copy",
	}, {
		file: "publisher/lift.go", find: "		t.Cognito.State = LegCanceled\n", replace: "",
		promise: "a lift cancels a leg that has not run",
	}, {
		file: "publisher/lift.go", find: "	p.holds.interrupt(id, errLifting)\n", replace: "",
		promise: "a leg that waits does not run after the lift",
	}, {
		file: "publisher/lift.go", find: "	t.Grant = Grant{}\n", replace: "",
		promise: "a lift erases the refresh token",
	}, {
		file: "publisher/lift.go", find: "	if len(unknown) > 0 {", replace: "	if len(unknown) > len(acts) {",
		promise: "nothing is lifted if an id is unknown",
	}, {
		file: "publisher/lift.go", find: "	if !t.lifting() {\n		t.Lift =", replace: "	{\n		t.Lift =",
		promise: "a lift stays that of whoever came first",
	}, {
		file: "publisher/lift.go", find: "	if t.lifted() {\n", replace: "	if false {\n",
		promise: "a second lift changes nothing",
	}, {
		file: "publisher/lift.go", find: "	if err := p.cfg.View.AwaitLifted(ctx, t.Act); err != nil {\n		return Status{}, err\n	}\n", replace: "",
		promise: "a lift is in force on the service's own denylist before it is answered",
	}, {
		file: "publisher/lift.go", find: "if err = ctx.Err(); err == nil {", replace: "{",
		promise: "a caller who has gone away gets no further act lifted",
	}, {
		file: "publisher/leg.go", find: "	case t.lifting():\n		return p.finishLift(ctx, t)\n	case t.canary():", replace: "	case t.canary():",
		promise: "a worker finishes a lift and does not tell Cognito",
	}, {
		file: "publisher/leg.go", find: "case t.lifting(): // by another replica, meanwhile", replace: "case false:",
		promise: "an act that another replica lifts meanwhile is not confirmed",
	}, {
		file: "publisher/beat.go", find: "		p.repeatLifts(ctx)\n", replace: "",
		promise: "a lift that a copy outlives is repeated",
	}, {
		file: "publisher/tasks.go", find: "		m.Lift = l\n", replace: "		_ = l\n",
		promise: "a lift survives the merge of two versions of a task",
	}, {
		file: "publisher/tasks.go", find: "	case LegCanceled:\n		return 1\n", replace: "",
		promise: "a canceled leg is not pending again",
	}, {
		file: "publisher/crowd.go", find: "	t.ExceptSession = \"\" // nodes find it by the rest\n", replace: "",
		promise: "acts that except different sessions are one crowd", run: "Crowd",
	}, {
		file: "publisher/crowd.go", find: "	c.next[t] = now.Add(crowdPause)\n", replace: "	c.next[t] = now\n",
		promise: "a crowd grows slowly", run: "Crowd",
	}, {
		file: "publisher/gather.go", find: "p.ttl = max(p.ttl, ttl)", replace: "p.ttl = ttl",
		promise: "a message is kept for as long as the longest of its acts", run: "Meanwhile",
	}, {
		file: "publisher/gather.go", find: "len(p.acts) < messageActs && p.size+size <= messageBytes", replace: "len(p.acts) < messageActs",
		promise: "a message of acts stays below 64 KiB", run: "Bounded",
	}, {
		file: "publisher/gather.go", find: "p.trace == of && ", replace: "",
		promise: "a message names the trace of all its acts", run: "TracesDo",
	}, {
		file: "publisher/gather.go", find: "	if p.waiting > 0 {\n		return false\n	}\n", replace: "",
		promise: "who gives up takes nobody along", run: "GivesUp",
	}, {
		file: "publisher/gather.go", find: "		g.queue = slices.Delete(g.queue, i, i+1)\n", replace: "",
		promise: "what everybody has given up does not leave any more", run: "GivenUp",
	}, {
		file: "publisher/gather.go", find: "since: time.Now()", replace: "since: time.Now().Add(time.Second)",
		promise: "a message is dated when its first act came", run: "Meanwhile",
	}, {
		file: "publisher/gather.go", find: "min(time.Duration(g.rest)*now.Sub(began), maxRest)", replace: "0*now.Sub(began)",
		promise: "a message that took long is followed by a pause", run: "Pause",
	}, {
		file: "publisher/gather.go", find: "now := time.Now(); g.waited()", replace: "now := time.Now(); true",
		promise: "who revokes one after the other waits for no pause", run: "NoPause",
	},
}
