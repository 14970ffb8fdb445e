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
		file: "validator/validator.go", find: "if len(token) > v.cfg.MaxTokenBytes {", replace: "if len(token) >= v.cfg.MaxTokenBytes {",
		promise: "a token of just the allowed length is read",
	}, {
		file: "validator/validator.go", find: "		err = v.checkDenylist(entry)\n", replace: "",
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
	}, {
		file: "validator/validator.go", find: "return e, v.checkTimes(e.tok, time.Now())", replace: "return e, nil",
		promise: "a kept token expires",
	}, {
		file: "validator/validator.go", find: "	epoch := v.epoch.Load()\n	if e := v.cache.get(&d, epoch)", replace: "	epoch := uint64(0)\n	if e := v.cache.get(&d, epoch)",
		promise: "a token is not kept beyond the key that signed it",
	}, {
		file: "validator/keys.go", find: "	s.set.Store(set)\n	if !same {\n		s.epoch.Add(1)\n	}\n", replace: "	s.set.Store(set)\n",
		promise: "a token verified while keys change does not count as verified with the new ones",
	}, {
		file: "validator/cache.go", find: " && e.digest == *d", replace: "",
		promise: "a kept token is known by its whole digest",
	}, {
		file: "validator/cache.go", find: "for c.bytes.Load() > c.maxBytes {", replace: "for false {",
		promise: "the cache is bounded by bytes",
	}, {
		file: "validator/cache.go", find: "	return sha256.Sum256(unsafe.Slice(unsafe.StringData(token), len(token)))", replace: "	token = token[:max(0, len(token)-300)]\n	return sha256.Sum256(unsafe.Slice(unsafe.StringData(token), len(token)))",
		promise: "the signature is part of what is kept",
	}, {
		file: "validator/validator.go", find: " && h.Itself() == any(cfg.Denylist)", replace: "",
		promise: "hashes do not pass by a Check that wraps another",
	}, {
		file: "validator/route.go", find: "d.Serve, d.StalePolicy = true, FailOpen", replace: "d.Serve = true",
		promise: "the break-glass serves what lasts longer than a request", pkg: "validator/httpauth", run: "BreakGlassServesStreams",
	},
}
