// Package docs checks what the documentation says against what there is: links
// and anchors, commands and flags, Go code, and the names of tests, metrics,
// variables and alerts. It is for tests only.
//
//	repo, err := docs.Open("../..")
//	for _, p := range slices.Concat(repo.Links(), repo.GoBlocks(), repo.Names()) {
//		t.Error(p)
//	}
//
// The test of this package does that for every Markdown file of the repository.
// The commands of a binary are checked by a test beside its main package, which
// alone has the tree of commands; its page of docs/reference, which package
// reference writes, has all examples of its help:
//
//	for _, p := range repo.Commands(rootCommand()) {
//		t.Error(p)
//	}
//
// What is said in prose is nobody's to check but the reader's. Write a name in
// backticks, and it is held to exist.
package docs
