package main

// receiptMutants are about what the service says that nodes enforce.
var receiptMutants = []mutant{
	{
		file: "subscriber/report.go", find: "return errors.Is(r.check(act.Witness()), revocation.ErrRevoked) && r.s.Enforces(act)", replace: "return errors.Is(r.check(act.Witness()), revocation.ErrRevoked)",
		promise: "an older act that refuses the target is no receipt", run: "Receipt",
	}, {
		file: "subscriber/report.go", find: "return errors.Is(r.check(act.Witness()), revocation.ErrRevoked) && r.s.Enforces(act)", replace: "return (errors.Is(r.check(act.Witness()), revocation.ErrRevoked) || true) && r.s.Enforces(act)",
		promise: "a node whose Check is switched off enforces nothing", run: "Receipt",
	}, {
		file: "subscriber/report.go", find: "case last < p.Sequence:", replace: "case last < p.Sequence && false:",
		promise: "a copy of the fast path alone is no receipt", run: "Receipt",
	}, {
		file: "subscriber/report.go", find: "case r.state() != fleet.StateLive:", replace: "case false:",
		promise: "a node that is not live enforces nothing", run: "Receipt",
	}, {
		file: "subscriber/report.go", find: "case policy == fleet.PolicyReportOnly:", replace: "case policy == fleet.PolicyReportOnly && false:",
		promise: "a node that only reports enforces nothing", run: "Receipt",
	}, {
		file: "publisher/members/member.go", find: "	if m.report.Policy.ServesStale() {\n		return true\n	}\n", replace: "",
		promise: "a silent node that serves while stale stays until it is removed",
	}, {
		file: "publisher/members/member.go", find: "	if accepted.After(from) {\n		from = accepted\n	}\n", replace: "",
		promise: "the lease of a silent node counts from the acceptance of the act",
	}, {
		file: "publisher/members/receipt.go", find: "now.Sub(t.since) < t.lease()", replace: "false",
		promise: "a replica that was just started proves nothing",
	}, {
		file: "publisher/members/receipt.go", find: "if r.Total == 0 {", replace: "if false {",
		promise: "no nodes are never success",
	}, {
		file: "publisher/members/receipt.go", find: "return s.Total < s.Expected", replace: "return false",
		promise: "fewer nodes than expected are never success",
	}, {
		file: "publisher/api/audit.go", find: "	if err := a.log.Record(ctx, e); err != nil {", replace: "	if err := a.log.Record(ctx, e); err != nil && false {",
		promise: "a lift that can't be recorded is not done", run: "Audit",
	},
}
