package main

// traceMutants are about what is recorded of the work.
var traceMutants = []mutant{
	{
		file: "internal/spans/apply.go", find: "	_, span := tracer.Start(context.Background(), ", replace: "	_, span := tracer.Start(trace.ContextWithRemoteSpanContext(context.Background(), producer), ",
		promise: "what a node applies is a trace of its own, with a link", pkg: "subscriber/subscriberotel",
	}, {
		file: "internal/spans/apply.go", find: "!producer.IsSampled()", replace: "!producer.IsValid()",
		promise: "a node records nothing of what the service did not sample", pkg: "subscriber/subscriberotel",
	}, {
		file: "internal/spans/traceparent.go", find: " || len(traceparent) > maxTraceparent", replace: "",
		promise: "an endless traceparent is not parsed",
	}, {
		file: "internal/spans/conventions.go", find: "	case from == Operator:", replace: "	case from == Operator || caller.IsSampled():",
		promise: "no stranger decides what is traced",
	}, {
		file: "internal/spans/spans.go", find: `		Fail(span, "error")`, replace: "		Fail(span, err.Error())",
		promise: "spans have no texts of errors",
	}, {
		file: "internal/spans/spans.go", find: "if provider == nil || !parent.IsSampled() {", replace: "if provider == nil || !parent.IsValid() {",
		promise: "what goes on later is traced only if its begin was",
	},
}
