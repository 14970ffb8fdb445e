// Package verdicts is one table of tokens, acts and what must become of the
// token. The tests of package revocation's rules, of the denylist, and of the
// subscriber behind the HTTP middleware all run over it, so that the three
// cannot drift apart, and docs/verdicts.md is written from it:
//
//	go test ./internal/verdicts -update
//
// Every case is decided at [T], in which a synctest bubble can be, and every
// token differs from [Base] in a few claims. For tests only.
package verdicts
