package main

var validatorMutants = []mutant{
	{
		file: "validator/header.go", find: `alg != "RS256"`, replace: `alg == "none"`,
		promise: "the token never chooses the algorithm",
	}, {
		file: "validator/header.go", find: `[]string{"crit", "b64"}`, replace: `[]string{"b64"}`,
		promise: "an extension in crit is refused",
	}, {
		file: "validator/header.go", find: "base64.RawURLEncoding.Strict()", replace: "base64.RawURLEncoding",
		promise: "a token has one spelling",
	}, {
		file: "validator/header.go", find: "if len(token) > maxBytes {", replace: "if len(token) >= maxBytes {",
		promise: "a token of just the allowed length is read",
	}, {
		file: "validator/validator.go", find: "err = v.checkDenylist(tok.token)", replace: "err = nil",
		promise: "the denylist is asked on every request",
	}, {
		file: "validator/validator.go", find: "	if err := v.checkTimes(tok, time.Now()); err != nil {\n		return nil, err\n	}\n", replace: "",
		promise: "expired tokens are refused",
	}, {
		file: "validator/validator.go", find: "	case reason == ReasonStale:\n		return tok, err\n", replace: "",
		promise: "beside ErrStale comes the verified token",
	}, {
		file: "validator/jwx.go", find: "bits < minRSABits", replace: "bits < 1024",
		promise: "RSA keys below 2048 bits are ignored",
	}, {
		file: "validator/keys.go", find: "time.Since(s.started) < refetchInterval", replace: "false",
		promise: "unknown kids do not make a node fetch without bound",
	},
}
