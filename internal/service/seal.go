package service

import (
	"github.com/seed-4e8dee1b/revoked/internal/config"
	"github.com/seed-4e8dee1b/revoked/publisher/tasks"
)

// checkSeal finds out whether refresh tokens can be stored.
func (c Config) checkSeal(list *config.Problems) {
	const key = "REVOKED_SEAL_KEYS"
	const fix = "set it, or REVOKED_SEAL_KEYS_FILE, to one or more keys of 64 hexadecimal digits, such as that of: openssl rand -hex 32"
	switch {
	case c.InsecureEphemeralSealKey && c.SealKeys != "":
		list.Add(key, config.Mask, "is set beside --insecure-ephemeral-seal-key", "remove one of them")
	case c.InsecureEphemeralSealKey:
	case c.SealKeys == "":
		list.Add(key, "", "is missing", fix)
	default:
		if _, err := tasks.ParseKeys(string(c.SealKeys)); err != nil {
			list.Add(key, config.Mask, "is not a list of keys ("+err.Error()+")", fix)
		}
	}
}

// sealKeys returns the keys in force. The configuration has been checked.
func (c Config) sealKeys() (tasks.Keys, error) {
	if c.InsecureEphemeralSealKey {
		return tasks.RandomKeys(), nil
	}
	return tasks.ParseKeys(string(c.SealKeys))
}
