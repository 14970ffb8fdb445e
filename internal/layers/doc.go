// Package layers holds no code, only a test of which packages may depend on
// which. The linters look at imports file by file; this test looks at all that
// a package links, so that a service which embeds the subscriber and the
// validator stays small, and so that a rule can't be broken through a third
// package.
//
// A failure names the package, the forbidden dependency, the way to it and the
// reason for the rule. When a rule is wrong, change it here and in
// .golangci.yml, and say why in a decision under docs/decisions.
package layers
