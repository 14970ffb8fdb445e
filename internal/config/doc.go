// Package config is how our binaries read their configuration: strict YAML,
// then the environment, then flags, and one list of everything that is wrong,
// each with the place, the reason and the remedy.
//
//	problems := config.ReadFile(path, &cfg)                 // unknown keys, wrong types
//	problems = append(problems, config.ReadEnv(environ, &cfg)...)
//	problems = append(problems, cfg.problems()...)          // the binary's own rules
//	return config.Wrong(problems)
//
// It knows no setting of any binary but those of NATS, which they share.
package config
