package main

// probeMutants are about what the prober says of the fleet.
var probeMutants = []mutant{
	{
		file: "publisher/prober/prober.go", find: "	if receipt.Met {", replace: "	if receipt.Met || len(receipt.Stragglers) == 0 {",
		promise: "a fleet with fewer nodes than there must be is no success",
	}, {
		file: "publisher/prober/prober.go", find: " - s.ReportOnly,", replace: ",",
		promise: "nodes that only report are not missed",
	}, {
		file: "publisher/prober/prober.go", find: "context.WithTimeout(ctx, p.cfg.Timeout)", replace: "context.WithTimeout(ctx, p.cfg.Interval)",
		promise: "a run is bounded by its timeout",
	}, {
		file: "publisher/prober/prober.go", find: "time.NewTimer(rand.N(p.cfg.Interval))", replace: "time.NewTimer(rand.N(time.Second))",
		promise: "replicas that start together don't probe together",
	}, {
		file: "publisher/prober/prober.go", find: "		if ctx.Err() != nil {\n			return\n		}\n", replace: "",
		promise: "a run that the end of the process interrupts has no outcome",
	}, {
		file: "internal/service/probemetrics.go", find: "len(n.services) >= maxProbeServices", replace: "len(n.services) > maxProbeServices && service == otherServices",
		promise: "however many services nodes name, the labels are bounded", run: "ServicesOfTheProber",
	}, {
		file: "internal/service/probemetrics.go", find: "		n.took.WithLabelValues(label) // both", replace: "		// both",
		promise: "a service of which no node has ever proven anything has its histogram", run: "ServicesOfTheProber",
	}, {
		file: "publisher/query.go", find: "return pool != CanaryPool", replace: "return true",
		promise: "canaries are nobody's revocations", run: "Canar",
	}, {
		file: "publisher/leg.go", find: "	case t.canary():", replace: "	case t.canary() && false:",
		promise: "nobody carries a canary on", run: "Canar",
	},
}
