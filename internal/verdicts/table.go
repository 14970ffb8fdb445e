package verdicts

import "strings"

// Section is a part of the table.
type Section struct {
	Title, Intro string
	Cases        []Case
}

// leeway is how long after its end an act refuses, in seconds.
const leeway = 300

var (
	longID  = strings.Repeat("x", 256)
	uuid    = "0c4bb5de-3d1c-4ff7-8b4e-d2a1a3bc1f10"
	upperID = strings.ToUpper(uuid)
)

// Table returns all cases.
func Table() []Section {
	return []Section{
		kinds, cutoffs, bases, exceptions, copies, ending, ids, pools, claimForms, idTokens, mistakes,
	}
}

var kinds = Section{
	Title: "Kinds",
	Intro: "Each kind names one claim. The act must name its value, in the same pool.",
	Cases: []Case{
		{Name: "no act", Why: "Nothing speaks against the token."},
		{Name: "token", Acts: acts(token("A", "token-1")), RefusedBy: "A", Why: "`jti` is equal."},
		{Name: "another token", Acts: acts(token("A", "token-2")), Why: "Another `jti`, although of the same session."},
		{Name: "session", Acts: acts(session("A", "session-1")), RefusedBy: "A", Why: "`origin_jti` is equal."},
		{Name: "session, token refreshed later", Token: Claims{"iat": T - 1, "jti": "token-9"}, Acts: acts(session("A", "session-1")), RefusedBy: "A",
			Why: "`origin_jti` is kept over a refresh, and a session has no cutoff that a fresh token could pass."},
		{Name: "another session of the user", Acts: acts(session("A", "session-2")), Why: "Only that sign-in was revoked."},
		{Name: "user", Acts: acts(user("A", "user-1", 0)), RefusedBy: "A", Why: "`sub` is equal, and the sign-in was before the cutoff."},
		{Name: "another user", Acts: acts(user("A", "user-2", 0)), Why: "Another `sub`."},
		{Name: "client", Acts: acts(client("A", "client-1", 0)), RefusedBy: "A", Why: "`client_id` is equal, issued before the cutoff."},
		{Name: "another client", Acts: acts(client("A", "client-2", 0)), Why: "Another `client_id`."},
		{Name: "group, the first of the token's", Acts: acts(group("A", "staff", 0)), RefusedBy: "A", Why: "Each element of `cognito:groups` is compared."},
		{Name: "group, the last of the token's", Acts: acts(group("A", "admins", 0)), RefusedBy: "A", Why: "Each element of `cognito:groups` is compared."},
		{Name: "another group", Acts: acts(group("A", "guests", 0)), Why: "The token has no such group."},
		{Name: "group, token with many groups", Token: Claims{"cognito:groups": strings.Split(strings.Repeat("g,", 99)+"admins", ",")},
			Acts: acts(group("A", "admins", 0)), RefusedBy: "A", Why: "The hundredth element counts as the first does."},
		{Name: "group, token whose groups were taken away", Token: Claims{"cognito:groups": Absent}, Acts: acts(group("A", "admins", 0)),
			Why: "What the token does not claim it cannot be refused for."},
		{Name: "device", Acts: acts(device("A", "device-1", 0)), RefusedBy: "A", Why: "`device_key` is equal."},
		{Name: "another device", Acts: acts(device("A", "device-2", 0)), Why: "Another `device_key`."},
		{Name: "device, token without one", Token: Claims{"device_key": Absent}, Acts: acts(device("A", "device-1", 0)),
			Why: "Only access tokens of remembered devices name one. To end all of a user's tokens, revoke the user."},
		{Name: "pool", Acts: acts(wholePool("A", 0)), RefusedBy: "A", Why: "Every token of the pool that was issued before the cutoff."},
		{Name: "pool, a client-credentials token", Token: Claims{"origin_jti": Absent, "auth_time": Absent, "username": Absent, "cognito:groups": Absent, "device_key": Absent},
			Acts: acts(wholePool("A", 0)), RefusedBy: "A", Why: "It is a token of the pool, whatever else it lacks."},
		{Name: "client, a client-credentials token", Token: Claims{"origin_jti": Absent, "auth_time": Absent, "username": Absent, "cognito:groups": Absent, "device_key": Absent},
			Acts: acts(client("A", "client-1", 0)), RefusedBy: "A", Why: "It has a `client_id` and an `iat`."},
		{Name: "one value in two kinds", Token: Claims{"sub": "x", "client_id": "x", "origin_jti": "x", "device_key": "x", "cognito:groups": []string{"x"}, "jti": "y"},
			Acts: acts(token("A", "x")), Why: "A value is compared with the claim of its kind only."},
	},
}

var cutoffs = Section{
	Title: "Cutoffs",
	Intro: "A cutoff is a whole second of Cognito's clock and inclusive: `iat` and `auth_time` count whole seconds, so within one second nobody can tell before from after. " +
		"Callers wait for `not_before`, the second after it, before they sign in again.",
	Cases: []Case{
		{Name: "issued a second before", Token: Claims{"iat": T - 61}, Acts: acts(client("A", "client-1", -60)), RefusedBy: "A", Why: "`iat` < cutoff."},
		{Name: "issued in that second", Acts: acts(client("A", "client-1", -60)), RefusedBy: "A", Why: "`iat` = cutoff: inclusive."},
		{Name: "issued a second after", Token: Claims{"iat": T - 59}, Acts: acts(client("A", "client-1", -60)), Why: "`iat` > cutoff."},
		{Name: "signed in a second before", Token: Claims{"auth_time": T - 11, "iat": T - 5}, Acts: acts(user("A", "user-1", -10)), RefusedBy: "A", Why: "`auth_time` < cutoff."},
		{Name: "signed in during that second", Token: Claims{"auth_time": T - 10, "iat": T - 5}, Acts: acts(user("A", "user-1", -10)), RefusedBy: "A", Why: "`auth_time` = cutoff: inclusive."},
		{Name: "signed in a second after", Token: Claims{"auth_time": T - 9, "iat": T - 9}, Acts: acts(user("A", "user-1", -10)), Why: "A new sign-in at `not_before` passes."},
		{Name: "cutoff an hour ago", Acts: acts(user("A", "user-1", -3600)), Why: "The token's session began after it. The time of the check does not matter."},
		{Name: "cutoff a second ahead", Token: Claims{"auth_time": T, "iat": T}, Acts: acts(user("A", "user-1", 1)), RefusedBy: "A",
			Why: "A cutoff is the acceptance time + 1 s: a token may be minted while the request is under way."},
		{Name: "cutoff in the far future", Token: Claims{"auth_time": T, "iat": T}, Acts: acts(user("A", "user-1", 1_000_000)), RefusedBy: "A",
			Why: "Nodes compare claims, not clocks; it is the service that refuses a cutoff more than 2 s ahead."},
		{Name: "cutoff in 1970", Acts: acts(user("A", "user-1", 1-T)), Why: "Nobody signed in then."},
	},
}

var bases = Section{
	Title: "Session basis and token basis",
	Intro: "On the session basis a token is refused if `auth_time` or `iat` is at or before the cutoff: a fresh token of an old session is refused, too. " +
		"On the token basis only `iat` counts: a refresh is enough to go on, which is what a changed group or scope wants.",
	Cases: []Case{
		{Name: "user, token refreshed after the cutoff", Token: Claims{"iat": T - 1}, Acts: acts(user("A", "user-1", -10)), RefusedBy: "A",
			Why: "`auth_time` survives the refresh. This closes the race with Cognito, which may have refreshed before it was told."},
		{Name: "group, token refreshed after the cutoff", Token: Claims{"iat": T - 1}, Acts: acts(group("A", "admins", -10)),
			Why: "The token was minted with the groups as they are now."},
		{Name: "group on the session basis, token refreshed after the cutoff", Token: Claims{"iat": T - 1}, Acts: acts(group("A", "admins", -10, sessionBasis)), RefusedBy: "A",
			Why: "Everybody in the group must sign in again."},
		{Name: "client on the session basis, token refreshed after the cutoff", Token: Claims{"iat": T - 1}, Acts: acts(client("A", "client-1", -10, sessionBasis)), RefusedBy: "A",
			Why: "All sessions of the app end."},
		{Name: "device on the session basis, token refreshed after the cutoff", Token: Claims{"iat": T - 1}, Acts: acts(device("A", "device-1", -10, sessionBasis)), RefusedBy: "A",
			Why: "All sessions of the device end."},
		{Name: "pool on the session basis, token refreshed after the cutoff", Token: Claims{"iat": T - 1}, Acts: acts(wholePool("A", -10, sessionBasis)), RefusedBy: "A",
			Why: "Everybody must sign in again."},
		{Name: "pool on the token basis, token refreshed after the cutoff", Token: Claims{"iat": T - 1}, Acts: acts(wholePool("A", -10)), Why: "A refresh is enough."},
		{Name: "session basis, no auth_time, issued after the cutoff", Token: Claims{"auth_time": Absent, "iat": T - 1}, Acts: acts(client("A", "client-1", -10, sessionBasis)),
			Why: "A client-credentials token has no session: its `iat` decides."},
		{Name: "session basis, no auth_time, issued before the cutoff", Token: Claims{"auth_time": Absent}, Acts: acts(client("A", "client-1", -10, sessionBasis)), RefusedBy: "A", Why: "Its `iat` decides."},
		{Name: "session basis, no iat, signed in after the cutoff", Token: Claims{"auth_time": T - 9, "iat": Absent}, Acts: acts(user("A", "user-1", -10)),
			Strict: "`iat` is required", Why: "Issued after the sign-in, so after the cutoff."},
		{Name: "token basis, no iat", Token: Claims{"auth_time": T - 9, "iat": Absent}, Acts: acts(client("A", "client-1", -10)), RefusedBy: "A",
			Why: "Nothing proves that it was issued later; `auth_time` says nothing of this basis."},
		{Name: "session basis, neither time", Token: Claims{"auth_time": Absent, "iat": Absent}, Acts: acts(user("A", "user-1", -10)), RefusedBy: "A", Why: "Nothing proves that it was issued later."},
		{Name: "neither time, no cutoff on it", Token: Claims{"auth_time": Absent, "iat": Absent}, Acts: acts(user("A", "user-2", -10)), Strict: "`iat` is required", Why: "No act names it."},
		{Name: "iat of 0", Token: Claims{"iat": 0, "auth_time": 0}, Acts: acts(user("A", "user-1", -10)), RefusedBy: "A", Why: "1970 is before every cutoff, and is not taken for an absent claim."},
	},
}

var exceptions = Section{
	Title: "Sign out everywhere else",
	Intro: "A user act may spare one session.",
	Cases: []Case{
		{Name: "the spared session", Acts: acts(user("A", "user-1", 0, except("session-1"))), Why: "It is the one that asked."},
		{Name: "another session", Acts: acts(user("A", "user-1", 0, except("session-2"))), RefusedBy: "A", Why: "All others end."},
		{Name: "a token without a session", Token: Claims{"origin_jti": Absent}, Acts: acts(user("A", "user-1", 0, except("session-2"))), RefusedBy: "A", Why: "It is not the spared one."},
		{Name: "a token with an empty session", Token: Claims{"origin_jti": ""}, Acts: acts(user("A", "user-1", 0)), RefusedBy: "A", Why: "An act that spares nothing spares no empty claim."},
		{Name: "the spared session, under a second act", Acts: acts(user("A", "user-1", 0, except("session-1")), user("B", "user-1", 0)), RefusedBy: "B",
			Why: "The exception is that act's alone."},
		{Name: "two acts, each sparing another session", Acts: acts(user("A", "user-1", 0, except("session-1")), user("B", "user-1", 0, except("session-2"))), RefusedBy: "B",
			Why: "Either act is enough."},
		{Name: "the spared session is revoked itself", Acts: acts(user("A", "user-1", 0, except("session-1")), session("B", "session-1")), RefusedBy: "B",
			Why: "To be spared by one act is no license."},
	},
}

var copies = Section{
	Title: "Copies, states and lifts",
	Intro: "Copies of one act have one letter. They merge: of open < confirmed < lifted the higher state wins, and within one state the later end. The order of arrival never matters.",
	Cases: []Case{
		{Name: "open", Acts: acts(session("A", "session-1")), RefusedBy: "A", Why: "Refused before Cognito has confirmed."},
		{Name: "confirmed", Acts: acts(session("A", "session-1"), session("A", "session-1", confirmed)), RefusedBy: "A", Why: "Refused after it has."},
		{Name: "lifted", Acts: acts(session("A", "session-1"), session("A", "session-1", lifted)), Why: "The undo."},
		{Name: "the lift comes first", Acts: acts(session("A", "session-1", lifted), session("A", "session-1")), Why: "It is kept as a tombstone."},
		{Name: "a confirmation comes after the lift", Acts: acts(session("A", "session-1"), session("A", "session-1", lifted), session("A", "session-1", confirmed)), Why: "Lifted is final."},
		{Name: "an extension comes after the lift", Acts: acts(session("A", "session-1"), session("A", "session-1", lifted), session("A", "session-1", ends(10*86_400))), Why: "Lifted is final."},
		{Name: "an old copy is replayed after the lift", Acts: acts(session("A", "session-1"), session("A", "session-1", lifted), session("A", "session-1")), Why: "Lifted is final."},
		{Name: "lifted twice", Acts: acts(session("A", "session-1"), session("A", "session-1", lifted), session("A", "session-1", lifted)), Why: "A second lift changes nothing."},
		{Name: "one of two acts is lifted", Acts: acts(session("A", "session-1"), session("B", "session-1"), session("A", "session-1", lifted)), RefusedBy: "B",
			Why: "A lift names an act, not a target."},
		{Name: "both of two acts are lifted", Acts: acts(session("A", "session-1"), session("B", "session-1"), session("B", "session-1", lifted), session("A", "session-1", lifted)), Why: "Nothing is left."},
		{Name: "revoked again after a lift", Acts: acts(session("A", "session-1"), session("A", "session-1", lifted), session("B", "session-1")), RefusedBy: "B", Why: "A new act is a new act."},
		{Name: "the lift of an act that ends earlier than the act", Acts: acts(session("A", "session-1"), session("A", "session-1", lifted, ends(-86_400))),
			Why: "A tombstone outlives every copy that it cancels."},
		{Name: "the same copy three times", Acts: acts(user("A", "user-1", 0), user("A", "user-1", 0), user("A", "user-1", 0)), RefusedBy: "A", Why: "Duplicates do not count."},
		{Name: "two acts on one target", Acts: acts(user("A", "user-1", 0), user("B", "user-1", 0)), RefusedBy: "AB", Why: "Different acts are never merged; each refuses for itself."},
	},
}

var ending = Section{
	Title: "The end of an act",
	Intro: "An act refuses until its end plus five minutes of leeway, for which validators may accept a token after its `exp`.",
	Cases: []Case{
		{Name: "last second", Acts: acts(session("A", "session-1", ends(1-leeway))), RefusedBy: "A", Why: "End + leeway is a second away."},
		{Name: "ended", Acts: acts(session("A", "session-1", ends(-leeway))), Why: "From end + leeway on no token that the act covers can be accepted anywhere."},
		{Name: "extended before it ended", Acts: acts(session("A", "session-1", ends(-leeway)), session("A", "session-1", ends(1-leeway))), RefusedBy: "A", Why: "The later end counts."},
		{Name: "the extension comes first", Acts: acts(session("A", "session-1", ends(86_400)), session("A", "session-1", ends(-leeway))), RefusedBy: "A", Why: "The later end counts."},
		{Name: "the confirmed copy ends earlier than the open one", Acts: acts(session("A", "session-1", ends(86_400)), session("A", "session-1", confirmed, ends(-leeway))),
			Why: "After the confirmation no longer-lived token can exist: the confirmed end counts."},
		{Name: "a late extension of a confirmed act", Acts: acts(session("A", "session-1", confirmed, ends(-leeway)), session("A", "session-1", ends(86_400))),
			Why: "The higher state wins, in any order."},
		{Name: "one of two acts has ended", Acts: acts(user("A", "user-1", 0, ends(-leeway)), user("B", "user-1", 0)), RefusedBy: "B", Why: "The other one stands."},
		{Name: "act without a foreseeable end", Acts: acts(session("A", "session-1", ends(1<<33-1-T))), RefusedBy: "A", Why: "No arithmetic on the largest time overflows."},
	},
}

var ids = Section{
	Title: "Ids",
	Intro: "Ids are opaque strings of at most 256 bytes, compared byte for byte.",
	Cases: []Case{
		{Name: "UUID", Token: Claims{"sub": uuid}, Acts: acts(user("A", uuid, 0)), RefusedBy: "A", Why: "Equal."},
		{Name: "UUID in upper case", Token: Claims{"sub": uuid}, Acts: acts(user("A", upperID, 0)), Why: "Another string. Cognito mints lower case."},
		{Name: "UUID in upper case, both", Token: Claims{"sub": upperID}, Acts: acts(user("A", upperID, 0)), RefusedBy: "A", Why: "Equal."},
		{Name: "UUID without hyphens", Token: Claims{"sub": uuid}, Acts: acts(user("A", strings.ReplaceAll(uuid, "-", ""), 0)), Why: "Another string."},
		{Name: "UUID in braces", Token: Claims{"sub": uuid}, Acts: acts(user("A", "{"+uuid+"}", 0)), Why: "Another string."},
		{Name: "UUID with a URN prefix", Token: Claims{"sub": uuid}, Acts: acts(user("A", "urn:uuid:"+uuid, 0)), Why: "Another string."},
		{Name: "256 bytes", Token: Claims{"sub": longID}, Acts: acts(user("A", longID, 0)), RefusedBy: "A", Why: "The longest id."},
		{Name: "the last of 256 bytes differs", Token: Claims{"sub": longID[1:] + "y"}, Acts: acts(user("A", longID, 0)), Why: "Nothing is cut off."},
		{Name: "257 bytes in the token", Token: Claims{"sub": longID + "x"}, Acts: acts(user("A", longID, 0)), Why: "No act can name it: revoke the pool or the client instead. Nothing is cut off."},
		{Name: "prefix", Token: Claims{"sub": "user-11"}, Acts: acts(user("A", "user-1", 0)), Why: "No prefix matches."},
		{Name: "case", Token: Claims{"sub": "User-1"}, Acts: acts(user("A", "user-1", 0)), Why: "Case counts."},
		{Name: "space at the end", Token: Claims{"sub": "user-1 "}, Acts: acts(user("A", "user-1", 0)), Why: "Nothing is trimmed."},
		{Name: "one letter, two Unicode forms", Token: Claims{"cognito:groups": []string{"Cafe\u0301"}}, Acts: acts(group("A", "Caf\u00e9", 0)), Why: "Nothing is normalized."},
		{Name: "not a UUID", Token: Claims{"sub": "Google_117"}, Acts: acts(user("A", "Google_117", 0)), RefusedBy: "A", Why: "A `sub` need not be a UUID."},
		{Name: "wildcard", Acts: acts(user("A", "*", 0), session("B", "*"), group("C", ">", 0)), Why: "There are no wildcards."},
	},
}

var pools = Section{
	Title: "Pools and issuers",
	Intro: "Everything is scoped by user pool. A pool has two issuer hosts, and further ones by configuration. A token whose `iss` maps to no pool is malformed.",
	Cases: []Case{
		{Name: "the second issuer host", Token: Claims{"iss": "https://issuer-cognito-idp.eu-west-1.amazonaws.com/" + shop}, Acts: acts(session("A", "session-1")), RefusedBy: "A",
			Why: "Both hosts are the same pool."},
		{Name: "same user id in another pool", Token: Claims{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/" + shopB}, Acts: acts(user("A", "user-1", 0)), Why: "Another pool, another user."},
		{Name: "act in another pool", Acts: acts(user("A", "user-1", 0, in(shopB))), Why: "Another pool, another user."},
		{Name: "same pool name in another Region", Token: Claims{"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Shop"}, Acts: acts(wholePool("A", 0)), Why: "Another Region or account, another pool."},
		{Name: "the other Region's own act", Token: Claims{"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Shop"}, Acts: acts(wholePool("A", 0, in("us-east-1_Shop"))), RefusedBy: "A", Why: "Several pools and accounts, one denylist."},
		{Name: "a Region in China", Token: Claims{"iss": "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Shop"}, Acts: acts(session("A", "session-1", in("cn-north-1_Shop"))), RefusedBy: "A", Why: "Its hosts end in `.cn`."},
		{Name: "an emulator's issuer", Token: Claims{"iss": "http://localhost:9229/local_1"}, Acts: acts(session("A", "session-1", in(emulated))), RefusedBy: "A", Why: "Mapped by configuration."},
		{Name: "issuer host of another Region", Token: Claims{"iss": "https://cognito-idp.us-east-1.amazonaws.com/" + shop}, Malformed: "iss", Why: "A pool has no issuer in another Region."},
		{Name: "issuer with a slash at the end", Token: Claims{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/" + shop + "/"}, Malformed: "iss", Why: "Not an issuer that Cognito writes."},
		{Name: "issuer without TLS", Token: Claims{"iss": "http://cognito-idp.eu-west-1.amazonaws.com/" + shop}, Malformed: "iss", Why: "Not an issuer that Cognito writes."},
		{Name: "issuer in upper case", Token: Claims{"iss": "https://COGNITO-IDP.eu-west-1.amazonaws.com/" + shop}, Malformed: "iss", Why: "Compared byte for byte."},
		{Name: "look-alike host", Token: Claims{"iss": "https://cognito-idp.eu-west-1.amazonaws.com.example/" + shop}, Malformed: "iss", Why: "Somebody else's host."},
		{Name: "host behind user info", Token: Claims{"iss": "https://cognito-idp.eu-west-1.amazonaws.com@example.com/" + shop}, Malformed: "iss", Why: "Somebody else's host."},
		{Name: "issuer with a query", Token: Claims{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/" + shop + "?x"}, Malformed: "iss", Why: "Not an issuer that Cognito writes."},
		{Name: "no issuer", Token: Claims{"iss": Absent}, Malformed: "iss", Why: "Required."},
		{Name: "a pool that nobody has configured", Token: Claims{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other"}, Acts: acts(wholePool("A", 0)),
			Strict: "the pool is not configured", Why: "It is a pool's issuer, but no act is about that pool."},
	},
}

var claimForms = Section{
	Title: "Absent and odd claims",
	Intro: "A claim that may be absent may not be mistyped: such a token is malformed and refused. Arrays are compared element by element. An empty claim is never looked up.",
	Cases: []Case{
		{Name: "empty jti", Token: Claims{"jti": ""}, Acts: acts(session("A", "session-1")), RefusedBy: "A", Why: "The other claims count as always."},
		{Name: "no jti and no origin_jti", Token: Claims{"jti": Absent, "origin_jti": Absent}, Acts: acts(token("A", "token-1"), session("B", "session-1")),
			Why: "The app client was created without token revocation: such tokens can be revoked by user, client, group, device and pool only. Report-only mode counts them."},
		{Name: "no jti and no origin_jti, user revoked", Token: Claims{"jti": Absent, "origin_jti": Absent}, Acts: acts(user("A", "user-1", 0)), RefusedBy: "A", Why: "By user they can."},
		{Name: "empty element among the groups", Token: Claims{"cognito:groups": []string{"", "admins"}}, Acts: acts(group("A", "admins", 0)), RefusedBy: "A", Why: "It is skipped, the rest is not."},
		{Name: "no group at all", Token: Claims{"cognito:groups": []string{}}, Acts: acts(group("A", "admins", 0)), Why: "An empty list."},
		{Name: "a group stands twice", Token: Claims{"cognito:groups": []string{"admins", "admins"}}, Acts: acts(group("A", "admins", 0)), RefusedBy: "A", Why: "Once is enough."},
		{Name: "groups in one string", Token: Claims{"cognito:groups": "admins,staff"}, Malformed: "cognito:groups", Why: "To guess a separator is to miss a group."},
		{Name: "a group that is a number", Token: Claims{"cognito:groups": []any{"staff", 7}}, Malformed: "cognito:groups", Why: "To skip it is to miss a group."},
		{Name: "a group that is a list", Token: Claims{"cognito:groups": []any{[]any{"admins"}}}, Malformed: "cognito:groups", Why: "To skip it is to miss a group."},
		{Name: "groups of null", Token: Claims{"cognito:groups": nil}, Malformed: "cognito:groups", Why: "Present and not a list."},
		{Name: "jti that is a number", Token: Claims{"jti": 7}, Malformed: "jti", Why: "Mistyped."},
		{Name: "origin_jti that is a list", Token: Claims{"origin_jti": []any{"session-1"}}, Malformed: "origin_jti", Why: "Mistyped; a check that skips it would accept a revoked session."},
		{Name: "origin_jti of null", Token: Claims{"origin_jti": nil}, Malformed: "origin_jti", Why: "Present and not a string."},
		{Name: "client_id that is an object", Token: Claims{"client_id": map[string]any{}}, Malformed: "client_id", Why: "Mistyped."},
		{Name: "device_key that is a boolean", Token: Claims{"device_key": true}, Malformed: "device_key", Why: "Mistyped."},
		{Name: "no sub", Token: Claims{"sub": Absent}, Malformed: "sub", Why: "Required: every token of Cognito's has one."},
		{Name: "empty sub", Token: Claims{"sub": ""}, Malformed: "sub", Why: "Required."},
		{Name: "no client_id", Token: Claims{"client_id": Absent}, Acts: acts(client("A", "client-1", 0)), Strict: "a client is required", Why: "An empty claim is never looked up."},
		{Name: "no token_use", Token: Claims{"token_use": Absent}, Malformed: "token_use", Why: "It decides which claim names the client."},
		{Name: "an unknown token_use", Token: Claims{"token_use": "refresh"}, Malformed: "token_use", Why: "Neither of Cognito's JWTs."},
		{Name: "iat in milliseconds", Token: Claims{"iat": (T - 60) * 1000}, Malformed: "iat", Why: "It would pass every cutoff for thousands of years."},
		{Name: "iat with a fraction", Token: Claims{"iat": float64(T) - 60.5}, Malformed: "iat", Why: "Cognito mints whole seconds."},
		{Name: "negative iat", Token: Claims{"iat": -1}, Malformed: "iat", Why: "No such time."},
		{Name: "iat of 2^33", Token: Claims{"iat": 1 << 33}, Malformed: "iat", Why: "The first value out of range."},
		{Name: "iat of 2^63", Token: Claims{"iat": uint64(1) << 63}, Malformed: "iat", Why: "It would overflow to a time before every cutoff, or after."},
		{Name: "iat that is a string", Token: Claims{"iat": "955324740"}, Malformed: "iat", Why: "Mistyped."},
		{Name: "iat of null", Token: Claims{"iat": nil}, Malformed: "iat", Why: "Present and not a number."},
		{Name: "auth_time that is a boolean", Token: Claims{"auth_time": true}, Malformed: "auth_time", Why: "Mistyped."},
		{Name: "auth_time in milliseconds", Token: Claims{"auth_time": (T - 60) * 1000}, Malformed: "auth_time", Why: "It would make an old session a new one."},
		{Name: "no exp", Token: Claims{"exp": Absent}, Acts: acts(token("A", "token-2")), Strict: "`exp` is required", Why: "The denylist does not need it; a validator does."},
		{Name: "exp that is a string", Token: Claims{"exp": "never"}, Malformed: "exp", Why: "Mistyped."},
	},
}

var idTokens = Section{
	Title: "ID tokens",
	Intro: "The client of an ID token is its `aud`, and it has no `device_key`.",
	Cases: []Case{
		{Name: "session", Token: Claims{"token_use": "id", "aud": "client-1", "client_id": Absent}, Acts: acts(session("A", "session-1")), RefusedBy: "A", Why: "ID tokens have the session's `origin_jti`, too."},
		{Name: "client by aud", Token: Claims{"token_use": "id", "aud": "client-1", "client_id": Absent}, Acts: acts(client("A", "client-1", 0)), RefusedBy: "A", Why: "`aud` is the client."},
		{Name: "client by aud in a list of one", Token: Claims{"token_use": "id", "aud": []string{"client-1"}, "client_id": Absent}, Acts: acts(client("A", "client-1", 0)), RefusedBy: "A", Why: "RFC 7519 allows either form."},
		{Name: "aud in a list of two", Token: Claims{"token_use": "id", "aud": []string{"client-2", "client-1"}, "client_id": Absent}, Malformed: "aud", Why: "Cognito's ID tokens have one. To take the first is to miss the second."},
		{Name: "client_id of an ID token", Token: Claims{"token_use": "id", "aud": "client-1", "client_id": "client-2"}, Acts: acts(client("A", "client-2", 0)), Why: "Not the claim that names its client."},
		{Name: "aud of an access token", Token: Claims{"aud": "client-2"}, Acts: acts(client("A", "client-2", 0)), Why: "Not the claim that names its client: `aud` is a resource server there."},
		{Name: "device", Token: Claims{"token_use": "id", "aud": "client-1", "client_id": Absent}, Acts: acts(device("A", "device-1", 0)),
			Why: "A device act reaches access tokens only. End the session to reach both."},
	},
}

var mistakes = Section{
	Title: "Mistakes that others have made",
	Intro: "Each of these let revoked tokens pass, or refused good ones, in some product.",
	Cases: []Case{
		{Name: "a pool's older cutoff beside a client's newer one", Acts: acts(wholePool("A", -3600), client("B", "client-1", 0)), RefusedBy: "B",
			Why: "Scope precedence: the wider cutoff masked the narrower one. Here any act that refuses is enough."},
		{Name: "a client's older cutoff beside a pool's newer one", Acts: acts(client("A", "client-1", -3600), wholePool("B", 0)), RefusedBy: "B", Why: "And the other way round."},
		{Name: "an older cutoff arrives after a newer one", Acts: acts(user("A", "user-1", 0), user("B", "user-1", -3600)), RefusedBy: "A",
			Why: "Last write wins lowered the cutoff. Here acts are never overwritten by others."},
		{Name: "a newer cutoff arrives after an older one", Acts: acts(user("A", "user-1", -3600), user("B", "user-1", 0)), RefusedBy: "B", Why: "Either order."},
		{Name: "revocation in the past, token issued since", Token: Claims{"auth_time": T - 5, "iat": T - 5}, Acts: acts(user("A", "user-1", -10)),
			Why: "The cutoff was compared with the clock (CVE-2020-26892). Here it is compared with the token's times, so a new sign-in passes."},
		{Name: "revocation in the past, token issued before", Acts: acts(user("A", "user-1", -10)), RefusedBy: "A", Why: "The same, for a token that must be refused."},
		{Name: "signed in again within the second", Token: Claims{"auth_time": T - 10, "iat": T - 10}, Acts: acts(user("A", "user-1", -10)), RefusedBy: "A",
			Why: "To accept it would accept a token stolen in that second. Clients wait for `not_before`."},
		{Name: "session looked up as jti", Acts: acts(token("A", "session-1")), Why: "A refresh token's revocation ends a session, `origin_jti`; to look it up as `jti` finds nothing, and here nothing is confused."},
		{Name: "jti of the first token as session", Token: Claims{"jti": "session-1", "origin_jti": "session-9"}, Acts: acts(session("A", "session-1")), Why: "The two claims are apart although their values may be equal."},
		{Name: "in the last seconds of its life", Token: Claims{"exp": T + 5}, Acts: acts(token("A", "token-1", ends(5))), RefusedBy: "A",
			Why: "Checks were skipped for tokens about to expire. There is no window without a check."},
		{Name: "past exp, within the skew", Token: Claims{"exp": T - 20}, Acts: acts(token("A", "token-1", ends(-20))), RefusedBy: "A",
			Why: "A validator with 30 s of skew still accepts it; the act outlives that."},
		{Name: "lifetime shortened after the token was issued", Token: Claims{"exp": T + 80_000}, Acts: acts(session("A", "session-1", ends(80_000))), RefusedBy: "A",
			Why: "An end computed from today's setting forgot tokens issued under yesterday's. Acts carry their own end, from the longest life that was possible."},
		{Name: "pool and id joined, one", Token: Claims{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/" + shopB, "sub": "x"}, Acts: acts(user("A", "Bx", 0)),
			Why: "`eu-west-1_Shop` + `Bx` and `eu-west-1_ShopB` + `x` are one string and two users."},
		{Name: "pool and id joined, the other", Token: Claims{"sub": "Bx"}, Acts: acts(user("A", "x", 0, in(shopB))), Why: "And the other way round."},
		{Name: "claim and value joined", Token: Claims{"sub": "client-user-1"}, Acts: acts(client("A", "user-1", 0)), Why: "A kind is not part of a string."},
		{Name: "separator within an id", Token: Claims{"sub": "user-1|session-1"}, Acts: acts(user("A", "user-1", 0), session("B", "session-2")), Why: "No separator has a meaning."},
		{Name: "an empty target among the claims", Token: Claims{"device_key": "", "origin_jti": ""}, Acts: acts(device("A", "device-2", 0), session("B", "session-2")),
			Why: "Empty matched empty, so that one odd entry refused everybody."},
		{Name: "username instead of sub", Acts: acts(user("A", "name-1", 0)), Why: "A user act names the `sub`, which Cognito never gives to anybody else; no other claim stands in for it."},
		{Name: "token minted again with the same claims", Acts: acts(session("A", "session-1")), RefusedBy: "A",
			Why: "Denylists of raw tokens or signatures missed the second spelling of a token. Identity is claims, never bytes."},
		{Name: "device lost, another client", Token: Claims{"client_id": "client-2"}, Acts: acts(device("A", "device-1", 0)), RefusedBy: "A", Why: "No other claim narrows an act."},
	},
}
