package main

var apiMutants = []mutant{
	{
		file: "publisher/api/role.go", find: "revocation.KindUser, revocation.KindDevice:", replace: "revocation.KindUser, revocation.KindDevice, revocation.KindGroup:",
		promise: "only an admin revokes or lifts a group",
	}, {
		file: "publisher/api/admin.go", find: `err = c.permits(op.least, "do this")`, replace: "_ = op.least",
		promise: "a viewer revokes nothing",
	}, {
		file: "publisher/api/caller.go", find: "slices.Contains(g.Clients, tok.Claims.ClientID) && ", replace: "",
		promise: "tokens for other apps let nobody in",
	}, {
		file: "publisher/api/caller.go", find: "g.Pool == tok.Claims.Pool && ", replace: "",
		promise: "a group of the same name in another pool lets nobody in",
	}, {
		file: "publisher/api/representation.go", find: "if to >= RoleOperator {", replace: "if to >= RoleViewer {",
		promise: "viewers see no words of operators",
	}, {
		file: "publisher/api/limits.go", find: "		return l.crowd\n", replace: "		return rate.NewLimiter(l.rate, l.burst)\n",
		promise: "nobody is without a limit, however many callers there are",
	}, {
		file: "publisher/api/batch.go", find: "			if r.Context().Err() != nil {\n				return\n			}\n", replace: "",
		promise: "who goes away stops the lines that were not begun", run: "BatchOfSomebody",
	}, {
		file: "publisher/api/batch.go", find: "once.line(l.number)", replace: "once",
		promise: "each line of a batch is a request of its own",
	}, {
		file: "publisher/api/once.go", find: `c.bucket + "\x00" + `, replace: "",
		promise: "the idempotency keys of two callers differ",
	}, {
		file: "publisher/api/explain.go", find: "	if !ex.Known {\n", replace: "	if !ex.Known && len(ex.Fails) == 0 {\n",
		promise: "nothing is believed that a forged token says",
	}, {
		file: "publisher/once.go", find: "case t.Once.Request != req.Once.Request:", replace: "case t.Once.Request == [32]byte{}:",
		promise: "a key that is used for another request is noticed", run: "Once",
	}, {
		file: "publisher/once.go", find: "case t.Denied.Sequence == 0:", replace: "case t.Act.ID.IsZero():",
		promise: "a repeated request is no success before the act is durable", run: "Once",
	}, {
		file: "publisher/api/batch.go", find: " || b.each[bucket] >= maxBatchesEach", replace: "",
		promise: "no caller has all batches", run: "BatchesAreBounded",
	}, {
		file: "publisher/api/batch.go", find: "		a.cfg.auditor.refused(ctx, sender, p.Status)\n", replace: "",
		promise: "a line that is refused leaves a trace", run: "LeavesATrace",
	}, {
		file: "publisher/api/audit.go", find: "		limit = a.refusals\n", replace: "",
		promise: "noise of strangers hides no refusal of an operator", run: "RefusalsAreBounded",
	}, {
		file: "publisher/api/turns.go", find: "make(chan struct{}, 1)", replace: "make(chan struct{}, 1000)",
		promise: "requests about one token are carried out one after the other", run: "Turns",
	}, {
		file: "publisher/api/public.go", find: "	defer free()\n	tok, err :=", replace: "	free()\n	tok, err :=",
		promise: "a token that is presented many times at once is revoked once", pkg: "internal/service", run: "ManyRequestsAtOnce",
	}, {
		file: "publisher/api/public.go", find: "	defer free()\n	alreadyDenied", replace: "	free()\n	alreadyDenied",
		promise: "a session that is presented many times at once is revoked once", pkg: "internal/service", run: "ManyRequestsAtOnce",
	}, {
		file: "publisher/api/public.go", find: "case err != nil, tok.ID, !cl.owns(tok):", replace: "case err != nil, tok.ID:",
		promise: "an access token of another client is refused beside a refresh token, expired or not",
	}, {
		file: "internal/service/pools.go", find: "if p.RoleARN != \"\" {", replace: "if false {",
		promise: "calls about a pool of another account are signed by its role", run: "PoolsOfSeveral",
	}, {
		file: "internal/service/pools.go", find: "quotaScope{p.account(), p.region()}", replace: "quotaScope{own, p.region()}",
		promise: "pools of two accounts do not share the quotas of one", run: "PoolsOfSeveral",
	}, {
		file: "publisher/cognito/awsconfig/awsconfig.go", find: "o.ExternalID = aws.String(role.ExternalID)", replace: "_ = o",
		promise: "a role is assumed with the external id that it asks for", run: "Assume",
	}, {
		file: "publisher/cognito/awsconfig/awsconfig.go", find: "o.ExpiryWindow, o.ExpiryWindowJitterFrac = renewBefore, 0.5", replace: "_ = o",
		promise: "the credentials of a role are renewed before they end", run: "Assume",
	},
}
