package subscriber

import "io/fs"

// syncDir does nothing: Windows refuses to flush a directory, and NTFS keeps a
// journal of renames.
func syncDir(string) error { return nil }

// writableByAll knows nothing of access lists, which are what counts there.
func writableByAll(fs.FileInfo) bool { return false }
