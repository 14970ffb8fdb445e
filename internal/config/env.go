package config

import (
	"errors"
	"os"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Environ returns the environment of the process.
func Environ() map[string]string {
	vars := make(map[string]string)
	for _, entry := range os.Environ() {
		key, value, _ := strings.Cut(entry, "=")
		vars[key] = value
	}
	return vars
}

// ReadEnv reads the variables that the env tags of cfg name over what cfg
// points to. A variable that is unset or empty changes nothing.
func ReadEnv(environ map[string]string, cfg any) []Problem {
	fields, err := env.GetFieldParams(cfg)
	if err != nil {
		return []Problem{{Key: "environment", Reason: err.Error(), Fix: "correct it"}}
	}
	var problems []Problem
	for _, f := range fields {
		value := environ[f.Key]
		if value == "" {
			continue
		}
		// One at a time: an error of the library names the field only.
		if err := env.ParseWithOptions(cfg, env.Options{Environment: map[string]string{f.Key: value}}); err != nil {
			problems = append(problems, envProblem(f.Key, err))
		}
	}
	return problems
}

// envProblem rewords an error of the env library. It never repeats the value,
// which may be a secret.
func envProblem(key string, err error) Problem {
	reason := "can't be read"
	if all, ok := errors.AsType[env.AggregateError](err); ok && len(all.Errors) > 0 {
		err = all.Errors[0]
	}
	if wrong, ok := errors.AsType[env.ParseError](err); ok {
		reason = "is not " + kindName(wrong.Type.String())
	}
	return Problem{Key: key, Reason: reason, Fix: "correct or unset it"}
}
