// Package acttest generates tokens, acts and histories of acts for property
// tests, and holds a naive [Model] of a set of acts to compare with.
//
//	rapid.Check(t, func(t *rapid.T) {
//		var model acttest.Model
//		for _, a := range acttest.History().Draw(t, "history") {
//			model.Apply(a)
//			set.Apply(a) // the code under test
//		}
//		tok, now := acttest.Token().Draw(t, "tok"), acttest.Now().Draw(t, "now")
//		// set must refuse tok at now if and only if model.Refuses(tok, now) names an act.
//	})
//
// The alphabets are small on purpose, so that acts and tokens meet: the same
// id stands in several claims, kinds and pools, ids differ in case only or
// become equal when joined to their pool, and times fall on the second of a
// cutoff or of an end. Every act drawn is valid, and two acts drawn anywhere
// with the same ID are copies of one act: they differ in State and ExpiresAt
// only. The number of cases is that of the flag -rapid.checks.
package acttest
