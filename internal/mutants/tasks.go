package main

var tasksMutants = []mutant{
	{
		file: "publisher/tasks/store.go", find: "jetstream.WithExpectLastSequencePerSubject(t.Version), ", replace: "",
		promise: "what another replica has stored meanwhile is not overwritten",
	}, {
		file: "publisher/tasks/store.go", find: "case r.Put == mark:", replace: "case false:",
		promise: "a write whose acknowledgement was lost is not merged with itself",
	}, {
		file: "publisher/tasks/store.go", find: "return cfg.Takeover + mathrand.N(cfg.Takeover/4+1)", replace: "return 0",
		promise: "a task is left to the replica that stored it",
	}, {
		file: "publisher/tasks/store.go", find: "left := time.Unix(t.KeepUntil, 0).Add(keepFor(t.Act.Target.Pool)).Sub(now)", replace: "left := time.Unix(t.KeepUntil, 0).Sub(now)",
		promise: "a task is known until a day after the end of its act",
	}, {
		file: "publisher/tasks/seal.go", find: "b.act.String(), b.pool, b.client, keyID}", replace: "b.pool, b.client, keyID}",
		promise: "what is sealed opens in its own task only",
	}, {
		file: "publisher/tasks/record.go", find: "		r.Grant = kept\n", replace: "",
		promise: "a replica without the key does not destroy what is sealed",
	}, {
		file: "publisher/tasks.go", find: "	m.Act = t.Act.Merge(other.Act)\n", replace: "",
		promise: "a version that was made from an old one undoes no state", run: "TestMerge",
	}, {
		file: "publisher/budget.go", find: "b.addresses.allow(address) && ", replace: "",
		promise: "garbage from one address leaves something of the budget to others", run: "TestGarbage",
	}, {
		file: "publisher/cognito/pacer.go", find: "if left := p.last.Add(p.gap).Sub(now); left > 0 {", replace: "if left := p.last.Sub(now); left > 0 {",
		promise: "no second has more calls to Cognito than the limit", run: "TestLimitHolds",
	}, {
		file: "publisher/cognito/breaker.go", find: "	CodeUnreachable:           true,\n	CodeUnreadable:            true,\n	\"InternalErrorException\":  true,\n", replace: "",
		promise: "while Cognito does not answer, calls are held back", run: "TestOutage",
	}, {
		file: "publisher/leg.go", find: "if ok && cognito.Unsent {", replace: "if false {",
		promise: "a call that was held back is no attempt", run: "TestHeldBack",
	},
}
