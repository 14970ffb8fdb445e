package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// writeSecrets makes a file for each name, with 256 random bits: what
// REVOKED_SEAL_KEYS_FILE and REVOKED_API_KEY_FILE may hold. One that exists is
// kept.
func writeSecrets(s store, names []string) error {
	if len(names) == 0 {
		return errUsage
	}
	for _, name := range names {
		if err := checkName("name", name); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(s.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return err
			}
			continue
		}
		raw := make([]byte, 32)
		rand.Read(raw) // it never fails
		if err := s.write(name, []byte(hex.EncodeToString(raw)+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}
