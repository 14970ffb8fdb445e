package main

var revocationMutants = []mutant{
	// Match rules.
	{
		file: "revocation/act.go", find: "tok.IssuedAt <= cutoff", replace: "tok.IssuedAt < cutoff",
		promise: "a token issued within the second of the cutoff is refused",
	}, {
		file: "revocation/act.go", find: "tok.AuthTime <= cutoff", replace: "tok.AuthTime < cutoff",
		promise: "a session signed in within the second of the cutoff is refused",
	}, {
		file: "revocation/act.go", find: "return basis == BasisSession && tok.AuthTime != 0 && tok.AuthTime <= cutoff", replace: "return false",
		promise: "on the session basis a fresh token of an old session is refused",
	}, {
		file: "revocation/act.go", find: "return basis == BasisSession && tok.AuthTime", replace: "return tok.AuthTime",
		promise: "on the token basis a token refreshed after the cutoff is accepted",
	}, {
		file: "revocation/act.go", find: "if tok.IssuedAt == 0 && (", replace: "if false && (",
		promise: "a token with neither iat nor auth_time is refused",
	}, {
		file: "revocation/act.go", find: "(basis == BasisToken || tok.AuthTime == 0)", replace: "tok.AuthTime == 0",
		promise: "on the token basis auth_time does not stand in for iat",
	}, {
		file: "revocation/act.go", find: "a.Target.Pool == tok.Pool && ", replace: "",
		promise: "acts are scoped by pool",
	}, {
		file: "revocation/act.go", find: "a.State != StateLifted && ", replace: "",
		promise: "a lifted act refuses nothing",
	}, {
		file: "revocation/act.go", find: "a.State != StateLifted &&", replace: "a.State == StateConfirmed &&",
		promise: "an open act refuses before Cognito has confirmed it",
	}, {
		file: "revocation/act.go", find: "&& a.cuts(tok)", replace: "",
		promise: "a new sign-in passes",
	}, {
		file: "revocation/act.go", find: `return id != "" && id == tok.OriginJTI`, replace: "return id == tok.OriginJTI",
		promise: "an empty claim matches nothing",
	}, {
		file: "revocation/act.go", find: `return id != "" && id == tok.OriginJTI`, replace: `return id != "" && id == tok.JTI`,
		promise: "a session act refuses every token of the sign-in",
	}, {
		file: "revocation/act.go", find: `return id != "" && id == tok.DeviceKey`, replace: "return false",
		promise: "no kind is skipped: device",
	}, {
		file: "revocation/act.go", find: `if id != "" && id == g {`, replace: `if id != "" && id == tok.Groups[0] && g == id {`,
		promise: "groups are compared element by element",
	}, {
		file: "revocation/act.go", find: `t.ExceptSession != "" && t.ExceptSession == tok.OriginJTI`, replace: "t.ExceptSession == tok.OriginJTI",
		promise: "a token without a session is not spared by an act without exception",
	}, {
		file: "revocation/act.go", find: " && !a.Target.spares(tok)", replace: "",
		promise: "except_session spares that session",
	},
	// Merging and ending.
	{
		file: "revocation/act.go", find: "if b.State > a.State ||", replace: "if b.State < a.State ||",
		promise: "the higher state wins",
	}, {
		file: "revocation/act.go", find: "b.State == a.State && b.ExpiresAt > a.ExpiresAt", replace: "b.State == a.State && b.ExpiresAt < a.ExpiresAt",
		promise: "within one state the larger expiry wins",
	}, {
		file: "revocation/act.go", find: "b.State == a.State && b.ExpiresAt > a.ExpiresAt", replace: "b.ExpiresAt > a.ExpiresAt",
		promise: "an extension does not undo a lift",
	}, {
		file: "revocation/act.go", find: "a.ExpiresAt+int64(MaxLeeway/time.Second)", replace: "a.ExpiresAt+0*int64(MaxLeeway/time.Second)",
		promise: "an act refuses until the leeway is over",
	}, {
		file: "revocation/act.go", find: "return now >= a.ExpiresAt", replace: "return now > a.ExpiresAt",
		promise: "an act ends at the second that is documented",
	},
	// Validity.
	{
		file: "revocation/act.go", find: "return a.validateCutoff()", replace: "return nil",
		promise: "no act has a cutoff that its kind does not take",
	}, {
		file: "revocation/act.go", find: "len(id) > MaxIDLength", replace: "len(id) >= MaxIDLength",
		promise: "ids of 256 bytes are valid",
	}, {
		file: "revocation/act.go", find: "unicode.IsControl(r)", replace: "unicode.IsControl(r) && r < 0x7f",
		promise: "no control character reaches a terminal",
	}, {
		file: "revocation/act.go", find: "strings.ToLower(s) != s", replace: "strings.TrimSpace(s) != s",
		promise: "an act id has one spelling",
	},
	// Claims.
	{
		file: "revocation/claims.go", find: `strings.HasPrefix(pool, region+"_")`, replace: "true",
		promise: "an issuer of another Region is no issuer of the pool",
	}, {
		file: "revocation/claims.go", find: `region, ok = strings.CutSuffix(region, ".amazonaws.com")`, replace: `region, _, ok = strings.Cut(region, ".amazonaws.com")`,
		promise: "a longer host is no issuer",
	}, {
		file: "revocation/claims.go", find: `strings.CutPrefix(iss, "https://")`, replace: `strings.CutPrefix(iss, "http")`,
		promise: "the issuer's scheme is https",
	}, {
		file: "revocation/claims.go", find: `strings.TrimPrefix(host, "issuer-")`, replace: "host",
		promise: "both issuers of a pool are known",
	}, {
		file: "revocation/claims.go", find: ` && iss != "" && known.Pool != ""`, replace: "",
		promise: "a half-filled issuer maps no token to the empty pool",
	}, {
		file: "revocation/claims.go", find: "v == math.Trunc(v) && ", replace: "",
		promise: "a date with a fraction is malformed",
	}, {
		file: "revocation/claims.go", find: "!ok || sec < 0 || sec >= maxSeconds", replace: "!ok || sec < 0",
		promise: "a date in milliseconds is malformed",
	}, {
		file: "revocation/claims.go", find: "return max(sec, 1)", replace: "return sec",
		promise: "a date of 0 is not an absent one",
	}, {
		file: "revocation/claims.go", find: `r.fail(claim, "has an element that is not a string")`, replace: "continue",
		promise: "a group that is not a string is malformed, not ignored",
	}, {
		file: "revocation/claims.go", find: "tok.ClientID = r.audience()", replace: `tok.ClientID = r.text("client_id")`,
		promise: "an ID token's client is its aud",
	}, {
		file: "revocation/claims.go", find: `r.fail("token_use", `, replace: "_ = len(",
		promise: "a token of an unknown use is malformed",
	},
	// Wire.
	{
		file: "revocation/wire.go", find: "if err == nil && version > WireVersion {", replace: "if false {",
		promise: "an act of a later version is never read as one of this version",
	}, {
		file: "revocation/wire.go", find: "invalid := a.Validate(); invalid != nil", replace: "invalid := a.Validate(); false && invalid != nil",
		promise: "an act of a later kind is unread, not accepted",
	}, {
		file: "revocation/wire.go", find: "m.Unread = append(m.Unread, *unread)", replace: "_ = unread",
		promise: "an act that can't be read is never skipped in silence",
	}, {
		file: "revocation/wire.go", find: "malformed = err", replace: "return err",
		promise: "the expiry of a later version's act is found whatever its order of fields",
	}, {
		file: "revocation/wire.go", find: "State(min(state, 255))", replace: "State(state)",
		promise: "a number of later days does not wrap to a known state",
	}, {
		file: "revocation/wire.go", find: "if err == nil && v >= maxSeconds {", replace: "if err == nil && v > maxSeconds {",
		promise: "times on the wire are below 2^33",
	}, {
		file: "revocation/wire.go", find: "if err == nil && !utf8.Valid(v) {", replace: "if false && !utf8.Valid(v) {",
		promise: "text that is not UTF-8 is refused",
	}, {
		file: "revocation/wire.go", find: "if err == nil && len(v) != len(id) {", replace: "if err == nil && len(v) > len(id) {",
		promise: "a short act id is not filled up",
	}, {
		file: "revocation/wire.go", find: "fieldActBasis     protowire.Number = 9", replace: "fieldActBasis     protowire.Number = 11",
		promise: "field numbers never change",
	},
}
