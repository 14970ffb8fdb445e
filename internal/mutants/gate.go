package main

var gateMutants = []mutant{
	{
		file: "internal/gate/rules.go", find: "rs.prefix[at]; found {", replace: "rs.prefix[at]; found && at == \"\" {",
		promise: "the rule with the longest path decides", run: "TestFind",
	}, {
		file: "internal/gate/rules.go", find: "		if r.methods == nil {", replace: "		if r != nil {",
		promise: "a method that no rule of the path takes is refused", run: "TestFind",
	}, {
		file: "internal/gate/rules.go", find: "rs.longestFolded(plain) != at {", replace: "rs.longestFolded(plain) != at && at == \"none\" {",
		promise: "a path that is another rule's in other letters is refused", run: "TestFind",
	}, {
		file: "internal/gate/rules.go", find: "strings.ToLower(strings.ToUpper(path))", replace: "strings.ToLower(path)",
		promise: "no letter stands for another one in an upstream and not in the gate", run: "TestFind",
	}, {
		file: "internal/gate/rules.go", find: "if dot > 0 && rs", replace: "if dot < 0 && rs",
		promise: "a path that is another rule's in another format is refused", run: "TestFind",
	}, {
		file: "internal/gate/rules.go", find: "strings.TrimRight(segment, \". \")", replace: "strings.TrimRight(segment, \"\")",
		promise: "a path that is another rule's to Windows is refused", run: "TestFind",
	}, {
		file: "internal/gate/path.go", find: "s == \".\" || s == \"..\" || ", replace: "",
		promise: "paths with dot segments are refused", run: "TestCleanPath",
	}, {
		file: "internal/gate/path.go", find: " || unreserved(c)", replace: "",
		promise: "paths with needless encodings are refused", run: "TestCleanPath",
	}, {
		file: "internal/gate/forward.go", find: "len(methods) != 1 || len(targets) != 1", replace: "len(methods) == 0 || len(targets) == 0",
		promise: "a forwarded header that is there twice is refused", run: "TestDecisions",
	}, {
		file: "internal/gate/forward.go", find: "			w.Header().Set(identityHeaders[i], value)", replace: "			if value != \"\" {\n				w.Header().Set(identityHeaders[i], value)\n			}",
		promise: "identity headers that the token has no value for are emptied", run: "TestDecisions",
	}, {
		file: "internal/gate/forward.go", find: "ans.Remove = append(ans.Remove, identityHeaders[i])", replace: "continue",
		promise: "Envoy strips the identity headers that a client sends", run: "TestDecisions",
	}, {
		file: "internal/gate/answer.go", find: "headerText(g, \",\")", replace: "headerText(g, \"\")",
		promise: "a group with a comma in its name is not two groups", run: "TestDecisions",
	}, {
		file: "internal/gate/decide.go", find: "	case !j.deny.complete():\n", replace: "",
		promise: "no rule fails open before the first view", run: "TestBreakGlass$",
	}, {
		file: "internal/gate/decide.go", find: "reason == validator.ReasonStale && j.glassBroken()", replace: "j.glassBroken()",
		promise: "the break-glass serves nothing that Cognito refuses", run: "TestAskCognito",
	}, {
		file: "internal/gate/decide.go", find: "unmet != validator.ReasonOK {", replace: "unmet != validator.ReasonOK && reason == validator.ReasonOK {",
		promise: "a token that may not do this may not do it while stale either", run: "TestStalePolicies",
	}, {
		file: "internal/gate/decide.go", find: "!slices.Contains(pools, tok.Pool):", replace: "!slices.Contains(pools, tok.Pool) && tok.Pool == \"\":",
		promise: "claims of a pool that is not configured prove nothing", run: "TestCheckAPI",
	}, {
		file: "internal/lateview/lateview.go", find: "func (v *View) Itself() any { return v }", replace: "func (v *View) Itself() any { return v.sub.Load() }",
		promise: "the hashes that are kept with tokens are used", run: "TestHashed",
	}, {
		file: "internal/gate/metrics.go", find: "	if i >= maxRuleLabels {", replace: "	if i >= 1000*maxRuleLabels {",
		promise: "however many rules there are, the labels are bounded", run: "TestRuleLabels",
	}, {
		file: "internal/gate/metrics.go", find: "			n.servedStale.WithLabelValues(via, label)\n", replace: "			_ = label\n",
		promise: "the first request that a rule serves while stale is noticed", run: "TestDecisions",
	},
}
