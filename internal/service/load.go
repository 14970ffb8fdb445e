package service

import (
	"fmt"
	"os"
	"strings"

	"github.com/seed-4e8dee1b/revoked/internal/config"
)

// Load returns the defaults, with the file at path over them (none if path is
// empty), the environment over that, and last what override does, which may be
// nil. Secrets are read from their files.
//
// The error is a [*ConfigError] that lists everything that is wrong; only if
// the file is not the YAML that is expected, it is all about that.
func Load(path string, environ map[string]string, override func(*Config)) (Config, error) {
	cfg, problems, err := read(path, environ)
	if err != nil {
		return Config{}, err
	}
	if override != nil {
		override(&cfg)
	}
	problems = append(problems, cfg.readSecrets()...)
	problems = append(problems, cfg.problems()...)
	if err := config.Wrong(problems); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// LoadNATS is [Load] for a command that needs NATS only: nothing else has to
// be there.
func LoadNATS(path string, environ map[string]string) (Config, error) {
	cfg, problems, err := read(path, environ)
	if err != nil {
		return Config{}, err
	}
	problems = append(problems, cfg.natsProblems()...)
	if err := config.Wrong(problems); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// read returns what file and environment say, and what is wrong with the form
// of the environment. The error is about the file.
func read(path string, environ map[string]string) (Config, []Problem, error) {
	cfg := Default()
	if path != "" {
		if err := config.Wrong(config.ReadFile(path, &cfg)); err != nil {
			return Config{}, nil, err
		}
	}
	return cfg, config.ReadEnv(environ, &cfg), nil
}

// readSecrets fills in the secrets that have files. A secret that is given
// twice is an error: one of the two is not in force, and nobody could say
// which was meant.
func (c *Config) readSecrets() []Problem {
	var problems []Problem
	read := func(secret *Secret, file *string, key, fileKey string) {
		if *file == "" {
			return
		}
		if *secret != "" {
			problems = append(problems, Problem{
				Key: key, Value: config.Mask, Reason: "is set beside " + fileKey, Fix: "remove one of them",
			})
			return
		}
		text, err := os.ReadFile(*file)
		if err != nil {
			problems = append(problems, Problem{
				Key: fileKey, Value: *file, Reason: config.Cause(err), Fix: "name a file that can be read, with the secret in it",
			})
			return
		}
		// Editors end a file with a line break, and no secret does.
		*secret = Secret(strings.TrimRight(string(text), "\r\n"))
		if *secret == "" {
			problems = append(problems, Problem{
				Key: fileKey, Value: *file, Reason: "is empty", Fix: "put the secret into it",
			})
		}
	}
	read(&c.APIKey, &c.APIKeyFile, "REVOKED_API_KEY", "api_key_file (REVOKED_API_KEY_FILE)")
	read(&c.SealKeys, &c.SealKeysFile, "REVOKED_SEAL_KEYS", "seal_keys_file (REVOKED_SEAL_KEYS_FILE)")
	for i := range c.Pools {
		for j := range c.Pools[i].Clients {
			client := &c.Pools[i].Clients[j]
			key := fmt.Sprintf("pools[%d].clients[%d].secret", i, j)
			read(&client.Secret, &client.SecretFile, key, key+"_file")
		}
	}
	return problems
}
